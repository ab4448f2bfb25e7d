"""Results on disk: which cells are there, and whether they belong to the configuration."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config import Config
from reinrelax.errors import ResultsError
from reinrelax.runs import Cell, table_path


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


def read_record(path: Path) -> dict[str, Any]:
    """A provenance record.

    Raises:
        ResultsError: missing or damaged.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record["fingerprint"], record["wall_seconds"], record["images_trained"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path}: provenance cannot be read ({error!r}). Delete it and rerun") from None
    return record


def is_done(config: Config, cell: Cell) -> bool:
    """Whether this cell's table and record exist and were computed from this configuration and source.

    Raises:
        ResultsError: the record is damaged.
    """
    table = table_path(config, cell.name)
    record = table.with_suffix(".json")
    return table.exists() and record.exists() and read_record(record)["fingerprint"] == cell.fingerprint


def read_cell(config: Config, cell: Cell) -> CellResult:
    """A cell's results, if it has been run.

    Raises:
        ResultsError: the files are damaged, or were computed from another configuration or source.
    """
    path = table_path(config, cell.name)
    if not path.exists():
        return CellResult(cell, None, None)
    record = read_record(path.with_suffix(".json"))
    if record["fingerprint"] != cell.fingerprint:
        raise ResultsError(
            f"{path} was computed from another configuration or source (fingerprint "
            f"{record['fingerprint'][:12]}, expected {cell.fingerprint[:12]}). Run snakemake again to "
            "recompute it, or give the configuration it was made with"
        )
    try:
        table = pd.read_csv(path)
        found, expected = set(table["run_id"]), {run.run_id for run in cell.runs}
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError(
            f"{path}: cannot be read as a results table ({error!r}). Delete it and rerun"
        ) from None
    if found != expected:
        raise ResultsError(f"{path}: holds other runs than its record says. Delete it and rerun")
    return CellResult(cell, table, record)
