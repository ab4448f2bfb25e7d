# Paper B beyond its trainings: gradients at snapshots, cost.


# All snapshots, as a target.
rule gradients:
    input:
        experiment_files("gradients"),


rule measure:
    input:
        IMAGES,
        CONFIGURED,
        # New parameters come with a new record.
        lambda wildcards: snapshot_file(wildcards).with_suffix(".json"),
        ancient(lambda wildcards: snapshot_file(wildcards)),
    output:
        snapshot_files("gradients"),
    log:
        FOLDER / "logs/studies/{experiment}/epoch-{epoch}.log",
    benchmark:
        FOLDER / "benchmarks/studies/{experiment}/epoch-{epoch}.tsv"
    wildcard_constraints:
        experiment="gradients",
        epoch=r"\d+",
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        gpu=GPU,
        mem_mb=3000,
        runtime=lambda wildcards: study_minutes(snapshot_name(wildcards)),
    params:
        fingerprint=lambda wildcards: study_fingerprint(snapshot_name(wildcards)),
    shell:
        reinrelax(
            "study --fingerprint {params.fingerprint}"
            " --study {wildcards.experiment}/epoch-{wildcards.epoch}"
        )


# By the metric that the authors' public code computes: fewer tables.
use rule measure as measure_run with:
    output:
        snapshot_files("gradients-run"),
    wildcard_constraints:
        experiment="gradients-run",
        epoch=r"\d+",


# It asks for all cores, so that nothing else runs beside what it times; on a cluster, where there is no such number,
# the profile asks for a node of its own.
rule cost:
    input:
        IMAGES,
        CONFIGURED,
    output:
        study_files("cost"),
    log:
        FOLDER / "logs/studies/cost.log",
    benchmark:
        FOLDER / "benchmarks/studies/cost.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.resource_settings.cores or 1
    resources:
        gpu=GPU,
        mem_mb=3000,
        runtime=study_minutes("cost"),
    params:
        fingerprint=study_fingerprint("cost"),
    shell:
        reinrelax("study --fingerprint {params.fingerprint} --study cost")
