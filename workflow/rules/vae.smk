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


rule train:
    input:
        IMAGES,
        CONFIGURED,
    output:
        table=FOLDER / "{experiment}/{shape}/{estimator}.csv",
        record=FOLDER / "{experiment}/{shape}/{estimator}.json",
    log:
        FOLDER / "logs/train/{experiment}/{shape}/{estimator}.log",
    benchmark:
        FOLDER / "benchmarks/train/{experiment}/{shape}/{estimator}.tsv"
    wildcard_constraints:
        experiment="|".join(
            SETTINGS.trainings.keys() - {*configuration.GRADIENTS, "relaxations"}
        ),
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        gpu=GPU,
        mem_mb=training_mb,
        runtime=training_minutes,
    params:
        # All that the result depends on: the rows of the run table and the source that computes them.
        fingerprint=lambda wildcards: cell_of(wildcards).fingerprint,
    shell:
        reinrelax(
            "train --fingerprint {params.fingerprint} --cell"
            " {wildcards.experiment}/{wildcards.shape}/{wildcards.estimator:q}"
        )


# The VAEs at whose snapshots gradients are measured: the same training, with its parameters kept.
use rule train as snapshots with:
    output:
        table=FOLDER / "{experiment}/{shape}/{estimator}.csv",
        record=FOLDER / "{experiment}/{shape}/{estimator}.json",
        snapshots=FOLDER / "{experiment}/{shape}/{estimator}.pt",
    wildcard_constraints:
        experiment="|".join(configuration.GRADIENTS),
