"""Checkpoints: the full state of a training, in one file that is complete or absent."""

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
    """Restore the trainer from a checkpoint; False, without any change, if there is no usable one.

    A damaged file, or a checkpoint with another fingerprint (other settings, source or data), is
    ignored with a warning on standard error, and training starts from the beginning.
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
    """Check that a state has all required keys, and tensors of the right shapes for `places`."""
    try:
        return state.keys() >= {"fingerprint", "t", "metrics", "kept"} and all(
            [saved.shape for saved in state[name]] == [target.shape for target in targets]
            for name, targets in places.items()
        )
    except (KeyError, TypeError, AttributeError):
        return False


def read_archive(path: Path) -> Any:
    """Load a file of torch.save to the CPU, verifying its checksums, which torch.load does not do.

    Raises:
        Exception: of any type, depending on which part of the file is damaged.
    """
    with ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise BadZipFile(f"{damaged} differs from its checksum")
    return torch.load(path, map_location="cpu", weights_only=True)


def _read(path: Path) -> Mapping[str, Any]:
    """Read a checkpoint; empty if it cannot be read."""
    try:
        state = read_archive(path)
    except Exception:
        return {}
    return state if isinstance(state, dict) else {}
