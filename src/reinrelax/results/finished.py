"""Finished runs: the trainings that have ended, one by one.

They are what is kept, read, merged and published. A cell's table has them as rows, and a file beside it keeps
them as well, because a workflow deletes a table before it is made again: so a cell that gains a run trains
that one alone. Of a cell that a person has forced, none is taken: a mark beside its table says so until it is
trained.
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

# Of the file's layout. Files of before have none, and hold hashes that no longer say anything.
_FORMAT = 2


@dataclass(frozen=True)
class Finished:
    """One training that has ended.

    Attributes:
        results: the table's columns of results, each with a value an epoch: nats per image, rounded as there.
        diverged: the epoch in which it did; 0 if it did not.
        dataset: `name` of the images, how many for training and testing (`train_images`, `test_images`), and
            their `sha256`.
        origin: how it was computed: `commit`, `source_hash`, `host`, `processor`, `device`, `threads`,
            `started`, and `wall_seconds`, its share of its job's.
    """

    results: Mapping[str, Sequence[float]]
    diverged: int
    dataset: Mapping[str, Any]
    origin: Mapping[str, Any]

    @property
    def on_gpu(self) -> bool:
        """Whether it was trained on a GPU, whose numbers differ from a CPU's."""
        return bool(self.origin["device"] != "cpu")


def place(table: Path) -> Path:
    """Where the finished runs of a table's cell are kept."""
    return table.with_suffix(".runs.json")


def mark(table: Path, forced: bool) -> None:
    """Say that a cell's runs are to be trained anew; or withdraw it where its table was not begun.

    Each mark is another, so that a training goes on from its own checkpoint alone; forced once more before it
    is done, it keeps its mark.

    Raises:
        ResultsError: the mark cannot be written.
    """
    if forced and not marked(table):
        files.write_text(_marked(table), uuid.uuid4().hex)
    elif not forced and table.exists():
        unmark(table)


def marked(table: Path) -> str:
    """What tells apart the training that a person has forced; empty where nobody has."""
    try:
        return _marked(table).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ResultsError(f"{_marked(table)}: cannot be read ({error!r}). Delete it and rerun") from None


def unmark(table: Path) -> None:
    """Withdraw a mark, if there is one."""
    _marked(table).unlink(missing_ok=True)


def told(cell: Job, runs: Mapping[str, Finished]) -> dict[str, Any]:
    """What a cell's record says of its runs, which are all there, by run_id."""
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
    """How many of a cell's runs were not trained again, by its record, in words; nothing where all were."""
    reused, runs = len(record["reused"]), len(record["run_ids"])
    trained = f", {runs - reused} trained" if reused < runs else ""
    return f", {reused} of {runs} runs reused{trained}" if reused else ""


def read(path: Path) -> dict[str, Finished]:
    """The finished runs in a file, by run_id; none if it does not exist.

    Raises:
        ResultsError: it is damaged, or of an older layout.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ResultsError(
                f"{path}: finished runs of another version, by other source. Delete it and rerun"
            )
        records.require(content)
        return {str(run_id): _checked(entry) for run_id, entry in content["runs"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultsError(f"{path}: finished runs cannot be read ({error!r}). Delete it and rerun") from None


def write(table: Path, finished: Mapping[str, Finished]) -> None:
    """Keep finished runs, by run_id, beside their cell's table, with what is kept there already.

    Their pictures, where they have some, are there already: the file has its own checksum and theirs. A file
    that cannot be read is set aside, not replaced.

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
    files.write_text(path, json.dumps(records.sealed({"format": _FORMAT, "runs": runs}, beside)) + "\n")


def _marked(table: Path) -> Path:
    return table.with_suffix(".anew")


def _checked(entry: Mapping[str, Any]) -> Finished:
    """A run whose parts are what they are expected to be.

    Raises:
        ValueError, TypeError, KeyError: they are not.
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
