"""Fashion-MNIST in torchvision's layout, `FashionMNIST/raw`."""

from pathlib import Path

from reinrelax.datasets.fetching import fetch
from reinrelax.datasets.images import Images
from reinrelax.errors import DataError

_FOLDER = "FashionMNIST"
_REMEDY = (
    f"Set dataset.root to a folder that contains {_FOLDER}/raw with the four uncompressed files"
)


def at_hand(root: Path) -> bool:
    """Check whether the data set is in its folder."""
    return (root / _FOLDER / "raw").is_dir()


def load(root: Path) -> Images:
    """Load all images; torchvision downloads them if necessary.

    Raises:
        DataError: a file is missing, damaged, or cannot be downloaded.
    """
    from torchvision.datasets import FashionMNIST

    if not at_hand(root):
        fetch(root, _FOLDER, lambda temporary: FashionMNIST(temporary, download=True), _REMEDY)
    try:
        train, test = (
            FashionMNIST(root, train=part).data.flatten(1).numpy() for part in (True, False)
        )
    except Exception as error:  # the type depends on which part of a file is damaged
        raise DataError(
            f"{root / _FOLDER}: cannot be read ({error!r}). Supply the four uncompressed files of"
            f" {_FOLDER}/raw, or delete it to download them"
        ) from None
    return Images("fashion-mnist", train, test)
