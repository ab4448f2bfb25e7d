"""Results on disk: which runs and studies are there, and whether they belong to the configuration.

A run counts if it is planned, of the present source, and of the images of its folder; of published results,
which outlive their source, whatever source computed it. A cell of which some runs are there counts as these.
"""

import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.load import Config
from reinrelax.config.run import digest
from reinrelax.core import files, records
from reinrelax.core.sources import FORMAT
from reinrelax.errors import ResultsError
from reinrelax.jobs.runs import Cell, table_path
from reinrelax.jobs.studies import Study, study_folder
from reinrelax.results import cell_table, finished, pictures
from reinrelax.results.finished import Finished

_RECORDED = ("fingerprint", "wall_seconds")
_CELL_RECORD = (*_RECORDED, "images_trained")
# Of the images that a folder's runs were trained on.
IMAGES = Path("data/data.json")


@dataclass(frozen=True)
class CellResult:
    """What is known of one planned cell.

    Attributes:
        cell: those of its runs that are there.
        table: their tidy rows, or None while there are none.
        record: their provenance, or None.
    """

    cell: Cell
    table: pd.DataFrame | None
    record: dict[str, Any] | None


@dataclass(frozen=True)
class StudyResult:
    """A study that has been run: its tables by name, and its provenance."""

    tables: Mapping[str, pd.DataFrame]
    record: dict[str, Any]


def read_record(path: Path, keys: Sequence[str] = _CELL_RECORD) -> dict[str, Any]:
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


def study_is_done(config: Config, study: Study) -> bool:
    """Whether a study's record exists and was computed from this configuration and source."""
    record = study_folder(config, study.name) / "record.json"
    try:
        return record.exists() and read_record(record, ("fingerprint",))["fingerprint"] == study.fingerprint
    except ResultsError:
        return False


def held(config: Config, cell: Cell, any_source: bool = False, tolerant: bool = False) -> dict[str, Finished]:
    """The finished runs of a cell by run_id, in its order.

    They are taken from its table, the file beside it, or those of another split of the cell.

    Args:
        config: whose results.
        cell: which.
        any_source: whether runs of an earlier source count.
        tolerant: whether a damaged file is passed over, with a warning on standard error, because training
            its runs again is the right answer.

    Raises:
        ResultsError: a file is damaged.
    """
    own = table_path(config, cell.name)
    name = cell.first.estimator
    parts = (
        path.name.removesuffix(".runs.json").removesuffix(".json")
        for path in own.parent.glob(f"{name}*.json")
    )
    others = sorted(
        {part for part in parts if part == name or part.removeprefix(f"{name}.").isdigit()} - {own.stem}
    )
    found: dict[str, Finished] = {}
    for table in (own, *(own.with_name(f"{part}.csv") for part in others)):
        for read, path in ((_tabled, table), (finished.read, finished.place(table))):
            try:
                found = {**read(path), **found}
            except ResultsError as error:
                if not tolerant:
                    raise
                print(f"WARNING: {error}", file=sys.stderr)
    images = images_of(config.folder)
    return {
        run.run_id: found[run.run_id]
        for run in cell.runs
        if run.run_id in found
        and (any_source or found[run.run_id].origin.get("source_hash") == cell.source_hash)
        and (not images or found[run.run_id].dataset["sha256"] == images)
    }


def kept_runs(table: Path) -> tuple[dict[str, Finished] | None, dict[str, Finished] | None]:
    """The finished runs in a table, and those in the file beside it; None where they cannot be read."""
    found: list[dict[str, Finished] | None] = []
    for read, path in ((_tabled, table), (finished.read, finished.place(table))):
        try:
            found.append(read(path))
        except ResultsError:
            found.append(None)
    return found[0], found[1]


def read_cell(config: Config, cell: Cell, any_source: bool = False) -> CellResult:
    """A cell's results, as far as it has been run.

    Args:
        config: whose results.
        cell: which.
        any_source: whether only the settings must agree, as of published results, which outlive their source.

    Raises:
        ResultsError: the files are damaged, or were computed from another configuration or source.
    """
    path = table_path(config, cell.name)
    record = read_record(path.with_suffix(".json")) if path.exists() else {}
    if record.get("fingerprint") == cell.fingerprint or (
        any_source and record.get("settings_hash") == cell.settings_hash
    ):
        records.check(path, record)
        table = _read(path, ["run_id"])
        if set(table["run_id"]) != {run.run_id for run in cell.runs}:
            raise ResultsError(f"{path}: holds other runs than its record says. Delete it and rerun")
        return CellResult(cell, table, record)
    if runs := held(config, cell, any_source):
        there = part(cell, runs)
        text = cell_table.to_csv(there.runs, runs)
        return CellResult(there, pd.read_csv(io.StringIO(text)), record_of(there, runs))
    if path.exists():
        _check_origin(path, record, cell, any_source)
    return CellResult(cell, None, None)


