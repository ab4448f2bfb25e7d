"""Checkpoints: all that a killed training needs to go on, in one file that is whole or absent."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor

from reinrelax.core import files
from reinrelax.training import progress
from reinrelax.training.loop import Trainer


def save(path: Path, trainer: Trainer, fingerprint: str) -> None:
    """Write the trainer's state after a complete epoch.

    Raises:
        ResultsError: the file cannot be written.
    """
    optimizer, history = trainer.optimizer, trainer.history
    state = {
        "fingerprint": fingerprint,
        "parameters": trainer.objective.parameters,
        "first": optimizer.first,
        "second": optimizer.second,
        "t": optimizer.t,
        "dead": [trainer.dead],
        "diverged": [history.diverged],
        "metrics": history.metrics,
        "kept": trainer.kept,
    }
    with files.atomic(path) as file:
        torch.save(state, file)
        progress.write(file, fingerprint, history.epochs)


def restore(path: Path, trainer: Trainer, fingerprint: str) -> bool:
    """Bring the trainer to where the checkpoint left it; False, and nothing changed, if none is usable.

    A checkpoint of other settings, other source or other data has another fingerprint and is passed over, and
    so is a damaged file: training from the start is then the right answer, and is said on standard error.
    """
    if not path.exists():
        return False
    state = _read(path)
    optimizer = trainer.optimizer
    places = {
        "parameters": trainer.objective.parameters,
        "first": optimizer.first,
        "second": optimizer.second,
        "dead": [trainer.dead],
        "diverged": [trainer.history.diverged],
    }
    other = state.get("fingerprint", fingerprint) != fingerprint
    if other or not _fits(state, places):
        reason = "belongs to other settings" if other else "is damaged"
        print(f"WARNING: checkpoint {path} {reason}; training starts anew", file=sys.stderr)
        return False
    for name, targets in places.items():
        for target, saved in zip(targets, state[name], strict=True):
            target.copy_(saved)
    optimizer.t = state["t"]
    trainer.history.metrics = state["metrics"]
    trainer.kept = state["kept"]
    return True


def _fits(state: Mapping[str, Any], places: Mapping[str, Sequence[Tensor]]) -> bool:
    """Whether a state has all that is restored, and tensors for all of these places."""
    try:
        return state.keys() >= {"fingerprint", "t", "metrics", "kept"} and all(
            [saved.shape for saved in state[name]] == [target.shape for target in targets]
            for name, targets in places.items()
        )
    except (KeyError, TypeError, AttributeError):
        return False


def read_archive(path: Path) -> Any:
    """What torch.save wrote, on the CPU; torch itself does not compare an archive with its checksums.

    Raises:
        Exception: of any kind: a damaged archive raises whatever its damaged part leads to.
    """
    with ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise BadZipFile(f"{damaged} differs from its checksum")
    return torch.load(path, map_location="cpu", weights_only=True)


def _read(path: Path) -> Mapping[str, Any]:
    """What is in a checkpoint; nothing where it cannot be read."""
    try:
        state = read_archive(path)
    except Exception:
        return {}
    return state if isinstance(state, dict) else {}
