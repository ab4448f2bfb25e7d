"""What a checkpoint is of and how far it has come, as a plan reads it: without torch."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from reinrelax.config.run import digest

# A GPU on which this package's kernels compute.
COMPILED = "cuda, compiled kernels"


def identity(fingerprint: str, images: str, device: str, run_ids: Iterable[str], forced: str = "") -> str:
    """What a checkpoint must be of to be gone on from.

    Args:
        fingerprint: of the cell.
        images: the hash of the images.
        device: "cpu", "cuda" or `COMPILED`, which differ in their noise.
        run_ids: of the runs that are trained.
        forced: what tells apart a training that a person has forced.
    """
    return digest([fingerprint, images, device, list(run_ids), *([forced] if forced else [])])


def write(file: IO[bytes], fingerprint: str, epochs: int) -> None:
    """Say in the comment of an archive just written what it is of, and after how many epochs."""
    comment = json.dumps({"fingerprint": fingerprint, "epochs": epochs}).encode()
    # An archive ends with its comment, before which stands how long it is: so far, nothing.
    file.seek(-2, os.SEEK_CUR)
    file.write(len(comment).to_bytes(2, "little") + comment)


def read(path: Path) -> tuple[str, int]:
    """What a checkpoint is of, and after how many epochs; of nothing, after none, where it does not say."""
    try:
        with ZipFile(path) as archive:
            said: dict[str, Any] = json.loads(archive.comment)
        return str(said["fingerprint"]), int(said["epochs"])
    except (OSError, ValueError, KeyError, TypeError, BadZipFile):
        return "", 0
