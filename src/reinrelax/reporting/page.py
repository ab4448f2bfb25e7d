"""The report: self-contained pages made from finished tables and figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import reinrelax
from reinrelax.config.declared import PURPOSES
from reinrelax.config.load import AS_RUN, Config
from reinrelax.core import files
from reinrelax.display import claim_views
from reinrelax.display.claim_views import Choice, Facet
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_as_text, read_json, read_table
from reinrelax.display.text_format import anchor
from reinrelax.errors import ConfigError
from reinrelax.experiments.discrete_vae import grid_page as grid_views
from reinrelax.experiments.discrete_vae.elbo import METHODS, PRINTED, SUBJECTS, method_of
from reinrelax.jobs.planned import THERE
from reinrelax.reporting import (
    chapters,
    errata,
    figure_views,
    links,
    overview,
    provenance,
    sections,
    sentences,
)
from reinrelax.reporting.environment import embedded, environment

# The tables shown as grids, and their names for readers.
_GRIDS = {"table2": "Table 2", "table3": "Table 3"}
# The name of each page, by file; its template is that file with the suffix `.j2`.
SITE = {
    "report.html": "Findings",
    "problems.html": "Problems in the papers",
    "details.html": "All tables and figures",
    "claims.html": "All claims",
}


def write_report(config: Config, root: Path, estimates: Mapping[str, float] | None = None) -> Path:
    """Write `report.html` and the other pages from the tables and figures of the results folder.

    Args:
        config: the configuration of the results.
        root: the project's folder.
        estimates: the estimated seconds per planned job, if known.

    Returns:
        The path of `report.html`.

    Raises:
        ConfigError: a file of chapters, sentences, sections or errata is invalid.
        ResultsError: a table or figure is missing or damaged, or the report cannot be written.
    """
    found = context(config, root, estimates or {})
    templates = environment(root)
    pages = {name: templates.get_template(f"{name}.j2").render(found, here=name) for name in SITE}
    # Write the first page last: it is the file that the workflow requests.
    for name, html in reversed(links.across(pages).items()):
        files.write_text(config.folder / name, html)
    return config.folder / "report.html"


def context(config: Config, root: Path, estimates: Mapping[str, float]) -> dict[str, Any]:
    """Return the variables of the templates."""
    folder = config.folder / "tables"
    jobs = read_table(folder / "jobs.csv")
    claims, findings = read_json(folder / "claims.json"), read_json(folder / "findings.json")
    collected = TableReader(config, root)
    elbo = jobs[jobs["experiment"].isin([f"elbo{suffix}" for suffix in METHODS.values()])]
    judged = {name: read_table(folder / f"{name}.csv") for name in _GRIDS}
    if config.raw.get("only"):
        judged = {name: table[table["job"] != ""] for name, table in judged.items()}
    grids = {
        name: grid_views.blocks(name, title, judged[name], jobs) for name, title in _GRIDS.items()
    }
    entries = errata.load(collected)
    printed = elbo[elbo["experiment"].map(method_of) == PRINTED]
    papers = sections.load(collected, entries, grids, list(dict.fromkeys(printed["estimator"])))
    shown = [section for paper in papers for section in paper.sections]
    names = {section.id: section.name for section in shown}
    # A cell in several parts is represented by the first.
    anchors = {
        (SUBJECTS[method_of(line["experiment"])], line["estimator"], line["latent"]): anchor(
            "cell", line["job"]
        )
        for line in elbo.iloc[::-1].to_dict("records")
    }
    lines = provenance.job_rows(config, jobs)
    cells, studies = (
        [line for line in lines if bool(line["estimator"]) == of] for of in (True, False)
    )
    rows = claim_views.claim_rows(claims, names, anchors, lambda name: (folder / name).is_file())
    summary = overview.summary(config, jobs, claims, findings, read_table(folder / "rules.csv"))
    said = sentences.load(collected, claims, findings)
    parts = chapters.load(collected, papers, said, claims, findings, estimates)
    known = {entry.id for entry in entries}
    if unknown := [name for part in parts for name in part.problems if name not in known]:
        raise ConfigError(
            f"{chapters.FILE}: problems: unknown {unknown[0]}; the ids are in report/errata"
        )
    homes = {
        name: chapter.nav
        for part in parts
        for chapter in part.chapters
        for name in chapter.findings
    }
    placed = [{**finding, "chapter": homes.get(finding["id"], "")} for finding in findings]
    return {
        "version": reinrelax.__version__,
        "site": list(SITE.items()),
        "summary": summary,
        "ribbon": _ribbon(summary, jobs),
        "parts": parts,
        "forest": _forest(config),
        "papers": papers,
        "problems": _problems(collected, entries, papers),
        "claims": rows,
        "judged_in": claim_views.by_section(rows),
        "facets": claim_views.facets(claims),
        "findings": overview.finding_rows(placed),
        "finding_facets": claim_views.finding_facets(placed),
        "rates": claim_views.rates(read_as_text(folder / "rates.csv").to_dict("records")),
        "cells": cells,
        "studies": studies,
        "job_sources": {line["experiment"] for line in cells},
        "job_facets": {"cells": [_sources(cells)], "studies": [_sources(studies)]},
        "purposes": PURPOSES,
        "not_run": provenance.not_run(
            jobs, [] if config.raw.get("only") else list(judged.values())
        ),
        **embedded(root),
    }


def _forest(config: Config) -> figure_views.Figure | None:
    """Return the forest plot of printed numbers, if any of ours has been computed."""
    found = figure_views.figure(
        config.folder, figure_views.catalogue(config.folder)["forest"], "Printed numbers"
    )
    return found if found.panels else None


def _ribbon(summary: overview.Summary, jobs: pd.DataFrame) -> overview.Ribbon:
    there: dict[str, bool] = {}
    for source, state in zip(jobs["experiment"], jobs["state"], strict=True):
        there[source] = there.get(source, False) or state in THERE
    done = int(jobs["state"].isin(THERE).sum())
    # If an experiment is missing as printed, do not name it as run too.
    lacking = [name for name, any_done in there.items() if not any_done]
    named = [
        name
        for name in lacking
        if not name.endswith(AS_RUN) or name.removesuffix(AS_RUN) not in lacking
    ]
    return overview.ribbon(summary, done, len(jobs), [PURPOSES[name] for name in named])


def _problems(
    collected: TableReader,
    entries: Sequence[errata.Erratum],
    papers: Sequence[sections.PaperSections],
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the errata of each paper, with their sections and the origin of their numbers."""
    shown = [section for paper in papers for section in paper.sections]
    lines: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        line = {
            "entry": entry,
            "sections": sections.citing(shown, entry),
            "made_from": sections.made_from(collected, entry),
        }
        lines.setdefault(entry.paper, []).append(line)
    return list(lines.items())


def _sources(rows: Sequence[Mapping[str, Any]]) -> Facet:
    """Return the filter of jobs by the experiment that they belong to."""
    counts = Counter(row["experiment"] for row in rows)
    return Facet("source", "For", [Choice(name, number) for name, number in counts.items()])
