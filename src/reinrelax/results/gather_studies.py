"""What lies on disk for every planned study: its tables, and a line that says what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.declared import COLUMNS
from reinrelax.config.load import Config
from reinrelax.errors import ResultsError
from reinrelax.jobs.studies import Study, studies, study_folder
from reinrelax.results.gather import ORIGIN, provenance, recompute
from reinrelax.results.read import StudyResult, read_study

# What tables hold what may be absent as.
_KINDS = {str: "str", int: "Int64", float: "float"}
# The columns of a planned study's line.
_LINE = ("study", "state", "message", *ORIGIN, "folder", "log", "command")


@dataclass(frozen=True)
class Studied:
    """What lies on disk: `tables` by experiment and name, and `plan`, one row a study."""

    tables: Mapping[tuple[str, str], pd.DataFrame]
    plan: pd.DataFrame

    def of(self, experiment: str) -> Mapping[str, pd.DataFrame]:
        """Every table that a study may write, as the studies of one experiment have it."""
        return {
            name: self.tables.get((experiment, name), pd.DataFrame(columns=list(columns)))
            for name, columns in COLUMNS.items()
        }


def gather_studies(config: Config, root: Path, any_source: bool = False) -> Studied:
    """Read every planned study; one that cannot be read keeps the reason and gives no rows.

    Args:
        config: whose results.
        root: the project's folder.
        any_source: as of `results.read_study`.
    """
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    plan = []
    for study in studies(config).values():
        line: dict[str, Any] = {
            "study": study.name,
            "state": "missing",
            "message": "",
            **dict.fromkeys(ORIGIN),
            "folder": study_folder(config, study.name).as_posix(),
            "log": (config.folder / "logs" / "studies" / f"{study.name}.log").as_posix(),
            "command": recompute(config, f"{study.name}/record.json", root),
        }
        try:
            result = read_study(config, study, any_source)
            if result is not None:
                # All of a study's tables or none: half a study would pass for a whole one.
                checked = _checked(config, study, result)
                for name, table in checked.items():
                    found.setdefault((study.experiment, name), []).append(table)
                line.update(state="done", **provenance(result.record, study))
        except ResultsError as error:
            line.update(state="unreadable", message=str(error))
        plan.append(line)
    tables = {place: pd.concat(parts, ignore_index=True) for place, parts in found.items()}
    return Studied(tables, pd.DataFrame(plan, columns=_LINE))


def _checked(config: Config, study: Study, result: StudyResult) -> dict[str, pd.DataFrame]:
    out = {}
    for name, table in result.tables.items():
        path = study_folder(config, study.name) / f"{name}.csv"
        columns = {column: _KINDS[holds] for column, holds in COLUMNS[name].items()}
        if missing := [column for column in columns if column not in table]:
            raise ResultsError(f"{path}: column {missing[0]!r} is missing. Delete it and rerun")
        try:
            out[name] = table[list(columns)].astype(columns)
        except (ValueError, TypeError) as error:
            raise ResultsError(
                f"{path}: holds something other than numbers ({error}). Delete it and rerun"
            ) from None
    return out
