# Targets: Tables 2 and 3, followed by the other trainings.
rule elbo:
    input:
        experiment_files("elbo"),


# A target: the first epochs, to compare with the authors' curves.
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


# The VAEs at whose snapshots gradients are measured: trained as usual, but with their parameters saved.
use rule train as snapshots with:
    output:
        table=FOLDER / f"{CELL}.csv",
        record=FOLDER / f"{CELL}.json",
        snapshots=FOLDER / f"{CELL}.pt",
    wildcard_constraints:
        experiment="|".join(configuration.GRADIENTS),
