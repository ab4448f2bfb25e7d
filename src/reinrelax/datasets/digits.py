"""Scikit-learn's embedded digits, which need no network and can replace MNIST."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reinrelax.datasets.images import Images

_TRAIN = 1500
_SMALL, _LARGE = 8, 28  # side length in pixels of the embedded digits and of MNIST's


def load(root: Path) -> Images:
    """Load all digits; `root` is ignored."""
    return embedded_digits()


def at_hand(root: Path) -> bool:
    """Return True: the digits never need a download."""
    return True


def embedded_digits() -> Images:
    """Return scikit-learn's digits, resized from 8×8 to 28×28: 1,500 for training, 297 for testing.

    Interpolation is bilinear between pixel centres, in integers, so the bytes are the same on every
    machine.
    """
    from sklearn.datasets import load_digits

    small = load_digits().images.astype(np.int64)  # 0 to 16
    weights = _bilinear_weights(_SMALL, _LARGE)
    scale = 16 * (2 * _LARGE) ** 2
    large = weights @ small @ weights.T * 255  # in units of 1 / scale
    pixels = ((2 * large + scale) // (2 * scale)).astype(np.uint8).reshape(len(small), -1)
    return Images("digits", pixels[:_TRAIN], pixels[_TRAIN:])


def _bilinear_weights(old: int, new: int) -> NDArray[np.int64]:
    """Return weights `[new, old]` in units of 1 / (2 · new); edge pixels are repeated outside."""
    weights = np.zeros((new, old), dtype=np.int64)
    for index in range(new):
        below, beyond = divmod((2 * index + 1) * old - new, 2 * new)
        weights[index, max(below, 0)] += 2 * new - beyond
        weights[index, min(below + 1, old - 1)] += beyond
    return weights
