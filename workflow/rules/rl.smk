# Paper A: agents that learn from episodes with RELAX, A2C and REINFORCE.


# A target: all agents.
rule rl:
    input:
        experiment_files("rl"),


AGENTS = "rl/{environment}-{cap}/{algorithm}"


rule learn:
    input:
        CONFIGURED,
    output:
        study_files(AGENTS, declared.EXPERIMENTS["rl"].writes),
    log:
        FOLDER / f"logs/studies/{AGENTS}.log",
    benchmark:
        FOLDER / f"benchmarks/studies/{AGENTS}.tsv"
    wildcard_constraints:
        environment=r"[^/]+",
        cap=r"\d+",
        algorithm=r"[^/]+",
    conda:
        "../../environment.yml"
    threads: SETTINGS.machine.threads
    resources:
        mem_mb=mb_of(AGENTS),
        runtime=minutes_of(AGENTS),
    params:
        fingerprint=fingerprint_of(AGENTS),
    shell:
        compute(AGENTS)
