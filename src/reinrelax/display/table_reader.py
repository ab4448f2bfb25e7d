"""The tables of the results folder as the page reads them, and why a table has no rows."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.declared import FILLED_BY, PURPOSES
from reinrelax.config.load import AS_RUN, GRADIENTS, Config
from reinrelax.core.words import first_of
from reinrelax.display.tables import read_table
from reinrelax.display.text_format import count

Line = Mapping[str, Any]


class TableReader:
    """The tables of a results folder, each read once.

    Attributes:
        config: the configuration of the results.
        folder: the results folder.
        root: the project's folder.
    """

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = root
        self.folder = config.folder
        self._read = cache(self._load)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table, in order; a missing entry is the empty string.

        Raises:
            ResultsError: the table is missing or damaged.
        """
        return self._read(name)[1]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table as `read_table` reads it.

        Raises:
            ResultsError: the table is missing or damaged.
        """
        return self._read(name)[0]

    def planned(self, source: str) -> list[dict[str, Any]]:
        """Return the planned jobs of an experiment.

        Those of the experiment as run are included, unless it is declared as a separate experiment.
        """
        as_run = f"{source}{AS_RUN}"
        experiments = {source} if as_run in GRADIENTS else {source, as_run}
        return [line for line in self.lines("jobs") if line["experiment"] in experiments]

    def progress(self, source: str) -> str:
        """Say how much of an experiment or study has been computed."""
        planned = self.planned(source)
        if not planned:
            return "not in this configuration"
        done = sum(line["state"] == "done" for line in planned)
        parts = [f"{done} of {count(len(planned), 'job')} done"]
        for state, words in (
            ("partial", "in part"),
            ("missing", "missing"),
            ("unreadable", "unreadable"),
        ):
            names = [line["job"] for line in planned if line["state"] == state]
            if names:
                parts.append(f"{words}: {first_of(names, 3)}")
        return "; ".join(parts)

    def absence(self, name: str) -> str:
        """Say why a table lacks a row: purpose and progress of the experiment that fills it."""
        source = FILLED_BY[name]
        planned = self.planned(source)
        if planned and all(line["state"] == "done" for line in planned):
            return "not in this configuration"
        return f"{PURPOSES[source]}: {self.progress(source)}"

    def _load(self, name: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
        table = read_table(self.folder / "tables" / f"{name}.csv")
        return table, as_lines(table)


def as_lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table. Missing entries are "", which, unlike NaN, equals itself."""
    filled = table.astype(object).where(table.notna(), "")
    return [{str(key): value for key, value in line.items()} for line in filled.to_dict("records")]
