"""The tables of the results folder as the page reads them, and why one of them has no rows."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.declared import FILLED_BY, PURPOSES
from reinrelax.config.load import AS_RUN, GRADIENTS, Config
from reinrelax.display.tables import read_table
from reinrelax.display.wording import count

Line = Mapping[str, Any]


class Collected:
    """Tables by name, each read once.

    Attributes:
        config: whose results.
        folder: where they lie.
        root: the project's folder.
    """

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = root
        self.folder = config.folder
        self._read = cache(self._load)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """A table's rows, in its order; what is absent is the empty text.

        Raises:
            ResultsError: missing or damaged.
        """
        return self._read(name)[1]

    def table(self, name: str) -> pd.DataFrame:
        """A table as `read_table` gives it.

        Raises:
            ResultsError: missing or damaged.
        """
        return self._read(name)[0]

    def planned(self, source: str) -> list[dict[str, Any]]:
        """The jobs of an experiment, also as run unless that is one of its own."""
        as_run = f"{source}{AS_RUN}"
        experiments = {source} if as_run in GRADIENTS else {source, as_run}
        return [line for line in self.lines("jobs") if line["experiment"] in experiments]

    def progress(self, source: str) -> str:
        """How much of an experiment or study is there, in words."""
        planned = self.planned(source)
        if not planned:
            return "not in this configuration"
        done = sum(line["state"] == "done" for line in planned)
        parts = [f"{done} of {count(len(planned), 'job')} done"]
        for state, words in (("partial", "in part"), ("missing", "missing"), ("unreadable", "unreadable")):
            names = [line["job"] for line in planned if line["state"] == state]
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                parts.append(f"{words}: {', '.join(names[:3])}{more}")
        return "; ".join(parts)

    def absence(self, name: str) -> str:
        """Why a table has no row that is looked for: what fills it, and how far that has come."""
        source = FILLED_BY[name]
        planned = self.planned(source)
        if planned and all(line["state"] == "done" for line in planned):
            return "not in this configuration"
        return f"{PURPOSES[source]}: {self.progress(source)}"

    def _load(self, name: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
        table = read_table(self.folder / "tables" / f"{name}.csv")
        return table, as_lines(table)


def as_lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows; what is absent is the empty text, which is equal to itself as NaN is not."""
    filled = table.astype(object).where(table.notna(), "")
    return [{str(key): value for key, value in line.items()} for line in filled.to_dict("records")]
