"""Reader of results on disk. It checks whether they belong to the configuration.

A run counts if it is planned and was computed by the present source, on the images of its folder.
For published results, which outlive their source, any source counts. A cell with only some of its
runs counts as these runs.
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
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import table_path
from reinrelax.results import cell_table, finished, pictures
from reinrelax.results.finished import Finished

# Record of the images that a folder's runs were trained on.
IMAGES = Path("data/data.json")


@dataclass(frozen=True)
class Result:
    """The existing results of a planned job.

    Attributes:
        job: a study, or a cell with those runs that are there.
        tables: tables by the names of their files.
        record: their provenance.
    """

    job: Job
    tables: Mapping[str, pd.DataFrame]
    record: dict[str, Any]


def read_record(
    path: Path, keys: Sequence[str] = ("fingerprint", "wall_seconds")
) -> dict[str, Any]:
    """Read a provenance record, which must have these keys.

    Raises:
        ResultsError: the record is missing or damaged.
    """
    return records.read(path, keys)


def is_done(config: Config, job: Job) -> bool:
    """Return whether all files of a job are there, from this configuration and source."""
    if not all((config.folder / path).exists() for path in job.files):
        return False
    try:
        return bool(read_record(config.folder / job.record)["fingerprint"] == job.fingerprint)
    except ResultsError:
        return False


def held(
    config: Config, cell: Job, any_source: bool = False, tolerant: bool = False
) -> dict[str, Finished]:
    """Return the finished runs of a cell by run_id, in the cell's order.

    They are read from its table, the file next to it, or those of another split of the cell.

    Args:
        config: the configuration whose results are read.
        cell: the cell.
        any_source: whether runs of an earlier source count.
        tolerant: whether to skip a damaged file with a warning on standard error, which is right if
            its runs are then trained again.

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
        {part for part in parts if part == name or part.removeprefix(f"{name}.").isdigit()}
        - {own.stem}
    )
    found: dict[str, Finished] = {}
    for table in (own, *(own.with_name(f"{part}.csv") for part in others)):
        for runs_in, path in ((_tabled, table), (finished.read, finished.place(table))):
            try:
                found = {**runs_in(path), **found}
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
    """Return the finished runs in a table and those in the file next to it; None if unreadable."""
    found: list[dict[str, Finished] | None] = []
    for runs_in, path in ((_tabled, table), (finished.read, finished.place(table))):
        try:
            found.append(runs_in(path))
        except ResultsError:
            found.append(None)
    return found[0], found[1]


def read_job(config: Config, job: Job, any_source: bool = False) -> Result | None:
    """Read the existing results of a job; None if there are none.

    Args:
        config: the configuration whose results are read.
        job: the job.
        any_source: whether only the settings must match, as for published results, which outlive
            their source.

    Raises:
        ResultsError: a file is missing or damaged, or was computed from another configuration or
            source.
    """
    target, tables = (
        config.folder / job.target,
        {path.stem: config.folder / path for path in job.tables},
    )
    path = config.folder / job.record
    absent = [file for file in (*tables.values(), path) if not file.exists()]
    record = {} if absent else read_record(path)
    found = record.get("fingerprint"), record.get("settings_hash")
    if found[0] == job.fingerprint or (any_source and found[1] == job.settings_hash):
        for table in tables.values():
            records.check(table, record)
        content = {
            name: _read(table, ["run_id"] if job.runs else ()) for name, table in tables.items()
        }
        if job.runs and set(content[target.stem]["run_id"]) != {run.run_id for run in job.runs}:
            raise ResultsError(
                f"{target}: does not contain the runs listed in its record. Delete it and rerun"
            )
        return Result(job, content, record)
    if job.runs and (runs := held(config, job, any_source)):
        there = part(job, runs)
        text = cell_table.to_csv(there.runs, runs)
        return Result(there, {target.stem: pd.read_csv(io.StringIO(text))}, record_of(there, runs))
    if len(absent) == len(tables) + 1:
        return None
    if absent:
        raise ResultsError(
            f"{absent[0]} is missing, but the job's other files exist. Delete them and rerun"
        )
    raise _other_origin(target, record, job, any_source)


