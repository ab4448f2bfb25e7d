"""Omniglot's 105×105 characters in torchvision's layout, `omniglot-py`; ink has large values."""

from pathlib import Path

from reinrelax.datasets.fetching import fetch
from reinrelax.datasets.folder import read
from reinrelax.datasets.images import Images
from reinrelax.errors import DataError

_FOLDER = "omniglot-py"
_REMEDY = f"Set dataset.root to a folder that contains {_FOLDER} as torchvision leaves it"


def at_hand(root: Path) -> bool:
    """Check whether the data set is in its folder."""
    return (root / _FOLDER).is_dir()


def load(root: Path) -> Images:
    """Load the background set for training and the evaluation set for testing.

    torchvision downloads them if necessary.

    Raises:
        DataError: a file is missing, damaged, or cannot be downloaded.
    """
    from torchvision.datasets import Omniglot

    def download(temporary: Path) -> None:
        for part in (True, False):
            Omniglot(temporary, background=part, download=True)

    if not at_hand(root):
        fetch(root, _FOLDER, download, _REMEDY)
    try:
        parts = [Path(Omniglot(root, background=part).target_folder) for part in (True, False)]
    except (OSError, RuntimeError) as error:
        raise DataError(f"{root / _FOLDER}: {error}. Delete it to download it again") from None
    # Pixels are inverted because the background is white. Paths are sorted because the order of a
    # folder depends on the file system.
    train, test = (255 - read(sorted(part.rglob("*.png")), part) for part in parts)
    width = train.shape[2]
    return Images("omniglot", train.reshape(len(train), -1), test.reshape(len(test), -1), width)
