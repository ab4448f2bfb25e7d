"""Download of torchvision's data sets, complete or not at all."""

import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from reinrelax.errors import DataError

_TIMEOUT_SECONDS = 30


class UnavailableError(DataError):
    """Images are not available. A fallback may handle this, unlike the error for a damaged file."""


def fetch(root: Path, folder: str, into: Callable[[Path], object], remedy: str) -> None:
    """Download to a temporary folder and move it into place; an interruption leaves nothing.

    Args:
        root: the root folder of data sets.
        folder: the data set's folder below `root`.
        into: a function that downloads the data set to a given root and checks it.
        remedy: a remedy for the error message.

    Raises:
        DataError: the root cannot be written, or the download is damaged.
        UnavailableError: the download fails.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.lower()}-", dir=root))
    except OSError as error:
        raise DataError(
            f"{root}: cannot be written ({error.strerror}). Set dataset.root or MNIST_ROOT"
        ) from None
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        into(temporary)
        (temporary / folder).replace(root / folder)
    except (OSError, RuntimeError) as error:
        why = " ".join(str(error).split())  # torchvision's message has several lines
        raise UnavailableError(
            f"{folder} is not under {root} and cannot be downloaded ({why}). {remedy}, or connect"
            " this machine to the network"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
        shutil.rmtree(temporary, ignore_errors=True)
