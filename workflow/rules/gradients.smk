# Paper B beyond its trainings: gradients at snapshots, cost.


# All snapshots, as a target.
rule gradients:
    input:
        experiment_files("gradients"),


SNAPSHOT = "{experiment}/epoch-{epoch}"


rule measure:
    input:
        IMAGES,
        CONFIGURED,
        # New parameters come with a new record.
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


# By the metric that the authors' public code computes: fewer tables.
use rule measure as measure_run with:
    output:
        study_files(SNAPSHOT, SETTINGS.gradients["gradients-run"].tables),
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
