rule data:
    input:
        CONFIGURED,
    output:
        train=FOLDER / "data/train.npy",
        test=FOLDER / "data/test.npy",
        record=FOLDER / "data/data.json",
    log:
        FOLDER / "logs/data.log",
    benchmark:
        FOLDER / "benchmarks/data.tsv"
    conda:
        "../../environment.yml"
    params:
        dataset=repr(SETTINGS.dataset),
        # Providing MNIST after a fallback prepares the images again; removing it does not.
        at_hand=AT_HAND,
        source=sources.fingerprint(
            ["reinrelax.datasets.data", *SETTINGS.dataset.modules]
        ),
    shell:
        reinrelax("data")


# The images as inputs. Only the record is compared, because it contains a checksum of all pixels. File times of the
# arrays, which are too large for Snakemake to compare, are meaningless after a copy.
IMAGES = [
    rules.data.output.record,
    ancient(rules.data.output.train),
    ancient(rules.data.output.test),
]
