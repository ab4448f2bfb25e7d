"""The report: finished tables and figures in, one self-contained HTML file out."""

import os
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import reinrelax
from reinrelax import files
from reinrelax.config import Config
from reinrelax.reporting import errata, grid_views, sections, views
from reinrelax.reporting.collected import Collected
from reinrelax.reporting.tables import read_json, read_table, read_text
from reinrelax.reporting.wording import subscripts

# Collected table, its name for readers, and the metric in it.
_GRIDS = (("table2", "Table 2", "train_nelbo_nats"), ("table3", "Table 3", "test_nelbo_nats"))


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
    path = root / config.folder / "report.html"
    files.write_text(path, _environment(root).get_template("report.html.j2").render(context(config, root)))
    return path


def context(config: Config, root: Path) -> dict[str, Any]:
    """All that the templates are given."""
    folder = root / config.folder / "tables"
    cells, studies = read_table(folder / "cells.csv"), read_table(folder / "studies.csv")
    claims = read_json(folder / "claims.json")
    collected = Collected(config, root)
    elbo = cells[cells["experiment"] == "elbo"]
    judged = {name: read_table(folder / f"{name}.csv") for name, *_ in _GRIDS}
    grids = {
        name: grid_views.blocks(name, title, judged[name], elbo, claims, metric)
        for name, title, metric in _GRIDS
    }
    entries = errata.load(collected)
    papers = sections.load(collected, entries, grids, list(dict.fromkeys(elbo["estimator"])))
    shown = [section for paper in papers for section in paper.sections]
    return {
        "version": reinrelax.__version__,
        "summary": views.summary(config, cells, studies, claims),
        "papers": papers,
        "errata": [{"entry": entry, "sections": sections.citing(shown, entry)} for entry in entries],
        "claims": views.claim_rows(claims),
        "cells": [_with_links(row, config, root) for row in views.provenance(cells)],
        "studies": [_with_links(row, config, root) for row in views.study_rows(studies)],
        "not_run": views.not_run(cells, studies, list(judged.values())),
        "css": Markup(read_text(root / "report/static/report.css")),
        "js": Markup(read_text(root / "report/static/report.js")),
    }


def _environment(root: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["maths"] = subscripts
    return environment


def _with_links(row: dict[str, Any], config: Config, root: Path) -> dict[str, Any]:
    """The row with its files as links from the report, where they exist."""
    places = {"log": Path(row["log"])}
    if "table" in row:
        places |= {"CSV": Path(row["table"]), "record": Path(row["table"]).with_suffix(".json")}
    else:
        folder = Path(row["folder"])
        places |= {"record": folder / "record.json"}
        places |= {path.name: folder / path.name for path in sorted((root / folder).glob("*.csv"))}
    links = {
        name: Path(os.path.relpath(place, config.folder)).as_posix()
        for name, place in places.items()
        if (root / place).is_file()
    }
    return {**row, "links": links}
