# Paper B beyond its trainings: gradients at snapshots, identities by enumeration, cost.


# All snapshots, as a target.
rule gradients:
    input:
        experiment_files("gradients"),


rule measure:
    input:
        IMAGES,
        # New parameters come with a new record.
        studies.snapshot_path(SETTINGS).with_suffix(".json"),
        ancient(studies.snapshot_path(SETTINGS)),
    output:
        [
            FOLDER / "gradients/epoch-{epoch}" / name
            for name in (*[f"{t}.csv" for t in studies.GRADIENT_TABLES], "record.json")
        ],
    log:
        FOLDER / "logs/studies/gradients/epoch-{epoch}.log",
    benchmark:
        FOLDER / "benchmarks/studies/gradients/epoch-{epoch}.tsv"
    wildcard_constraints:
        epoch=r"\d+",
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        mem_mb=3000,
        runtime=lambda wildcards: study_minutes(f"gradients/epoch-{wildcards.epoch}"),
    params:
        fingerprint=lambda wildcards: study_fingerprint(
            f"gradients/epoch-{wildcards.epoch}"
        ),
    shell:
        reinrelax(
            "study --fingerprint {params.fingerprint} --study gradients/epoch-{wildcards.epoch}"
        )


rule identities:
    output:
        study_files("identities"),
    log:
        FOLDER / "logs/studies/identities.log",
    benchmark:
        FOLDER / "benchmarks/studies/identities.tsv"
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        mem_mb=1500,
    params:
        study="identities",
        fingerprint=study_fingerprint("identities"),
    shell:
        reinrelax("study --fingerprint {params.fingerprint} --study {params.study}")


# It asks for all cores, so that nothing else runs beside what it times; on a cluster, where there is no such number,
# the profile asks for a node of its own.
rule cost:
    input:
        IMAGES,
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
        mem_mb=3000,
        runtime=study_minutes("cost"),
    params:
        fingerprint=study_fingerprint("cost"),
    shell:
        reinrelax("study --fingerprint {params.fingerprint} --study cost")
