def cell_of(wildcards):
    return CELLS[f"{wildcards.experiment}/{wildcards.shape}/{wildcards.estimator}"]


rule train:
    input:
        rules.data.output,
    output:
        table=FOLDER / "{experiment}/{shape}/{estimator}.csv",
        record=FOLDER / "{experiment}/{shape}/{estimator}.json",
    params:
        # All that the result depends on: the rows of the run table and the source that computes them.
        fingerprint=lambda wildcards: cell_of(wildcards).fingerprint,
    log:
        FOLDER / "logs/train/{experiment}/{shape}/{estimator}.log",
    benchmark:
        FOLDER / "benchmarks/train/{experiment}/{shape}/{estimator}.tsv"
    threads: SETTINGS.machine.threads
    resources:
        mem_mb=lambda wildcards: plan.memory_mb(cell_of(wildcards)),
    shell:
        "{COMMAND} train {EFFECTIVE} --fingerprint {params.fingerprint}"
        " --cell {wildcards.experiment}/{wildcards.shape}/{wildcards.estimator:q} 2> {log}"
