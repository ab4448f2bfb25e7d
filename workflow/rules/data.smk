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
        # Supplying MNIST after a fallback prepares the images anew; taking it away again does not.
        at_hand=AT_HAND,
        source=sources.fingerprint(
            ["reinrelax.datasets.data", *SETTINGS.dataset.modules]
        ),
    shell:
        reinrelax("data")


# As inputs. Their record has a checksum of all pixels, so that is what tells new images from old ones; the file
# times of arrays that are too large for Snakemake to compare mean nothing after a copy.
IMAGES = [
    rules.data.output.record,
    ancient(rules.data.output.train),
    ancient(rules.data.output.test),
]
