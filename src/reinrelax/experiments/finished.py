"""Finished runs, kept beside the table of their cell: a cell that gains a run trains that one alone.

A workflow deletes a table before it is made again, so what has been trained must stand somewhere else.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reinrelax import files
from reinrelax.run import Run
from reinrelax.training.loop import Trainer


@dataclass(frozen=True)
class Finished:
    """One training that has ended.

    Attributes:
        identity: of all that it depends on: settings, source, images and kind of device.
        metrics: name to one value an epoch, nats per image.
        diverged: the epoch in which it did; 0 if it did not.
        origin: when, where and from which commit it was computed.
    """

    identity: str
    metrics: Mapping[str, Sequence[float]]
    diverged: int
    origin: Mapping[str, Any]


def of(trainer: Trainer, identities: Sequence[str], origin: Mapping[str, Any]) -> list[Finished]:
    """What a trainer's replicas, whose identities these are, have come to."""
    history = trainer.history
    return [
        Finished(
            identity,
            {name: [float(value[replica]) for value in values] for name, values in history.metrics.items()},
            int(history.diverged[replica]),
            origin,
        )
        for replica, identity in enumerate(identities)
    ]


def place(table: Path) -> Path:
    """Where the finished runs of a table's cell are kept."""
    return table.with_suffix(".runs.json")


def read(table: Path, runs: Sequence[Run], identities: Mapping[str, str]) -> dict[str, Finished]:
    """Those of `runs` that are kept beside their cell's table, or beside that of another part of it.

    What was trained with other settings, source, images or device has another identity and is passed over. So
    is a damaged file: training again is then the right answer, and is said on standard error.

    Args:
        table: of the cell.
        runs: of the cell.
        identities: run_id to identity.
    """
    found = {}
    name = runs[0].estimator
    for path in sorted({place(table), *table.parent.glob(f"{name}.runs.json"), *_parts(table.parent, name)}):
        for run_id, finished in _load(path).items():
            if identities.get(run_id) == finished.identity:
                found[run_id] = finished
    return found


def write(table: Path, finished: Mapping[str, Finished]) -> None:
    """Keep finished runs, by run_id, beside their cell's table.

    Raises:
        ResultsError: the file cannot be written.
    """
    content = {run_id: asdict(entry) for run_id, entry in finished.items()}
    files.write_text(place(table), json.dumps(content) + "\n")


def _parts(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.glob(f"{name}.*.runs.json") if path.name.split(".")[-3].isdigit()]


def _load(path: Path) -> dict[str, Finished]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(run_id): Finished(**entry) for run_id, entry in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        print(
            f"WARNING: finished runs {path} cannot be read ({error!r}); they are trained again",
            file=sys.stderr,
        )
        return {}
