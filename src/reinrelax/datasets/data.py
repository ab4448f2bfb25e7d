"""The images that are asked for: those of a data set of the catalogue, cut to how many are wanted."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from reinrelax import datasets
from reinrelax.datasets.asked import Dataset
from reinrelax.datasets.digits import embedded_digits
from reinrelax.datasets.fetching import UnavailableError
from reinrelax.datasets.images import Images
from reinrelax.datasets.mnist import mnist, root_of

__all__ = ["at_hand", "embedded_digits", "mnist", "prepare", "root_of"]


def prepare(settings: Dataset) -> Images:
    """The images that the settings ask for; falls back to the embedded digits only where they allow it.

    Raises:
        DataError: a file is damaged; or images cannot be had, though it was said where they lie, or though
            `when_missing` is `error`.
    """
    try:
        images = datasets.lookup(settings.name).load(settings.folder)
    except UnavailableError as error:
        if not settings.falls_back:
            raise
        print(f"WARNING: {error}\nWARNING: falling back to scikit-learn's embedded digits", file=sys.stderr)
        images = embedded_digits()
    return replace(
        images,
        train=images.train[: settings.train_images],
        test=np.ascontiguousarray(images.test[: settings.test_images]),
    )


def at_hand(settings: Dataset, prepared: Path) -> bool:
    """Whether the images asked for need no download: they lie in their folder, or were prepared before.

    Args:
        prepared: the folder that `images.save` writes.

    Raises:
        DataError: they were not, and MNIST_ROOT names a folder that has no MNIST.
    """
    try:
        name = json.loads((prepared / "data.json").read_text(encoding="utf-8"))["name"].partition(":")[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        name = None
    return name == settings.name or datasets.lookup(settings.name).at_hand(settings.folder)
