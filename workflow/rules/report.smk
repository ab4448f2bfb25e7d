TABLES = FOLDER / "tables"
FIGURES = FOLDER / "figures"


rule judge:
    input:
        [FOLDER / f"{name}.{kind}" for name in CELLS for kind in ("csv", "json")],
    output:
        cells=TABLES / "cells.csv",
        curves=TABLES / "curves.csv",
        claims=TABLES / "claims.json",
        table2=report(
            TABLES / "table2.csv",
            caption="../../report/captions/table2.rst",
            category="Beyond ReinMax",
        ),
        table3=report(
            TABLES / "table3.csv",
            caption="../../report/captions/table3.rst",
            category="Beyond ReinMax",
        ),
    log:
        FOLDER / "logs/judge.log",
    benchmark:
        FOLDER / "benchmarks/judge.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.collect"]),
        claims=sources.content_hash(["report/claims", "report/reference"]),
    shell:
        reinrelax("judge")


rule draw:
    input:
        rules.judge.output.curves,
    output:
        figure3=report(
            FIGURES / "figure3.svg",
            caption="../../report/captions/figure3.rst",
            category="Beyond ReinMax",
        ),
        figure4=report(
            FIGURES / "figure4.svg",
            caption="../../report/captions/figure4.rst",
            category="Beyond ReinMax",
        ),
        data=[FIGURES / "figure3.csv", FIGURES / "figure4.csv"],
    log:
        FOLDER / "logs/draw.log",
    benchmark:
        FOLDER / "benchmarks/draw.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.figures"]),
    shell:
        reinrelax("draw")


rule render:
    input:
        rules.judge.output,
        rules.draw.output,
        rules.data.output.record,
    output:
        report(
            FOLDER / "report.html",
            caption="../../report/captions/report.rst",
            category="Report",
        ),
    log:
        FOLDER / "logs/render.log",
    benchmark:
        FOLDER / "benchmarks/render.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.page"]),
        templates=sources.content_hash(["report/templates", "report/static"]),
    shell:
        reinrelax("render", redirect=">")
