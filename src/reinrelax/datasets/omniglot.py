"""Omniglot's drawn characters in torchvision's layout, `omniglot-py`: 105×105, ink as large values."""

from pathlib import Path

from reinrelax.datasets.fetching import fetch
from reinrelax.datasets.folder import read
from reinrelax.datasets.images import Images
from reinrelax.errors import DataError

_FOLDER = "omniglot-py"
_REMEDY = f"Set dataset.root to a folder that holds {_FOLDER} as torchvision leaves it"


def at_hand(root: Path) -> bool:
    """Whether it lies there."""
    return (root / _FOLDER).is_dir()


def load(root: Path) -> Images:
    """The background set for training and the evaluation set for testing, fetched if they are not there.

    Raises:
        DataError: a file is missing or damaged, or cannot be fetched.
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
        raise DataError(f"{root / _FOLDER}: {error}. Delete it to have it fetched") from None
    # The paper of strokes is white. In the order of names: a folder's own order is the file system's.
    train, test = (255 - read(sorted(part.rglob("*.png")), part) for part in parts)
    width = train.shape[2]
    return Images("omniglot", train.reshape(len(train), -1), test.reshape(len(test), -1), width)
