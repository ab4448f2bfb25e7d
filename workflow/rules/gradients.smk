# Paper B beyond its trainings: gradients at snapshots, and cost.


# A target: all measurements at snapshots.
rule gradients:
    input:
        experiment_files("gradients"),


SNAPSHOT = "{experiment}/epoch-{epoch}"


rule measure:
    input:
        IMAGES,
        CONFIGURED,
        # New parameters always come with a new record.
        lambda wildcards: snapshot_file(wildcards).with_suffix(".json"),
        ancient(lambda wildcards: snapshot_file(wildcards)),
    output:
        study_files(SNAPSHOT, SETTINGS.gradients["gradients"].tables),
    log:
        FOLDER / f"logs/studies/{SNAPSHOT}.log",
    benchmark:
        FOLDER / f"benchmarks/studies/{SNAPSHOT}.tsv"
    wildcard_constraints:
        experiment="gradients",
        epoch=r"\d+",
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        gpu=GPU,
        mem_mb=mb_of(SNAPSHOT),
        runtime=minutes_of(SNAPSHOT),
    params:
        fingerprint=fingerprint_of(SNAPSHOT),
    shell:
        compute(SNAPSHOT)


# Measured with the metric of the authors' public code, which fills fewer tables.
use rule measure as measure_run with:
    output:
        study_files(SNAPSHOT, SETTINGS.gradients["gradients-run"].tables),
    wildcard_constraints:
        experiment="gradients-run",
        epoch=r"\d+",


# This rule requests all cores, so that no other job runs while it measures time. On a cluster, where the number of
# cores is unknown, the profile requests an exclusive node.
rule cost:
    input:
        IMAGES,
        CONFIGURED,
    output:
        study_files("cost", declared.EXPERIMENTS["cost"].writes),
    log:
        FOLDER / "logs/studies/cost.log",
    benchmark:
        FOLDER / "benchmarks/studies/cost.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.resource_settings.cores or 1
    resources:
        gpu=GPU,
        mem_mb=mb_of("cost"),
        runtime=minutes_of("cost"),
    params:
        fingerprint=fingerprint_of("cost"),
    shell:
        compute("cost")
