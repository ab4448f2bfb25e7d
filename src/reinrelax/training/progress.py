"""The identity and the epoch of a checkpoint, readable without torch, for `plan`."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from reinrelax.config.run import digest

# The device name of a GPU with this package's compiled kernels.
COMPILED = "cuda, compiled kernels"


def identity(
    fingerprint: str, images: str, device: str, run_ids: Iterable[str], forced: str = ""
) -> str:
    """Return the fingerprint that a checkpoint must have for a training to resume from it.

    Args:
        fingerprint: the fingerprint of the cell.
        images: the hash of the images.
        device: "cpu", "cuda" or `COMPILED`, which draw different noise.
        run_ids: the ids of the runs that are trained.
        forced: a text that distinguishes a forced training; empty otherwise.
    """
    return digest([fingerprint, images, device, list(run_ids), *([forced] if forced else [])])


def write(file: IO[bytes], fingerprint: str, epochs: int) -> None:
    """Add a comment with the fingerprint and the number of epochs to an archive just written."""
    comment = json.dumps({"fingerprint": fingerprint, "epochs": epochs}).encode()
    # A ZIP archive ends with the length of its comment, here 0 in two bytes, and the comment.
    file.seek(-2, os.SEEK_CUR)
    file.write(len(comment).to_bytes(2, "little") + comment)


def read(path: Path) -> tuple[str, int]:
    """Read fingerprint and number of epochs of a checkpoint; `("", 0)` if it has none."""
    try:
        with ZipFile(path) as archive:
            said: dict[str, Any] = json.loads(archive.comment)
        return str(said["fingerprint"]), int(said["epochs"])
    except (OSError, ValueError, KeyError, TypeError, BadZipFile):
        return "", 0
