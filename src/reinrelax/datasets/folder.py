"""A folder of grey PNG files of one size in `train` and `test`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reinrelax.datasets import Size
from reinrelax.datasets.images import Images, Pixels
from reinrelax.errors import DataError

_GREY = ("L", "1")


def at_hand(root: Path) -> bool:
    """Return True: a folder is never downloaded."""
    return True


def size(root: Path) -> Size:
    """Return the size of the first image, and the numbers of files.

    Raises:
        DataError: `train` or `test` contains no images.
    """
    train, test = (_files(root, part) for part in ("train", "test"))
    height, width = read(train[:1], root).shape[1:]
    return Size(width, height, len(train), len(test))


def load(root: Path) -> Images:
    """Load all images in the order of their names.

    Raises:
        DataError: there are no images; a file is damaged, not grey, or differs in size from the
            first.
    """
    both = [_files(root, part) for part in ("train", "test")]
    pixels = read([*both[0], *both[1]], root)
    flat = pixels.reshape(len(pixels), -1)
    return Images(
        f"folder:{root.resolve().name}",
        flat[: len(both[0])],
        flat[len(both[0]) :],
        width=pixels.shape[2],
    )


def read(paths: Sequence[Path], folder: Path) -> Pixels:
    """Read grey images of one size, `[N, height, width]`.

    Args:
        paths: the paths of the files.
        folder: the folder to name in the error if there are no paths.

    Raises:
        DataError: there are no paths; or a file, which is named, is damaged, not grey, or differs
            in size from the first.
    """
    from PIL import Image

    if not paths:
        raise DataError(
            f"{folder}: contains no PNG files. Set dataset.root to the folder that contains them"
        )
    out: Pixels | None = None
    for index, path in enumerate(paths):
        try:
            with Image.open(path) as image:
                mode, pixels = image.mode, np.asarray(image.convert("L"))
        except Exception as error:  # the type depends on which part of a file is damaged
            raise DataError(
                f"{path}: cannot be read as an image ({error}). Replace or delete it"
            ) from None
        if mode not in _GREY:
            raise DataError(
                f"{path}: is not an 8-bit greyscale image (its mode is {mode}). Convert it"
            )
        if out is None:
            out = np.empty((len(paths), *pixels.shape), dtype=np.uint8)
        if pixels.shape != out.shape[1:]:
            sizes = [f"{width}×{height}" for height, width in (pixels.shape, out.shape[1:])]
            raise DataError(
                f"{path}: has {sizes[0]} pixels, but {paths[0]} has {sizes[1]}. All images must"
                " have the same size"
            )
        out[index] = pixels
    assert out is not None
    return out


def _files(root: Path, part: str) -> list[Path]:
    found = sorted((root / part).glob("*.png"))
    if not found:
        raise DataError(
            f"{root / part}: contains no PNG files. Set dataset.root to a folder with images in"
            " train and test"
        )
    return found
