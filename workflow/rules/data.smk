rule data:
    output:
        train=FOLDER / "data/train.npy",
        test=FOLDER / "data/test.npy",
        record=FOLDER / "data/data.json",
    params:
        # Asked for, and found or not: supplying MNIST after a fallback prepares the images anew.
        dataset=repr(SETTINGS.dataset),
        found=(data.root_of(SETTINGS.dataset) / "MNIST/raw").is_dir(),
        source=sources.fingerprint(["reinrelax.data"]),
    log:
        FOLDER / "logs/data.log",
    benchmark:
        FOLDER / "benchmarks/data.tsv"
    shell:
        "{COMMAND} data {EFFECTIVE} 2> {log}"
