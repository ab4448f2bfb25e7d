"""Prepared images: two arrays of bytes on disk with a checksum."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reinrelax.core import files
from reinrelax.errors import ResultsError

Pixels = NDArray[np.uint8]
WIDTH = 28  # width of MNIST's images in pixels


@dataclass(frozen=True)
class Images:
    """Training and test images `[N, D]`, one byte per pixel, with their width and their name."""

    name: str
    train: Pixels
    test: Pixels
    width: int = WIDTH

    @property
    def sha256(self) -> str:
        """The SHA-256 of all pixels."""
        return hashlib.sha256(self.train.tobytes() + self.test.tobytes()).hexdigest()


def save(images: Images, folder: Path) -> None:
    """Write `train.npy`, `test.npy` and, last, `data.json` into a folder."""
    for part in ("train", "test"):
        with files.atomic(folder / f"{part}.npy") as file:
            np.save(file, getattr(images, part))
    record = {
        "name": images.name,
        "train_images": len(images.train),
        "test_images": len(images.test),
        "sha256": images.sha256,
        "width": images.width,
    }
    files.write_text(folder / "data.json", json.dumps(record, indent=2) + "\n")


def width_in(folder: Path) -> int:
    """Return the width of the images saved in a folder, or MNIST's if none were saved there.

    The images themselves need not exist any more.

    Raises:
        ResultsError: `data.json` is damaged.
    """
    path = folder / "data.json"
    try:
        return (
            int(json.loads(path.read_text(encoding="utf-8")).get("width", WIDTH))
            if path.exists()
            else WIDTH
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ResultsError(
            f"{path}: cannot be read ({error}). Delete the folder and rerun"
        ) from None


def load(folder: Path) -> Images:
    """Load the images that `save` wrote, and verify their checksum.

    Raises:
        ResultsError: a file is missing or damaged.
    """
    try:
        record = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        train, test = (np.load(folder / f"{part}.npy") for part in ("train", "test"))
        images = Images(record["name"], train, test, record.get("width", WIDTH))
        if images.sha256 != record["sha256"]:
            raise ValueError("pixels differ from their checksum")
    except Exception as error:  # the type depends on which part of a file is damaged
        raise ResultsError(
            f"{folder}: prepared images cannot be read ({error}). Delete the folder and rerun"
        ) from None
    return images
