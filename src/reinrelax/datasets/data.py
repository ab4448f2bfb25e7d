"""Preparation of the requested images: a data set of the catalogue, cut to the requested number."""

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
    """Load the requested images; use the embedded digits instead only if the settings allow it.

    Raises:
        DataError: a file is damaged; or images are not available, and the user has named their
            folder or `when_missing` is `error`.
    """
    try:
        images = datasets.lookup(settings.name).load(settings.folder)
    except UnavailableError as error:
        if not settings.falls_back:
            raise
        print(
            f"WARNING: {error}\nWARNING: falling back to scikit-learn's embedded digits",
            file=sys.stderr,
        )
        images = embedded_digits()
    return replace(
        images,
        train=images.train[: settings.train_images],
        test=np.ascontiguousarray(images.test[: settings.test_images]),
    )


def at_hand(settings: Dataset, prepared: Path) -> bool:
    """Check whether the requested images need no download: they are prepared, or in their folder.

    Args:
        prepared: the folder that `images.save` writes.

    Raises:
        DataError: they are not prepared, and MNIST_ROOT names a folder without MNIST.
    """
    try:
        name = json.loads((prepared / "data.json").read_text(encoding="utf-8"))["name"].partition(
            ":"
        )[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        name = None
    return name == settings.name or datasets.lookup(settings.name).at_hand(settings.folder)
