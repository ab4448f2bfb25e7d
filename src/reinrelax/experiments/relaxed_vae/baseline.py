"""What a decoder that ignores the code reaches: images under the mean training image."""

from pathlib import Path

import numpy as np
import pandas as pd

from reinrelax.core.stats import Floats
from reinrelax.datasets import images
from reinrelax.datasets.images import Pixels
from reinrelax.display.tables import read_table

# What it says of images that are not there themselves, beside their record.
FILE = "baseline.csv"
_COLUMNS = ("quantity", "value", "dataset", "train_images", "test_images")


def baseline(folder: Path) -> pd.DataFrame:
    """Mean Bernoulli cross-entropy of training and test images, nats per image, at the best constant decoder.

    Args:
        folder: of the prepared images; without them, the table that was made of them and published in their
            place, or one without rows.

    Raises:
        ResultsError: the prepared images are damaged.
    """
    if (folder / FILE).exists():
        return read_table(folder / FILE)
    if not (folder / "data.json").exists():
        return pd.DataFrame(columns=list(_COLUMNS))
    prepared = images.load(folder)
    train, test = _mean(prepared.train), _mean(prepared.test)
    # One image more, of half ink: some test images have ink where no training image has any.
    count = len(prepared.train)
    constant = (train * count + 0.5) / (count + 1)
    facts = {
        "dataset": prepared.name,
        "train_images": count,
        "test_images": len(prepared.test),
    }
    rows = [
        {"quantity": f"mean_image_{name}", "value": _cross_entropy(part, constant), **facts}
        for name, part in (("train", train), ("test", test))
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _mean(pixels: Pixels) -> Floats:
    return np.asarray(pixels.mean(0, dtype=np.float64) / 255)


def _cross_entropy(mean: Floats, constant: Floats) -> float:
    """The cross-entropy is linear in the pixels, so that their mean stands for all images."""
    return float(-(mean * np.log(constant) + (1 - mean) * np.log1p(-constant)).sum())
