"""Finds and removes files in a results folder that the configuration does not request."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reinrelax.config.load import Config
from reinrelax.core.files import REMEDY
from reinrelax.errors import ResultsError
from reinrelax.execution import run_lock
from reinrelax.execution.estimates import begun
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs
from reinrelax.results.read import kept_runs, read_record
from reinrelax.training import progress

# The files of a cell: with a finished table, with finished runs, or with neither.
_TABLE, _FINISHED = (".csv", ".npz", ".pt", ".json"), (".runs.npz", ".runs.json")
_CHECKPOINT, _UNREADABLE, _MARK = ".checkpoint", ".runs.json.unreadable", ".anew"
# Folders that contain no results of jobs.
OTHER = {"data", "tables", "figures", "logs", "benchmarks"}


@dataclass(frozen=True)
class Leftover:
    """Files of one job that are no longer requested, and the reason."""

    name: str
    why: str
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """The total size of the files in bytes."""
        return sum(path.stat().st_size for path in self.files)


def describe(found: list[Leftover], removed: bool) -> str:
    """Format the leftovers as lines."""
    lines = [f"{megabytes(one.size):>9}  {one.name}: {one.why}" for one in found]
    said = (
        "removed" if removed else "that the configuration does not request; --remove deletes them"
    )
    return "\n".join(
        [
            *lines,
            f"{total(found)} {said}"
            if found
            else "no files that the configuration does not request",
        ]
    )


def total(found: list[Leftover]) -> str:
    """Format the size and the number of the files of leftovers."""
    files = [path for one in found for path in one.files]
    return f"{megabytes(sum(one.size for one in found))} in {len(files)} files"


def leftovers(config: Config) -> list[Leftover]:
    """Find all files of jobs in the results folder that the configuration does not request.

    Files that are unreadable or do not name their job are kept; reading them reports the problem.
    """
    planned = jobs(config)
    asked = {(run.run_id, job.source_hash) for job in planned.values() for run in job.runs}
    found = []
    for name in sorted(_names(config.folder)):
        job = planned.get(name)
        study = config.folder / name / "record.json"
        of = _of_study(study, job) if study.exists() else _of_cell(config, name, job, asked)
        found += [
            Leftover(name, why, files)
            for why, paths in of
            if (files := tuple(filter(Path.is_file, paths)))
        ]
    return found


def remove(config: Config, found: list[Leftover]) -> None:
    """Remove these files, and the folders that become empty.

    Raises:
        ResultsError: a run is using the folder, or a file cannot be removed.
    """
    if occupant := run_lock.occupant(config.folder):
        raise ResultsError(
            f"{config.folder} is in use by another run ({occupant}). Wait for it, or stop it"
        )
    for path in (path for one in found for path in one.files):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ResultsError(f"{path}: cannot be removed ({error.strerror}). {REMEDY}") from None
        with suppress(OSError):  # the folder is not empty
            for folder in path.parents:
                if folder == config.folder:
                    break
                folder.rmdir()


def _names(folder: Path) -> set[str]:
    """Return the names of cells and studies that have files in the folder."""
    names = set()
    for path in folder.glob("*/**/*"):
        place = path.relative_to(folder)
        if place.parts[0] in OTHER:
            continue
        if path.name == "record.json":
            names.add(place.parent.as_posix())
            continue
        for suffix in (_UNREADABLE, *_FINISHED, *_TABLE, _CHECKPOINT, _MARK):
            if path.name.endswith(suffix):
                if not (path.parent / "record.json").exists():
                    names.add(place.as_posix().removesuffix(suffix))
                break
    return names


def _of_study(record: Path, job: Job | None) -> Iterator[tuple[str, list[Path]]]:
    try:
        content = read_record(record, ("fingerprint",))
    except ResultsError:
        return
    if why := _why(job, content["fingerprint"]):
        # The record may have been copied from elsewhere and name files outside this folder.
        beside = [
            name for name in content.get("checksums", {}) if name == Path(name).name != "record"
        ]
        yield why, [*(record.parent / name for name in beside), record]


def _of_cell(
    config: Config, name: str, job: Job | None, asked: set[tuple[str, str]]
) -> Iterator[tuple[str, list[Path]]]:
    """Yield the files of a cell that are not requested, with the reason.

    A run may be requested by a cell other than the one whose table contains it.
    """
    table = config.folder / f"{name}.csv"
    cell = job if job and job.runs else None
    for suffixes, runs in zip((_TABLE, _FINISHED), kept_runs(table), strict=True):
        held = {
            (run_id, str(run.origin.get("source_hash"))) for run_id, run in (runs or {}).items()
        }
        if runs and not held & asked:
            why = (
                "of other settings or source"
                if cell
                else "of a cell that is not in the configuration"
            )
            yield f"results {why}", [table.with_suffix(suffix) for suffix in suffixes]
    state = table.with_suffix(_CHECKPOINT)
    if cell is None:
        yield (
            "a checkpoint of a cell that is not in the configuration",
            [state, table.with_suffix(_MARK)],
        )
    elif progress.read(state)[0] and not begun(config, cell):
        yield "a checkpoint that no job resumes from", [state]
    yield "finished runs that could not be read", [table.with_suffix(_UNREADABLE)]


def _why(job: Job | None, fingerprint: str) -> str:
    if job is None:
        return "a study that is not in the configuration"
    return "" if job.fingerprint == fingerprint else "a study of other settings or source"


def megabytes(count: int) -> str:
    """Format a number of bytes."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
