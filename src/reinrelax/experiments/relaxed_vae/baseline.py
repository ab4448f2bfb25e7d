"""The bound of a decoder that ignores the code: images under the mean training image."""

from pathlib import Path

import numpy as np
import pandas as pd

from reinrelax.core.stats import Floats
from reinrelax.datasets import images
from reinrelax.datasets.images import Pixels
from reinrelax.display.tables import read_table

# The table that is published next to the record of the images, in place of the images.
FILE = "baseline.csv"
_COLUMNS = ("quantity", "value", "dataset", "train_images", "test_images")


def baseline(folder: Path) -> pd.DataFrame:
    """Return the cross-entropy of training and test images under the best constant decoder.

    The values are means in nats per image. If the images are absent, the table published in their
    place is returned; if that is absent too, a table without rows.

    Args:
        folder: of the prepared images.

    Raises:
        ResultsError: the prepared images are damaged.
    """
    if (folder / FILE).exists():
        return read_table(folder / FILE)
    if not (folder / "data.json").exists():
        return pd.DataFrame(columns=list(_COLUMNS))
    prepared = images.load(folder)
    train, test = _mean(prepared.train), _mean(prepared.test)
    # Add one grey image: some test images have ink where no training image has any.
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
    """Return the mean cross-entropy, which is linear in the pixels, so their mean suffices."""
    return float(-(mean * np.log(constant) + (1 - mean) * np.log1p(-constant)).sum())
