# Tables 2 and 3, as a target; and so on.
rule elbo:
    input:
        experiment_files("elbo"),


# The first epochs beside the authors' curves.
rule early:
    input:
        experiment_files("early"),


rule beta:
    input:
        experiment_files("beta"),


rule grid:
    input:
        experiment_files("grid"),


rule readings:
    input:
        experiment_files("readings"),


CELL = "{experiment}/{shape}/{estimator}"


rule train:
    input:
        IMAGES,
        CONFIGURED,
    output:
        table=FOLDER / f"{CELL}.csv",
        record=FOLDER / f"{CELL}.json",
    log:
        FOLDER / f"logs/train/{CELL}.log",
    benchmark:
        FOLDER / f"benchmarks/train/{CELL}.tsv"
    wildcard_constraints:
        experiment="|".join(
            SETTINGS.trainings.keys() - {*configuration.GRADIENTS, "relaxations"}
        ),
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        gpu=GPU,
        mem_mb=mb_of(CELL),
        runtime=minutes_of(CELL),
    params:
        fingerprint=fingerprint_of(CELL),
    shell:
        compute(CELL)


# The VAEs at whose snapshots gradients are measured: the same training, with its parameters kept.
use rule train as snapshots with:
    output:
        table=FOLDER / f"{CELL}.csv",
        record=FOLDER / f"{CELL}.json",
        snapshots=FOLDER / f"{CELL}.pt",
    wildcard_constraints:
        experiment="|".join(configuration.GRADIENTS),
