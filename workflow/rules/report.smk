TABLES = FOLDER / "tables"
FIGURES = FOLDER / "figures"
# What a paper would print, with the part of Snakemake's report that shows it; also as LaTeX and Markdown.
JUST_RELAX_IT = "Just Relax It!"
EXPORTED = {
    "Beyond ReinMax": [
        *("table1", "table1_run", "table2", "table3", "table4", "table5", "readings"),
        *("figure2_minimum", "early_last"),
    ],
    JUST_RELAX_IT: ["relaxations", "rl_summary"],
    "Report": ["claims"],
}
# What these are made of, and what the figures show.
OTHER_TABLES = [
    *(
        "cells",
        "studies",
        "curves",
        "grid",
        "figure1",
        "figure1_run",
        "selection",
        "sweep",
        "control",
        "quadrature",
    ),
    *("early", "early_curves"),
    *("baseline", "example", "identities", "figure2", "figure2_run", "readings_curves"),
    *("relaxations_curves", "relaxations_learned"),
    *("rl_scores", "rl_improvement", "rl_curves", "rl_figure3"),
    *("rl_gradients", "rates"),
    *(table for _, tables in studies.DEMONSTRATIONS.values() for table in tables),
]
DRAWN = ["figure1", "figure1-run", "figure2", "figure3", "figure4"]
DRAWN += ["forest", "caterpillar", "tradeoff", "theorem1", "control-bias"]
DRAWN += ["sweep", "control", "quadrature", "grid", "readings", "speed", "scaling"]
DRAWN += ["early", "early-difference"]
# Those of paper A.
RELAXED = ["relaxations", "correlations", "shares", "decoupled"]
RELAXED += [
    "vaes",
    "agents",
    "dependence",
    "densities",
    "bridge",
    "sharpness",
    "temperatures",
]
RELAXED += [
    "a-figure3",
    "rl-start",
    "rl-seeds",
    "rl-running",
    "rl-gradients",
    "rl-variants",
]


# What paper A's trainings leave beside their tables.
PICTURES = [path for path in files_of(JOBS) if path.suffix == ".npz"]


rule judge:
    input:
        CONFIGURED,
        rules.data.output,
        files_of(JOBS),
    output:
        **{
            name: captioned(
                TABLES / f"{name}.{'json' if name == 'claims' else 'csv'}", category
            )
            for category, names in EXPORTED.items()
            for name in names
        },
        **{name: TABLES / f"{name}.csv" for name in OTHER_TABLES},
        findings=TABLES / "findings.json",
        checksums=TABLES / "checksums.json",
    log:
        FOLDER / "logs/judge.log",
    benchmark:
        FOLDER / "benchmarks/judge.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.collect"]),
        claims=content_hash(
            *("report/claims", "report/reference", "report/findings.yaml"),
            *("report/limits.csv", "report/rates.csv"),
        ),
    shell:
        reinrelax("judge")


rule draw:
    input:
        CONFIGURED,
        rules.judge.output,
        PICTURES,
    output:
        [captioned(FIGURES / f"{name}.svg") for name in DRAWN],
        [captioned(FIGURES / f"{name}.svg", JUST_RELAX_IT) for name in RELAXED],
        data=[FIGURES / f"{name}.csv" for name in (*DRAWN, *RELAXED)],
        catalogue=FIGURES / "figures.json",
        pictures=FIGURES / "pictures.json",
        checksums=FIGURES / "checksums.json",
    log:
        FOLDER / "logs/draw.log",
    benchmark:
        FOLDER / "benchmarks/draw.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.figures"]),
        # Timings that come with the project, by content: a clone gives them another time.
        speed=content_hash("benchmarks/results"),
    shell:
        reinrelax("draw")


# For a paper and for GitHub.
rule export:
    input:
        CONFIGURED,
        rules.judge.output,
    output:
        [
            captioned(TABLES / f"{name}.{suffix}", category)
            for category, names in EXPORTED.items()
            for name in names
            for suffix in ("tex", "md")
        ],
    log:
        FOLDER / "logs/export.log",
    benchmark:
        FOLDER / "benchmarks/export.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.exports"]),
        captions=content_hash(
            *(caption("table", name) for names in EXPORTED.values() for name in names)
        ),
    shell:
        reinrelax("export")


rule render:
    input:
        CONFIGURED,
        rules.judge.output,
        rules.draw.output,
        rules.export.output,
        rules.data.output.record,
    output:
        captioned(FOLDER / "report.html", "Report"),
        [FOLDER / f"{name}.html" for name in ("details", "claims", "problems")],
    log:
        FOLDER / "logs/render.log",
    benchmark:
        FOLDER / "benchmarks/render.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.page"]),
        templates=content_hash(
            *(
                "report/templates",
                "report/static",
                "report/errata",
                "report/reference",
            ),
            *("report/chapters.yaml", "report/sentences.yaml"),
        ),
    shell:
        reinrelax("render", redirect=">")