def checked(config: Config, job: Job, any_source: bool = False) -> dict[str, Any]:
    """Return the record of a job, after checking that all its files are there and match it.

    Raises:
        ResultsError: as in `read_job`.
    """
    read_job(config, job, any_source)
    record = read_record(config.folder / job.record)
    for path in (config.folder / path for path in job.results):
        if not path.is_file():
            raise ResultsError(
                f"{path} is missing, but its record exists. Delete {config.folder / job.record}"
                " and rerun"
            )
        records.check(path, record)
    return record


def part(cell: Job, runs: Mapping[str, Finished]) -> Job:
    """Return the cell with only those runs that are there."""
    return replace(cell, runs=tuple(run for run in cell.runs if run.run_id in runs))


def record_of(cell: Job, runs: Mapping[str, Finished]) -> dict[str, Any]:
    """Return the provenance of a cell whose runs come from several jobs.

    Its entry `reused` has the origin of each run.
    """
    latest = max(runs.values(), key=lambda run: str(run.origin["started"]))
    sources = sorted({str(run.origin.get("source_hash")) for run in runs.values()})
    source = sources[0] if len(sources) == 1 else digest(sources)
    return {
        "job": cell.name,
        "settings_hash": cell.settings_hash,
        "source_hash": source,
        "fingerprint": cell.fingerprint_of(source),
        **latest.origin,
        **finished.told(cell, runs),
        "dataset": {name: latest.dataset[name] for name in ("name", "sha256")},
        "reused": {run_id: dict(run.origin) for run_id, run in runs.items()},
        "wall_seconds": 0.0,
        "images_trained": 0,
    }


def write_cell(
    folder: Path, cell: Job, runs: Mapping[str, Finished], drawn: Sequence[pictures.Pictures] = ()
) -> None:
    """Write a cell's files as a job does, for runs that several jobs computed.

    Args:
        folder: a results folder.
        cell: the cell with only these runs.
        runs: all of the cell's runs, by run_id.
        drawn: their pictures, if the cell has some.

    Raises:
        ResultsError: a file cannot be written.
    """
    table = folder / f"{cell.name}.csv"
    if drawn:
        pictures.write(table.with_suffix(".npz"), pictures.joined(cell.runs, drawn))
    files.write_text(table, cell_table.to_csv(cell.runs, runs))
    beside = [table, *([table.with_suffix(".npz")] if drawn else [])]
    records.write(table.with_suffix(".json"), record_of(cell, runs), beside)


def pictures_of(folder: Path, cell: Job) -> pictures.Pictures:
    """Read the pictures of a cell of paper A, of the runs that are there; empty for other cells.

    Raises:
        ResultsError: the file is damaged.
    """
    table = folder / f"{cell.name}.csv"
    for path in (table.with_suffix(".npz"), pictures.kept(table)):
        if cell.first.experiment == "relaxations" and path.exists():
            return pictures.read(path)
    return {}


def _other_origin(
    path: Path, record: Mapping[str, Any], job: Job, any_source: bool
) -> ResultsError:
    """Return the error for results of another configuration or source."""
    source = record.get("source_hash")
    if any_source:
        return ResultsError(
            f"{path} was computed with other settings than this configuration's. Delete it and"
            " rerun, or give the configuration it was made with"
        )
    if source and not str(source).startswith(FORMAT):
        return ResultsError(
            f"{path} was computed by an earlier version, whose record does not say whether its"
            " source is the present one. Delete it and rerun"
        )
    return ResultsError(
        f"{path} was computed from another configuration or source (fingerprint"
        f" {str(record['fingerprint'])[:12]}, expected {job.fingerprint[:12]}). Delete it and"
        " rerun, or give the configuration it was made with"
    )


def _tabled(path: Path) -> dict[str, Finished]:
    """Read the finished runs in a cell's table; empty if the table or its record is missing."""
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
    """Return the hash of the images that a folder's trainings used; None if there is no record.

    Raises:
        ResultsError: the record is damaged.
    """
    path = folder / IMAGES
    return str(read_record(path, ("sha256",))["sha256"]) if path.exists() else None
