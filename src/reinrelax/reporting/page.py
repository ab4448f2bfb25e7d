"""The report: finished tables and figures in, one self-contained HTML file out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import reinrelax
from reinrelax.config.load import Config
from reinrelax.core import files
from reinrelax.display import claim_views
from reinrelax.display.claim_views import Choice, Facet
from reinrelax.display.collected import Collected
from reinrelax.display.tables import read_as_text, read_json, read_table
from reinrelax.display.wording import PURPOSES, anchor
from reinrelax.experiments.discrete_vae import grid_page as grid_views
from reinrelax.experiments.discrete_vae.elbo import METHODS, PRINTED, SUBJECTS, method_of
from reinrelax.reporting import errata, opening, sections, views
from reinrelax.reporting.environment import embedded, environment
from reinrelax.results.gather import recompute

# Collected table, and its name for readers.
_GRIDS = {"table2": "Table 2", "table3": "Table 3"}


def write_report(config: Config, root: Path) -> Path:
    """Write `report.html` from the tables and figures of the results folder.

    Args:
        config: whose results.
        root: the project's folder.

    Returns:
        Where the report lies.

    Raises:
        ConfigError: a file of sections or errata is wrong.
        ResultsError: a table or figure is missing or damaged, or the report cannot be written.
    """
    path = config.folder / "report.html"
    files.write_text(path, environment(root).get_template("report.html.j2").render(context(config, root)))
    return path


def context(config: Config, root: Path) -> dict[str, Any]:
    """All that the templates are given."""
    folder = config.folder / "tables"
    cells, studies = read_table(folder / "cells.csv"), read_table(folder / "studies.csv")
    claims, findings = read_json(folder / "claims.json"), read_json(folder / "findings.json")
    collected = Collected(config, root)
    elbo = cells[cells["experiment"].isin([f"elbo{suffix}" for suffix in METHODS.values()])]
    judged = {name: read_table(folder / f"{name}.csv") for name in _GRIDS}
    if config.raw.get("only"):
        judged = {name: table[table["job"] != ""] for name, table in judged.items()}
    grids = {name: grid_views.blocks(name, title, judged[name], cells) for name, title in _GRIDS.items()}
    entries = errata.load(collected)
    printed = elbo[elbo["experiment"].map(method_of) == PRINTED]
    papers = sections.load(collected, entries, grids, list(dict.fromkeys(printed["estimator"])))
    shown = [section for paper in papers for section in paper.sections]
    names = {section.id: section.name for section in shown}
    # Of a cell in parts, the first stands for all.
    jobs = {
        (SUBJECTS[method_of(line["experiment"])], line["estimator"], line["latent"]): anchor(
            "cell", line["cell"]
        )
        for line in elbo.iloc[::-1].to_dict("records")
    }
    lines, studied = views.provenance(cells), views.study_rows(studies)
    rows = claim_views.claim_rows(claims, names, jobs, lambda name: (folder / name).is_file())
    return {
        "version": reinrelax.__version__,
        "summary": opening.summary(
            config, cells, studies, claims, findings, read_table(folder / "rules.csv")
        ),
        "papers": papers,
        "errata": [
            {
                "entry": entry,
                "sections": sections.citing(shown, entry),
                "made_from": sections.made_from(collected, entry),
            }
            for entry in entries
        ],
        "claims": rows,
        "claims_command": recompute(config, "tables/claims.json", root),
        "judged_in": claim_views.by_section(rows),
        "facets": claim_views.facets(claims),
        "findings": opening.finding_rows(findings),
        "finding_facets": claim_views.finding_facets(findings),
        "rates": claim_views.rates(read_as_text(folder / "rates.csv").to_dict("records")),
        "cells": [views.with_links(row, config) for row in lines],
        "studies": [views.with_links(row, config) for row in studied],
        "job_facets": {"cells": [_sources(lines)], "studies": [_sources(studied)]},
        "purposes": PURPOSES,
        "not_run": views.not_run(cells, studies, [] if config.raw.get("only") else list(judged.values())),
        **embedded(root),
    }


def _sources(rows: Sequence[Mapping[str, Any]]) -> Facet:
    """What lines of cells or studies are filtered by: the experiment or study that they belong to."""
    counts = Counter(row["source"] for row in rows)
    return Facet("source", "For", [Choice(name, number) for name, number in counts.items()])
