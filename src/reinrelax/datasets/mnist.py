"""MNIST in torchvision's layout, with verification of the files' checksums."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from reinrelax.core.yaml_file import path_of
from reinrelax.datasets.fetching import fetch
from reinrelax.datasets.images import Images
from reinrelax.errors import DataError

# Checksums of the uncompressed files that torchvision stores in MNIST/raw.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_RAW = Path("MNIST") / "raw"
_REMEDY = "Set MNIST_ROOT to a folder that contains MNIST/raw with the four uncompressed files"


def load(root: Path) -> Images:
    """Load MNIST from the folder that MNIST_ROOT names, otherwise from `root`.

    Raises:
        DataError: as for `mnist` and `root_of`.
    """
    return mnist(root_of(root))


def at_hand(root: Path) -> bool:
    """Check whether MNIST is in its folder.

    Raises:
        DataError: MNIST_ROOT names a folder without MNIST.
    """
    return (root_of(root) / _RAW).is_dir()


def root_of(own: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that MNIST_ROOT names, or, if it is not set, the download folder `own`.

    Raises:
        DataError: MNIST_ROOT names a folder without `MNIST/raw`; there is no fallback in this case.
        ConfigError: MNIST_ROOT begins with `~` and names an unknown user.
    """
    named = environ.get("MNIST_ROOT")
    if not named:
        return own
    root = path_of("MNIST_ROOT", named)
    if not (root / _RAW).is_dir():
        raise DataError(
            f"MNIST_ROOT: {root} has no folder {_RAW}. Set it to the folder that contains {_RAW},"
            " or unset MNIST_ROOT to download MNIST"
        )
    return root


def mnist(root: Path) -> Images:
    """Load MNIST from `root`; torchvision downloads it if necessary.

    Raises:
        DataError: a file is missing, differs from the published one, or cannot be downloaded.
    """
    from torchvision.datasets import MNIST

    if not (root / _RAW).is_dir():
        fetch(root, "MNIST", _download, _REMEDY)
    _verify(root)
    train, test = (MNIST(root, train=part).data.flatten(1).numpy() for part in (True, False))
    return Images("mnist", train, test)


def _verify(root: Path) -> None:
    for name, expected in SHA256.items():
        path = root / _RAW / name
        if not path.is_file():
            raise DataError(
                f"{path} is missing. Supply the four uncompressed files of MNIST/raw, or delete"
                f" {root / 'MNIST'} to download them"
            )
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise DataError(
                f"{path} is corrupted: SHA-256 {found[:16]}…, expected {expected[:16]}…. Replace"
                " it with the published file, or delete it and its folder to download it"
            )


def _download(root: Path) -> None:
    from torchvision.datasets import MNIST

    MNIST(root, download=True)
    _verify(root)
