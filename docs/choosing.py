"""Fill docs/choosing.md from the published results: tables, and the names in their first rows.

`[…](table:name)` becomes a table of `TABLES`, `[…](first:name)` the first cell of it.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from reinrelax.display.table_blocks import (
    Cell,
    Column,
    Table,
    is_finite,
    to_float,
    value_cell,
)
from reinrelax.display.table_reader import Line, TableReader
from reinrelax.display.tables import read_table
from reinrelax.display.text_format import fixed, shape, significant
from reinrelax.errors import ConfigError
from reinrelax.estimators import CATALOGUE
from reinrelax.reporting.typeset import markdown, plain

_FIELD = re.compile(r"\[[^\]]*\]\((table|first):(\w+)\)")
_BENCHMARK = Path("benchmarks/results/cpu.csv")
_BINARY, _CATEGORICAL = "2x20", "10x20"
_EMPTY = "nothing published yet"


def fill(page: Path, collected: TableReader) -> None:
    """Replace the fields of a page.

    Raises:
        ConfigError: a field names a table that does not exist.
    """
    text = page.read_text(encoding="utf-8")
    if unknown := {name for _, name in _FIELD.findall(text)} - set(TABLES):
        raise ConfigError(f"{page.name}: no table {min(unknown)!r}; known: {', '.join(TABLES)}")
    tables = {name: make(collected) for name, make in TABLES.items()}

    def filled(field: re.Match[str]) -> str:
        kind, name = field.groups()
        table = tables[name]
        if kind == "table":
            return markdown("", table) if table.rows else f"{table.caption} *({_EMPTY})*"
        return plain(table.rows[0][0].text) if table.rows else _EMPTY

    page.write_text(_FIELD.sub(filled, text), encoding="utf-8")


def _estimators(collected: TableReader) -> Table:
    """Return bias, variance and cost per estimator; other readings of a formula are left out."""
    lines = _last(collected.lines("figure1"))
    cost = {line["estimator"]: line for line in collected.lines("table4")}
    found = {(line["label"], line["quantity"]): line for line in lines}
    rows = []
    for label in _ascending(lines, "relative_bias"):
        bias = found[label, "relative_bias"]
        rows.append(
            [
                *(Cell(label), Cell(significant(to_float(bias["tau"])))),
                *(value_cell(found.get((label, name))) for name in ("relative_bias", "variance")),
                value_cell(cost.get(bias["estimator"]), 3, ("ratio", "ratio_low", "ratio_high")),
            ]
        )
    columns = [
        *(Column("Estimator", "text"), Column("τ"), Column("Relative bias")),
        *(Column("Variance"), Column("Time per step, ratio to STGS")),
    ]
    caption = (
        f"After epoch {_epoch(lines)}, with 95% intervals. Relative bias: distance of the mean from"
        " the gradient, over the gradient’s norm. Variance: Eq. 40."
    )
    return Table("estimators", caption, columns, rows)


def _temperatures(quantity: str, caption: str, collected: TableReader) -> Table:
    """Return one quantity per τ and estimator."""
    lines = [line for line in _last(collected.lines("sweep")) if line["quantity"] == quantity]
    found = {(line["tau"], line["label"]): line for line in lines}
    labels = list(dict.fromkeys(line["label"] for line in lines))
    rows = [
        [Cell(significant(tau)), *(value_cell(found.get((tau, label)), 2) for label in labels)]
        for tau in sorted({line["tau"] for line in lines})
    ]
    columns = [Column("τ"), *(Column(label) for label in labels)]
    return Table(quantity, f"{caption} after epoch {_epoch(lines)}, by τ.", columns, rows)


def _bounds(collected: TableReader) -> Table:
    """Return test bounds at the last epoch that was compared, sorted within a latent shape."""
    lines = [line for line in _last(collected.lines("early")) if line["metric"] == "test"]
    lines.sort(key=lambda line: (_categories(line["latent"]), to_float(line["mean"])))
    rows = [
        [
            *(Cell(line["estimator"]), Cell(line["method"]), Cell(shape(line["latent"]))),
            value_cell(line, 5, ("mean", "ci_low", "ci_high")),
            Cell(fixed(to_float(line["seeds"]), 0)),
        ]
        for line in lines
    ]
    columns = [
        *(Column("Estimator", "text"), Column("Settings", "text"), Column("Shape", "text")),
        *(Column("Test negative ELBO"), Column("Seeds")),
    ]
    caption = (
        f"Nats at epoch {_epoch(lines)}, lower is better, with the 95% interval of the mean over"
        " seeds. Each estimator has the settings that the paper found for it."
    )
    return Table("bounds", caption, columns, rows)


def _relaxations(caption: str, latent: str | None, collected: TableReader) -> Table:
    """Return bounds of VAEs with relaxed latent variables of a shape; None for all other shapes."""
    lines = [
        line
        for line in collected.lines("relaxations")
        if is_finite(line, "test")
        and (line["latent"] == latent if latent else line["latent"] not in (_BINARY, _CATEGORICAL))
    ]
    rows = [
        [
            *(Cell(line["label"]), Cell(line["section"]), Cell(shape(line["latent"]))),
            value_cell(line, 4, ("test", "test_low", "test_high")),
            value_cell(line, 3, ("gap", "gap_low", "gap_high")),
        ]
        for line in sorted(lines, key=lambda line: to_float(line["test"]))
    ]
    columns = [
        *(Column("Latent variables", "text"), Column("Section", "text"), Column("Shape", "text")),
        *(Column("Discrete bound"), Column("Own loss − discrete bound")),
    ]
    return Table("relaxations", f"{caption} Test set, nats, lower is better.", columns, rows)


def _cost(collected: TableReader) -> Table:
    """Return the benchmark's times by latent shape, few categories first."""
    frame = read_table(collected.root / _BENCHMARK)
    part = frame[frame["part"] == "tables"]
    estimators = list(dict.fromkeys(part["estimator"]))
    found = part.set_index(["latent", "estimator"])["seconds"]
    rows = [
        [
            Cell(shape(latent)),
            *(Cell(significant(float(found[latent, name]))) for name in estimators),
        ]
        for latent in sorted(set(part["latent"]), key=_categories)
    ]
    caption = (
        "Seconds per model and epoch of training on one CPU thread, by categories × latent"
        f" variables. Gumbel-Rao and those based on it use {int(part['draws'].max())} draws."
    )
    columns = [Column("Shape", "text"), *(Column(name) for name in estimators)]
    return Table("cost", caption, columns, rows)


