# Paper A: VAEs with every kind of latent variables, and the demonstrations.


# All of it, as a target.
rule relaxations:
    input:
        experiment_files("relaxations", *studies.DEMONSTRATIONS),


# A training as any other, with pictures of what it has learned.
use rule train as relaxed with:
    output:
        table=FOLDER / "{experiment}/{shape}/{estimator}.csv",
        record=FOLDER / "{experiment}/{shape}/{estimator}.json",
        pictures=FOLDER / "{experiment}/{shape}/{estimator}.npz",
    wildcard_constraints:
        experiment="relaxations",


use rule identities as copula with:
    output:
        study_files("copula"),
    log:
        FOLDER / "logs/studies/copula.log",
    benchmark:
        FOLDER / "benchmarks/studies/copula.tsv"
    params:
        study="copula",
        fingerprint=study_fingerprint("copula"),


use rule identities as bridge with:
    output:
        study_files("bridge"),
    log:
        FOLDER / "logs/studies/bridge.log",
    benchmark:
        FOLDER / "benchmarks/studies/bridge.tsv"
    params:
        study="bridge",
        fingerprint=study_fingerprint("bridge"),


use rule identities as decoupled with:
    output:
        study_files("decoupled"),
    log:
        FOLDER / "logs/studies/decoupled.log",
    benchmark:
        FOLDER / "benchmarks/studies/decoupled.tsv"
    params:
        study="decoupled",
        fingerprint=study_fingerprint("decoupled"),


use rule identities as properties with:
    output:
        study_files("properties"),
    log:
        FOLDER / "logs/studies/properties.log",
    benchmark:
        FOLDER / "benchmarks/studies/properties.tsv"
    params:
        study="properties",
        fingerprint=study_fingerprint("properties"),


# The library as it was released, which needs `relaxit`.
use rule identities as library with:
    output:
        study_files("library"),
    log:
        FOLDER / "logs/studies/library.log",
    benchmark:
        FOLDER / "benchmarks/studies/library.tsv"
    params:
        study="library",
        fingerprint=study_fingerprint("library"),
