"""The report: finished tables and figures in, one self-contained HTML file out."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

import reinrelax
from reinrelax import files
from reinrelax.config import Config
from reinrelax.reporting import svg, views
from reinrelax.reporting.gather import recompute
from reinrelax.reporting.style import INK, styles
from reinrelax.reporting.tables import read_json, read_table, read_text
from reinrelax.reporting.wording import shape

_TABLES = (
    ("table2", "Table 2", "train_nelbo_nats", "Train negative ELBO after the last epoch"),
    ("table3", "Table 3", "test_nelbo_nats", "Test negative ELBO after the last epoch"),
)
_FIGURES = (
    ("figure3", "Figure 3", ("table2", "Table 2"), "Negative train ELBO across training epochs"),
    ("figure4", "Figure 4", ("table3", "Table 3"), "Negative test ELBO across training epochs"),
)


def write_report(config: Config, root: Path) -> Path:
    """Write `report.html` from the tables and figures of the results folder.

    Args:
        config: whose results.
        root: the project's folder.

    Returns:
        Where the report lies.

    Raises:
        ResultsError: a table or figure is missing or damaged, or the report cannot be written.
    """
    path = root / config.folder / "report.html"
    files.write_text(path, _environment(root).get_template("report.html.j2").render(context(config, root)))
    return path


def context(config: Config, root: Path) -> dict[str, Any]:
    """All that the templates are given."""
    folder = root / config.folder
    cells = read_table(folder / "tables" / "cells.csv")
    claims = read_json(folder / "tables" / "claims.json")
    judged = {name: read_table(folder / "tables" / f"{name}.csv") for name, *_ in _TABLES}
    return {
        "version": reinrelax.__version__,
        "summary": views.summary(config, cells, claims),
        "tables": [
            {
                "id": name,
                "name": title,
                "what": what,
                "csv": f"tables/{name}.csv",
                "command": recompute(config, f"tables/{name}.csv", root),
                **views.table(judged[name], cells, claims, metric),
            }
            for name, title, metric, what in _TABLES
        ],
        "figures": [_figure(config, root, cells, *plan) for plan in _FIGURES],
        "claims": views.claim_rows(claims),
        "cells": [_with_links(row, config, root) for row in views.provenance(cells)],
        "not_run": views.not_run(cells, list(judged.values())),
        "css": Markup(read_text(root / "report/static/report.css")),
        "js": Markup(read_text(root / "report/static/report.js")),
    }


def _environment(root: Path) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _figure(
    config: Config, root: Path, cells: pd.DataFrame, name: str, title: str, table: tuple[str, str], what: str
) -> dict[str, Any]:
    folder = root / config.folder / "figures"
    drawn = read_table(folder / f"{name}.csv")
    parts = svg.take_apart(read_text(folder / f"{name}.svg"), name)
    looks = styles(dict.fromkeys(drawn["estimator"]))
    return {
        "id": name,
        "name": title,
        "what": what,
        "table": {"id": table[0], "name": table[1]},
        "svg": f"figures/{name}.svg",
        "csv": f"figures/{name}.csv",
        "command": recompute(config, f"figures/{name}.svg", root),
        "shared": Markup(parts.shared),
        "panels": [
            {
                "id": panel,
                "latent": shape(panel.removeprefix(f"{name}-")),
                "view": view,
                "markup": Markup(markup),
            }
            for panel, view, markup in parts.panels
        ],
        "series": [
            {
                "name": estimator,
                "colour": "currentColor" if style.colour == INK else style.colour,
                "dashes": " ".join(f"{1.5 * length:g}" for length in style.dashes) or "none",
                "marker": " ".join(f"{18 + 4 * x:.2f},{7 - 4 * y:.2f}" for x, y in style.marker),
            }
            for estimator, style in looks.items()
        ],
        "absent": [name for name in dict.fromkeys(cells["estimator"]) if name not in looks],
        "data": _json(_hover(name, drawn, list(looks))),
    }


def _hover(name: str, drawn: pd.DataFrame, estimators: Sequence[str]) -> dict[str, Any]:
    """Panel to its epochs and, for each series, means and interval ends at them; null where there is none."""
    out: dict[str, Any] = {}
    for latent, group in drawn.groupby("latent", sort=False):
        epochs = sorted(set(group["epoch"]))
        series = []
        for estimator in estimators:
            own = group[group["estimator"] == estimator].set_index("epoch").reindex(epochs)
            columns = (own[key].round(2).astype(object) for key in ("mean", "ci_low", "ci_high"))
            series.append([column.where(column.notna(), None).tolist() for column in columns])
        out[f"{name}-{latent}"] = {"epochs": [int(epoch) for epoch in epochs], "series": series}
    return out


def _json(value: Any) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _with_links(row: dict[str, Any], config: Config, root: Path) -> dict[str, Any]:
    """The row with its files as links from the report, where they exist."""
    links = {
        key: Path(os.path.relpath(row[key], config.folder)).as_posix() if (root / row[key]).exists() else ""
        for key in ("table", "log")
    }
    record = Path(row["table"]).with_suffix(".json")
    links["record"] = (
        Path(os.path.relpath(record, config.folder)).as_posix() if (root / record).exists() else ""
    )
    return {**row, "links": links}
