"""Finished runs: single trainings that have ended.

Results are kept, read, merged and published run by run. The table of a cell contains its runs as
rows. A file next to the table keeps them as well, because the workflow deletes a table before
making it again; a cell that gains a run then trains only that run. If a user forces a cell, none of
its runs is reused: a mark next to its table says so until the cell is trained.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reinrelax.core import files, records
from reinrelax.errors import ResultsError
from reinrelax.jobs.job import Job
from reinrelax.results import pictures

# Version of the file's layout. Older files have none, and contain hashes that are no longer valid.
_FORMAT = 2


@dataclass(frozen=True)
class Finished:
    """One training that has ended.

    Attributes:
        results: the result columns of the table, one value per epoch each: nats per image, rounded
            as in the table.
        diverged: the epoch in which it diverged; 0 if it did not.
        dataset: `name` of the images, the numbers of images for training and testing
            (`train_images`, `test_images`), and their `sha256`.
        origin: how it was computed: `commit`, `source_hash`, `host`, `processor`, `device`,
            `threads`, `started`, the versions of `python`, `torch` and `numpy`, and
            `wall_seconds`, its share of its job's.
    """

    results: Mapping[str, Sequence[float]]
    diverged: int
    dataset: Mapping[str, Any]
    origin: Mapping[str, Any]

    @property
    def on_gpu(self) -> bool:
        """True if it was trained on a GPU, whose numbers differ from a CPU's."""
        return bool(self.origin["device"] != "cpu")


def place(table: Path) -> Path:
    """Return the path of the finished runs of a table's cell."""
    return table.with_suffix(".runs.json")


def mark(table: Path, forced: bool) -> None:
    """Mark a cell's runs for retraining if `forced`; otherwise withdraw an unused mark.

    A mark is unused while the table exists: retraining has not begun. Every mark is unique, so that
    a training resumes only from its own checkpoint. A cell that is forced again before it is done
    keeps its mark.

    Raises:
        ResultsError: the mark cannot be written.
    """
    if forced and not marked(table):
        files.write_text(_marked(table), uuid.uuid4().hex)
    elif not forced and table.exists():
        unmark(table)


def marked(table: Path) -> str:
    """Return the unique mark of a forced training; empty if the cell is not forced.

    Raises:
        ResultsError: the mark cannot be read.
    """
    try:
        return _marked(table).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ResultsError(
            f"{_marked(table)}: cannot be read ({error!r}). Delete it and rerun"
        ) from None


def unmark(table: Path) -> None:
    """Remove a mark, if there is one."""
    _marked(table).unlink(missing_ok=True)


def told(cell: Job, runs: Mapping[str, Finished]) -> dict[str, Any]:
    """Return the fields of a cell's record on its runs.

    Args:
        cell: the cell.
        runs: finished runs by run_id, among them all runs of the cell.
    """
    first = cell.first
    ended = {run.run_id: runs[run.run_id].diverged for run in cell.runs}
    return {
        "estimator": first.estimator,
        "latent": str(first.shape),
        "draws": dict(first.hyper).get("draws", 0),
        **({"hidden": list(first.hidden)} if first.hidden else {}),
        "run_ids": [*ended],
        "seeds": [run.seed for run in cell.runs],
        "diverged": {run_id: epoch for run_id, epoch in ended.items() if epoch},
    }


def reuse(record: Mapping[str, Any]) -> str:
    """Say how many of a cell's runs were reused, by its record; empty if all were trained."""
    reused, runs = len(record["reused"]), len(record["run_ids"])
    trained = f", {runs - reused} trained" if reused < runs else ""
    return f", {reused} of {runs} runs reused{trained}" if reused else ""


def read(path: Path) -> dict[str, Finished]:
    """Read the finished runs in a file, by run_id; empty if it does not exist.

    Raises:
        ResultsError: the file is damaged, or has an older layout.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ResultsError(
                f"{path}: written by another version of this project. Delete it and rerun"
            )
        records.require(content)
        return {str(run_id): _checked(entry) for run_id, entry in content["runs"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultsError(
            f"{path}: finished runs cannot be read ({error!r}). Delete it and rerun"
        ) from None


def write(table: Path, finished: Mapping[str, Finished]) -> None:
    """Save finished runs, by run_id, next to their cell's table, with those already saved there.

    Their pictures, if any, must be there already: the file contains their checksum as well as its
    own. A file that cannot be read is set aside, not replaced.

    Raises:
        ResultsError: the file cannot be written.
    """
    path = place(table)
    try:
        before = read(path)
    except ResultsError:
        path.replace(path.with_name(f"{path.name}.unreadable"))
        before = {}
    runs = {run_id: asdict(entry) for run_id, entry in {**before, **finished}.items()}
    beside = [kept for kept in [pictures.kept(table)] if kept.exists()]
    files.write_text(
        path, json.dumps(records.sealed({"format": _FORMAT, "runs": runs}, beside)) + "\n"
    )


def _marked(table: Path) -> Path:
    return table.with_suffix(".anew")


def _checked(entry: Mapping[str, Any]) -> Finished:
    """Return the run of an entry, after checking its parts.

    Raises:
        ValueError, TypeError, KeyError: a part is missing or invalid.
    """
    run = Finished(**entry)
    lengths = {len([float(value) for value in values]) for values in run.results.values()}
    if len(lengths) != 1:
        raise ValueError("columns of different lengths")
    for key in ("commit", "source_hash", "host", "device", "started"):
        str(run.origin[key])
    for key in ("name", "train_images", "test_images", "sha256"):
        run.dataset[key]
    int(run.diverged)
    return run
