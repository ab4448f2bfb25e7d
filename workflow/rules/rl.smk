# Paper A: agents that learn from episodes with RELAX, A2C and REINFORCE.


# All of it, as a target.
rule rl:
    input:
        experiment_files("rl"),


rule learn:
    input:
        CONFIGURED,
    output:
        [
            FOLDER / "rl/{environment}-{cap}/{algorithm}" / name
            for name in (
                *[f"{t}.csv" for t in declared.EXPERIMENTS["rl"].writes],
                "record.json",
            )
        ],
    log:
        FOLDER / "logs/studies/rl/{environment}-{cap}/{algorithm}.log",
    benchmark:
        FOLDER / "benchmarks/studies/rl/{environment}-{cap}/{algorithm}.tsv"
    wildcard_constraints:
        environment=r"[^/]+",
        cap=r"\d+",
        algorithm=r"[^/]+",
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        mem_mb=1500,
        runtime=lambda wildcards: study_minutes(
            f"rl/{wildcards.environment}-{wildcards.cap}/{wildcards.algorithm}"
        ),
    params:
        fingerprint=lambda wildcards: study_fingerprint(
            f"rl/{wildcards.environment}-{wildcards.cap}/{wildcards.algorithm}"
        ),
    shell:
        reinrelax(
            "study --fingerprint {params.fingerprint} --study"
            " rl/{wildcards.environment}-{wildcards.cap}/{wildcards.algorithm:q}"
        )
