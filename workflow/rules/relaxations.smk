# Paper A: VAEs with every kind of latent variables.


# A target: all of it.
rule relaxations:
    input:
        experiment_files("relaxations", *declared.DEMONSTRATIONS),


# A training like any other, which also writes pictures of the trained model.
use rule train as relaxed with:
    output:
        table=FOLDER / f"{CELL}.csv",
        record=FOLDER / f"{CELL}.json",
        pictures=FOLDER / f"{CELL}.npz",
    wildcard_constraints:
        experiment="relaxations",
