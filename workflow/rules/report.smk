TABLES = FOLDER / "tables"
FIGURES = FOLDER / "figures"
DECLARED = [*declared.EXPERIMENTS.values(), declared.REPORT]
# Tables that a paper would print, each with its section of Snakemake's report; also written as LaTeX and Markdown.
EXPORTED = {t.name: one.paper for one in DECLARED for t in one.tables if t.caption}
# The tables that these are built from and that the figures show.
OTHER_TABLES = [t.name for one in DECLARED for t in one.tables if not t.caption]
DRAWN = {figure: one.paper for one in DECLARED for figure in one.figures}


# Additional outputs of paper A's trainings.
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
            for name, category in EXPORTED.items()
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
        source=sources.fingerprint(["reinrelax.reporting.collect", *declared.MODULES]),
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
        [captioned(FIGURES / f"{name}.svg", paper) for name, paper in DRAWN.items()],
        data=[FIGURES / f"{name}.csv" for name in DRAWN],
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
        source=sources.fingerprint(
            ["reinrelax.reporting.figures", *declared.MODULES, *declared.DRAWING]
        ),
        # Timings that come with the project, compared by content, because a clone changes file times.
        speed=content_hash("benchmarks/results"),
    shell:
        reinrelax("draw")


# Tables for papers and for GitHub.
rule export:
    input:
        CONFIGURED,
        rules.judge.output,
    output:
        [
            captioned(TABLES / f"{name}.{suffix}", category)
            for name, category in EXPORTED.items()
            for suffix in ("tex", "md")
        ],
    log:
        FOLDER / "logs/export.log",
    benchmark:
        FOLDER / "benchmarks/export.tsv"
    conda:
        "../../environment.yml"
    params:
        source=sources.fingerprint(["reinrelax.reporting.exports", *declared.MODULES]),
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
        source=sources.fingerprint(
            ["reinrelax.reporting.page", *declared.MODULES, *declared.PAGES]
        ),
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