def part(cell: Cell, runs: Mapping[str, Finished]) -> Cell:
    """The cell of those runs that are there."""
    return replace(cell, runs=tuple(run for run in cell.runs if run.run_id in runs))


def record_of(cell: Cell, runs: Mapping[str, Finished]) -> dict[str, Any]:
    """The provenance of a cell whose runs come from several jobs; `reused` says of each from which."""
    latest = max(runs.values(), key=lambda run: str(run.origin["started"]))
    sources = sorted({str(run.origin.get("source_hash")) for run in runs.values()})
    source = sources[0] if len(sources) == 1 else digest(sources)
    first = cell.first
    return {
        "cell": cell.name,
        "settings_hash": cell.settings_hash,
        "source_hash": source,
        "fingerprint": cell.fingerprint_of(source),
        "estimator": first.estimator,
        "latent": str(first.shape),
        "draws": dict(first.hyper).get("draws", 0),
        **({"hidden": list(first.hidden)} if first.hidden else {}),
        **latest.origin,
        "dataset": {name: latest.dataset[name] for name in ("name", "sha256")},
        "run_ids": [run.run_id for run in cell.runs],
        "seeds": [run.seed for run in cell.runs],
        "diverged": {run_id: run.diverged for run_id, run in runs.items() if run.diverged},
        "reused": {run_id: dict(run.origin) for run_id, run in runs.items()},
        "wall_seconds": 0.0,
        "images_trained": 0,
    }


def write_cell(
    folder: Path, cell: Cell, runs: Mapping[str, Finished], drawn: Sequence[pictures.Pictures] = ()
) -> None:
    """Write a cell's files as a job leaves them, of runs that were computed by several.

    Args:
        folder: a results folder.
        cell: of these runs alone.
        runs: all of the cell's, by run_id.
        drawn: their pictures, of a cell that has some.

    Raises:
        ResultsError: a file cannot be written.
    """
    table = folder / f"{cell.name}.csv"
    if drawn:
        pictures.write(table.with_suffix(".npz"), pictures.joined(cell.runs, drawn))
    files.write_text(table, cell_table.to_csv(cell.runs, runs))
    beside = [table, *([table.with_suffix(".npz")] if drawn else [])]
    records.write(table.with_suffix(".json"), record_of(cell, runs), beside)


def pictures_of(folder: Path, cell: Cell) -> pictures.Pictures:
    """What a cell of paper A has learned, of the runs that are there; nothing of other cells.

    Raises:
        ResultsError: the file is damaged.
    """
    table = folder / f"{cell.name}.csv"
    for path in (table.with_suffix(".npz"), pictures.kept(table)):
        if cell.first.experiment == "relaxations" and path.exists():
            return pictures.read(path)
    return {}


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
    source = record.get("source_hash")
    if not any_source and source and not str(source).startswith(FORMAT):
        raise ResultsError(
            f"{path} was computed by an earlier version, by whose record it cannot be told whether its "
            "source is the present one. Delete it and rerun"
        )
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


def _tabled(path: Path) -> dict[str, Finished]:
    """The finished runs in a cell's table; none where there is no table, or its record is not there yet."""
    record_path = path.with_suffix(".json")
    if not (path.exists() and record_path.exists()):
        return {}
    record = read_record(record_path)
    records.check(path, record)
    try:
        return cell_table.from_table(_read(path, ["run_id"]), record)
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(
            f"{path}: cannot be read as a results table ({error!r}). Delete it and rerun"
        ) from None


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


def images_of(folder: Path) -> str | None:
    """A hash of the images that a folder's trainings are of, if it says.

    Raises:
        ResultsError: its record is damaged.
    """
    path = folder / IMAGES
    return str(read_record(path, ("sha256",))["sha256"]) if path.exists() else None