def _ascending(lines: Sequence[Line], quantity: str) -> list[str]:
    """Return labels of estimators of the papers by this quantity, without those without one."""
    own = [
        line
        for line in lines
        if line["quantity"] == quantity and CATALOGUE[line["estimator"]].variant_of is None
    ]
    return [line["label"] for line in sorted(own, key=lambda line: to_float(line["value"]))]


def _last(lines: Sequence[Line]) -> list[Line]:
    """Return the rows of the last epoch that each estimator and shape has."""
    last = _epoch(lines)
    return [line for line in lines if line["epoch"] and f"{to_float(line['epoch']):.0f}" == last]


def _epoch(lines: Sequence[Line]) -> str:
    return f"{max((to_float(line['epoch']) for line in lines), default=0.0):.0f}"


def _categories(latent: str) -> tuple[int, ...]:
    """Return categories and latent variables of a shape, to sort by."""
    return tuple(map(int, latent.split("x")))


TABLES: dict[str, Callable[[TableReader], Table]] = {
    "estimators": _estimators,
    "bias": partial(_temperatures, "relative_bias", "Relative bias"),
    "variance": partial(_temperatures, "variance", "Variance"),
    "bounds": _bounds,
    "binary": partial(_relaxations, "Binary latent variables.", _BINARY),
    "categorical": partial(_relaxations, "Categories.", _CATEGORICAL),
    "others": partial(_relaxations, "Counts and subsets.", None),
    "cost": _cost,
}
