"""What all experiments say of themselves, found in their folders; nothing else lists them."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from reinrelax.core.experiment import Columns, Experiment, Table

_FOLDER = "reinrelax.experiments"


def named(place: str) -> Any:
    """What an experiment names: `cost.page:table4`."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"{_FOLDER}.{module}"), name)


# The modules in which experiments say it, whose folders are in the order of their names.
MODULES = tuple(
    f"{_FOLDER}.{found.name}.experiment"
    for found in iter_modules(import_module(_FOLDER).__path__)
    if found.ispkg
)
EXPERIMENTS: Mapping[str, Experiment] = {
    one.name: one for module in MODULES for one in import_module(module).EXPERIMENTS
}
# Those that are a function of their block of the configuration.
DEMONSTRATIONS: Mapping[str, Experiment] = {name: one for name, one in EXPERIMENTS.items() if one.spec}
# What draws figures and makes the tables of the page.
DRAWING = sorted({f"{_FOLDER}.{one.drawn_by}" for one in EXPERIMENTS.values() if one.drawn_by})
PAGES = sorted(
    {f"{_FOLDER}.{view.partition(':')[0]}" for one in EXPERIMENTS.values() for view in one.views.values()}
)
# The report's own.
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
            caption="**Claims**: what the two papers say, what was found here, and the verdict. "
            "Below the paper's scale nothing is judged.",
        ),
    ),
    figures={
        "forest": "**Printed numbers**: ours divided by the paper’s, with 95% intervals. Scale: {scale}.",
    },
)
_ALL = (*EXPERIMENTS.values(), REPORT)
_SCALE = " Scale: {scale}."
# Kind and name to caption, of what Snakemake's report shows; `{scale}` stands for the name of the scale.
CAPTIONS: Mapping[tuple[str, str], str] = {
    (
        "report",
        "report",
    ): "**Report**: the whole of it on one page, every number of the papers beside ours "
    f"with a verdict, curves, claims, what was not run, and where each number comes from.{_SCALE}",
    **{("figure", f): text + _SCALE * bool(one.drawn_by) for one in _ALL for f, text in one.figures.items()},
    **{("table", t.name): t.caption + _SCALE for one in _ALL for t in one.tables if t.caption},
}
# What each is for, as the page names it.
PURPOSES: Mapping[str, str] = {name: one.purpose for name, one in EXPERIMENTS.items()}
# The columns of the studies' tables, as they are written and read.
COLUMNS: Mapping[str, Columns] = {
    table: columns for one in EXPERIMENTS.values() for table, columns in one.writes.items()
}
# Every table that the page draws on, with the experiment or study that fills it.
FILLED_BY: Mapping[str, str] = {table.name: name for name, one in EXPERIMENTS.items() for table in one.tables}
# What is in them rests on.
RESTS_ON: Mapping[str, str] = {table: EXPERIMENTS[name].rests_on for table, name in FILLED_BY.items()}
# The columns that name their rows.
KEYS: Mapping[str, tuple[str, ...]] = {table.name: table.keys for one in _ALL for table in one.tables}
# Those columns of theirs that hold numbers and have no name that every table may have.
NUMBERS: Mapping[str, frozenset[str]] = {
    table.name: frozenset(table.numbers)
    | {column for column, holds in one.writes.get(table.name, {}).items() if holds is not str}
    for one in EXPERIMENTS.values()
    for table in one.tables
}
