"""Images: MNIST in torchvision's layout with its checksums verified, or scikit-learn's embedded digits."""

import hashlib
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reinrelax.config import Dataset
from reinrelax.document import path_of
from reinrelax.errors import DataError
from reinrelax.images import Images

# Of the uncompressed files, as torchvision lays them out under MNIST/raw.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_RAW = Path("MNIST") / "raw"
_DIGITS_TRAIN = 1500
_SMALL, _LARGE = 8, 28  # pixels a side, of the embedded digits and of MNIST's
_TIMEOUT_SECONDS = 30


def root_of(own: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that MNIST_ROOT names, which holds `MNIST/raw`; without it `own`, which is to hold it.

    Raises:
        DataError: MNIST_ROOT names a folder that has no MNIST: nothing else may take its place.
        ConfigError: it begins with `~`, and there is no such user.
    """
    named = environ.get("MNIST_ROOT")
    if not named:
        return own
    root = path_of("MNIST_ROOT", named)
    if not (root / _RAW).is_dir():
        raise DataError(
            f"MNIST_ROOT: {root} has no folder {_RAW}. Name the folder that has it, or unset MNIST_ROOT, and "
            "MNIST is fetched"
        )
    return root


def prepare(settings: Dataset) -> Images:
    """The images that the settings ask for; falls back to the embedded digits only where they allow it.

    Raises:
        DataError: a file is corrupted; or MNIST cannot be had, though it was said where it lies, or though
            `when_missing` is `error`.
    """
    if settings.name == "digits":
        images = embedded_digits()
    else:
        try:
            images = mnist(root_of(settings.folder))
        except _UnavailableError as error:
            if not settings.falls_back:
                raise
            print(
                f"WARNING: {error}\nWARNING: falling back to scikit-learn's embedded digits", file=sys.stderr
            )
            images = embedded_digits()
    return Images(
        images.name,
        images.train[: settings.train_images],
        np.ascontiguousarray(images.test[: settings.test_images]),
    )


def at_hand(settings: Dataset, prepared: Path) -> bool:
    """Whether the images asked for need no download: they lie in their folder, or were prepared before.

    Args:
        prepared: the folder that `images.save` writes.

    Raises:
        DataError: they were not, and MNIST_ROOT names a folder that has no MNIST.
    """
    try:
        name = json.loads((prepared / "data.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    return settings.name in ("digits", name) or (root_of(settings.folder) / _RAW).is_dir()


def mnist(root: Path) -> Images:
    """All of MNIST from `root`, fetched by torchvision if it is not there.

    Raises:
        DataError: a file differs from the published one, is missing, or cannot be fetched.
    """
    from torchvision.datasets import MNIST

    if not (root / _RAW).is_dir():
        _download(root)
    _verify(root)
    train, test = (MNIST(root, train=part).data.flatten(1).numpy() for part in (True, False))
    return Images("mnist", train, test)


def embedded_digits() -> Images:
    """Scikit-learn's 1,797 digits of 8×8 pixels, resized to 28×28: 1,500 for training, 297 for testing.

    Bilinear between the pixels' centres, in whole numbers: the same bytes on every machine.
    """
    from sklearn.datasets import load_digits

    small = load_digits().images.astype(np.int64)  # 0 to 16
    weights = _bilinear_weights(_SMALL, _LARGE)
    scale = 16 * (2 * _LARGE) ** 2
    large = weights @ small @ weights.T * 255  # in units of 1 / scale
    pixels = ((2 * large + scale) // (2 * scale)).astype(np.uint8).reshape(len(small), -1)
    return Images("digits", pixels[:_DIGITS_TRAIN], pixels[_DIGITS_TRAIN:])


def _bilinear_weights(old: int, new: int) -> NDArray[np.int64]:
    """What each of `new` pixels takes of each of `old`, in units of 1 / (2 · new); beyond lies the edge."""
    weights = np.zeros((new, old), dtype=np.int64)
    for index in range(new):
        below, beyond = divmod((2 * index + 1) * old - new, 2 * new)
        weights[index, max(below, 0)] += 2 * new - beyond
        weights[index, min(below + 1, old - 1)] += beyond
    return weights


class _UnavailableError(DataError):
    """MNIST is nowhere to be had, which a fallback may answer; a damaged file it may not."""


def _verify(root: Path) -> None:
    for name, expected in SHA256.items():
        path = root / _RAW / name
        if not path.is_file():
            raise DataError(
                f"{path} is missing. Supply the four uncompressed files of MNIST/raw, or delete "
                f"{root / 'MNIST'} to have them fetched"
            )
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise DataError(
                f"{path} is corrupted: SHA-256 {found[:16]}…, expected {expected[:16]}…. "
                "Replace it by the published file, or delete it and its folder to have it fetched"
            )


def _download(root: Path) -> None:
    """Fetch into a temporary folder and move it into place whole, so that an interruption leaves nothing."""
    from torchvision.datasets import MNIST

    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".mnist-", dir=root))
    except OSError as error:
        raise DataError(
            f"{root}: cannot be written ({error.strerror}). Set dataset.root or MNIST_ROOT"
        ) from None
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        MNIST(temporary, download=True)
        _verify(temporary)
        (temporary / "MNIST").replace(root / "MNIST")
    except (OSError, RuntimeError) as error:
        raise _UnavailableError(
            f"MNIST is not under {root} and cannot be fetched ({error}). Set MNIST_ROOT to a folder "
            "that holds MNIST/raw with the four uncompressed files, or let this machine reach the network"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
        shutil.rmtree(temporary, ignore_errors=True)
