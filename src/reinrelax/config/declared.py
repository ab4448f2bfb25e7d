"""What all experiments say of themselves, found in their folders; nothing else lists them."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from reinrelax.core.experiment import Columns, Experiment

_FOLDER = "reinrelax.experiments"


def _declared() -> dict[str, Experiment]:
    """By name, folder after folder."""
    folders = [found.name for found in iter_modules(import_module(_FOLDER).__path__) if found.ispkg]
    return {
        experiment.name: experiment
        for folder in folders
        for experiment in import_module(f"{_FOLDER}.{folder}.experiment").EXPERIMENTS
    }


EXPERIMENTS: Mapping[str, Experiment] = _declared()
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
KEYS: Mapping[str, tuple[str, ...]] = {
    table.name: table.keys for one in EXPERIMENTS.values() for table in one.tables
}
# Those columns of theirs that hold numbers and have no name that every table may have.
NUMBERS: Mapping[str, frozenset[str]] = {
    table.name: frozenset(table.numbers)
    | {column for column, holds in one.writes.get(table.name, {}).items() if holds is not str}
    for one in EXPERIMENTS.values()
    for table in one.tables
}
