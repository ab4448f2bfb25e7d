"""The declarations of all experiments, found in their folders; there is no other list of them."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from reinrelax.core.experiment import Columns, Experiment, Table

_FOLDER = "reinrelax.experiments"


def named(place: str) -> Any:
    """Return the object that an experiment refers to by name, such as `cost.page:table4`."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"{_FOLDER}.{module}"), name)


# The modules that declare experiments, in the order of their folders' names.
MODULES = tuple(
    f"{_FOLDER}.{found.name}.experiment"
    for found in iter_modules(import_module(_FOLDER).__path__)
    if found.ispkg
)
EXPERIMENTS: Mapping[str, Experiment] = {
    one.name: one for module in MODULES for one in import_module(module).EXPERIMENTS
}
# The type of each block of the configuration.
BLOCKS: Mapping[str, type] = {name: one.spec for name, one in EXPERIMENTS.items() if one.spec}
# The experiments whose results are a function of their block alone.
DEMONSTRATIONS: Mapping[str, Experiment] = {
    name: one for name, one in EXPERIMENTS.items() if one.measure
}
# The modules that draw figures and build the tables of the page.
DRAWING = sorted({f"{_FOLDER}.{one.drawn_by}" for one in EXPERIMENTS.values() if one.drawn_by})
PAGES = sorted(
    {
        f"{_FOLDER}.{view.partition(':')[0]}"
        for one in EXPERIMENTS.values()
        for view in one.views.values()
    }
)
# The declaration of the report itself.
REPORT = Experiment(
    "report",
    "The report",
    "Report",
    tables=(
        Table("jobs", ("job",)),
        Table("rates", ("function", "truth", "wrong", "seeds")),
        Table("rules", ("rule",)),
        Table(
            "claims",
            ("id",),
            caption=(
                "**Claims**: the statements of the two papers, the results found here, and the"
                " verdicts. Claims are not judged below the papers' scale."
            ),
        ),
    ),
    figures={
        "forest": (
            "**Printed numbers**: ours divided by the paper’s, with 95% intervals. Scale: {scale}."
        ),
    },
)
_ALL = (*EXPERIMENTS.values(), REPORT)
_SCALE = " Scale: {scale}."
# Captions in Snakemake's report, by kind and name; `{scale}` is replaced by the name of the scale.
CAPTIONS: Mapping[tuple[str, str], str] = {
    (
        "report",
        "report",
    ): (
        "**Report**: every number of the papers next to ours with a verdict, curves, claims,"
        f" missing jobs, and the source of each number.{_SCALE}"
    ),
    **{
        ("figure", f): text + _SCALE * bool(one.drawn_by)
        for one in _ALL
        for f, text in one.figures.items()
    },
    **{("table", t.name): t.caption + _SCALE for one in _ALL for t in one.tables if t.caption},
}
# The purpose of each experiment, as shown on the page.
PURPOSES: Mapping[str, str] = {name: one.purpose for name, one in EXPERIMENTS.items()}
# The columns of the studies' tables, for writing and reading.
COLUMNS: Mapping[str, Columns] = {
    table: columns for one in EXPERIMENTS.values() for table, columns in one.writes.items()
}
# All tables that the page uses, each with the experiment or study that fills it.
FILLED_BY: Mapping[str, str] = {
    table.name: name for name, one in EXPERIMENTS.items() for table in one.tables
}
# The kind of evidence that each table is based on.
RESTS_ON: Mapping[str, str] = {
    table: EXPERIMENTS[name].rests_on for table, name in FILLED_BY.items()
}
# The views of the tables that a paper would print.
EXPORTED: Mapping[str, str] = {
    table.name: table.view for one in EXPERIMENTS.values() for table in one.tables if table.view
}
# The columns that identify the rows of each table.
KEYS: Mapping[str, tuple[str, ...]] = {
    table.name: table.keys for one in _ALL for table in one.tables
}
# The numeric columns of each table that are not numeric in every table.
NUMBERS: Mapping[str, frozenset[str]] = {
    table.name: (
        frozenset(table.numbers)
        | {column for column, holds in one.writes.get(table.name, {}).items() if holds is not str}
    )
    for one in EXPERIMENTS.values()
    for table in one.tables
}
