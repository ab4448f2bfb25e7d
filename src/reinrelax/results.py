"""Results on disk: which cells and studies are there, and whether they belong to the configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax import records
from reinrelax.config import Config
from reinrelax.errors import ResultsError
from reinrelax.runs import Cell, table_path
from reinrelax.studies import Study, study_folder

_RECORDED = ("fingerprint", "wall_seconds")


@dataclass(frozen=True)
class CellResult:
    """What is known of one planned cell.

    Attributes:
        table: its tidy rows, or None while the cell has not been run.
        record: its provenance, or None.
    """

    cell: Cell
    table: pd.DataFrame | None
    record: dict[str, Any] | None


@dataclass(frozen=True)
class StudyResult:
    """A study that has been run: its tables by name, and its provenance."""

    tables: Mapping[str, pd.DataFrame]
    record: dict[str, Any]


def read_record(path: Path, keys: Sequence[str] = (*_RECORDED, "images_trained")) -> dict[str, Any]:
    """A provenance record, which must hold these keys.

    Raises:
        ResultsError: missing or damaged.
    """
    return records.read(path, keys)


def is_done(config: Config, cell: Cell) -> bool:
    """Whether this cell's table and record exist and were computed from this configuration and source.

    Raises:
        ResultsError: the record is damaged.
    """
    table = table_path(config, cell.name)
    record = table.with_suffix(".json")
    return table.exists() and record.exists() and read_record(record)["fingerprint"] == cell.fingerprint


def read_cell(config: Config, cell: Cell, any_source: bool = False) -> CellResult:
    """A cell's results, if it has been run.

    Args:
        config: whose results.
        cell: which.
        any_source: whether only the settings must agree, as of published results, which outlive their source.

    Raises:
        ResultsError: the files are damaged, or were computed from another configuration or source.
    """
    path = table_path(config, cell.name)
    if not path.exists():
        return CellResult(cell, None, None)
    record = read_record(path.with_suffix(".json"))
    _check_origin(path, record, cell, any_source)
    records.check(path, record)
    table = _read(path, ["run_id"])
    if set(table["run_id"]) != {run.run_id for run in cell.runs}:
        raise ResultsError(f"{path}: holds other runs than its record says. Delete it and rerun")
    return CellResult(cell, table, record)


def read_study(config: Config, study: Study, any_source: bool = False) -> StudyResult | None:
    """A study's results, or None if it has not been run; `any_source` as for `read_cell`.

    Raises:
        ResultsError: a file is missing or damaged, or was computed from another configuration or source.
    """
    folder = study_folder(config, study.name)
    record_path = folder / "record.json"
    paths = {name: folder / f"{name}.csv" for name in study.tables}
    absent = [path for path in (*paths.values(), record_path) if not path.exists()]
    if len(absent) == len(paths) + 1:
        return None
    if absent:
        raise ResultsError(f"{absent[0]} is missing beside the study's other files. Delete them and rerun")
    record = read_record(record_path, _RECORDED)
    _check_origin(record_path, record, study, any_source)
    for path in paths.values():
        records.check(path, record)
    return StudyResult({name: _read(path) for name, path in paths.items()}, record)


def _check_origin(path: Path, record: Mapping[str, Any], job: Cell | Study, any_source: bool) -> None:
    found = str(record["fingerprint"])
    if found == job.fingerprint:
        return
    if not any_source:
        raise ResultsError(
            f"{path} was computed from another configuration or source (fingerprint "
            f"{found[:12]}, expected {job.fingerprint[:12]}). Delete it and rerun, or give the configuration "
            "it was made with"
        )
    if record.get("settings_hash") != job.settings_hash:
        raise ResultsError(
            f"{path} was computed with other settings than this configuration's. Delete it and rerun, or "
            "give the configuration it was made with"
        )


def _read(path: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
        for column in columns:
            table[column]
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError(
            f"{path}: cannot be read as a results table ({error!r}). Delete it and rerun"
        ) from None
    return table
