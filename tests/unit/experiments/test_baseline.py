"""The loss of a decoder that ignores the code."""

from pathlib import Path

import numpy as np
import pytest

from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.experiments.relaxed_vae.baseline import baseline


def test_it_is_the_cross_entropy_under_the_mean_training_image(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 256, size=(n, 784), dtype=np.uint8) for n in (50, 20))
    images.save(Images("digits", train, test), tmp_path)
    found = baseline(tmp_path).set_index("quantity")
    constant = (train.sum(0) / 255 + 0.5) / 51
    for name, part in (("train", train), ("test", test)):
        x = part / 255
        direct = -(x * np.log(constant) + (1 - x) * np.log(1 - constant)).sum(1).mean()
        assert found.loc[f"mean_image_{name}", "value"] == pytest.approx(direct)
    assert found["train_images"].tolist() == [50, 50]
    # No other constant does better on the training images than about theirs.
    worse = -(train / 255 * np.log(0.4) + (1 - train / 255) * np.log(0.6)).sum(1).mean()
    assert found.loc["mean_image_train", "value"] < worse


def test_blank_pixels_cost_little_and_never_everything(tmp_path: Path) -> None:
    inked = np.zeros((1, 784), dtype=np.uint8)
    inked[0, 0] = 255
    images.save(Images("digits", np.zeros((99, 784), dtype=np.uint8), inked), tmp_path)
    value = baseline(tmp_path).set_index("quantity")["value"]
    assert value["mean_image_train"] == pytest.approx(-784 * np.log(1 - 0.005))
    assert value["mean_image_test"] == pytest.approx(-np.log(0.005) - 783 * np.log(1 - 0.005))


def test_without_images_it_has_no_rows_and_damaged_ones_are_named(tmp_path: Path) -> None:
    assert baseline(tmp_path).empty
    images.save(Images("digits", *2 * [np.zeros((3, 784), dtype=np.uint8)]), tmp_path)
    np.save(tmp_path / "test.npy", np.ones((3, 784), dtype=np.uint8))
    with pytest.raises(ResultsError, match="differ from their checksum"):
        baseline(tmp_path)
