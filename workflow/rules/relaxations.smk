# Paper A: VAEs with every kind of latent variables.


# All of it, as a target.
rule relaxations:
    input:
        experiment_files("relaxations", *declared.DEMONSTRATIONS),


# A training as any other, with pictures of what it has learned.
use rule train as relaxed with:
    output:
        table=FOLDER / "{experiment}/{shape}/{estimator}.csv",
        record=FOLDER / "{experiment}/{shape}/{estimator}.json",
        pictures=FOLDER / "{experiment}/{shape}/{estimator}.npz",
    wildcard_constraints:
        experiment="relaxations",
