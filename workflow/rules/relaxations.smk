# Paper A: VAEs with every kind of latent variables.


# All of it, as a target.
rule relaxations:
    input:
        experiment_files("relaxations", *declared.DEMONSTRATIONS),


# A training as any other, with pictures of what it has learned.
use rule train as relaxed with:
    output:
        table=FOLDER / f"{CELL}.csv",
        record=FOLDER / f"{CELL}.json",
        pictures=FOLDER / f"{CELL}.npz",
    wildcard_constraints:
        experiment="relaxations",
