"""Download of torchvision's data sets: whole, or not at all."""

import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from reinrelax.errors import DataError

_TIMEOUT_SECONDS = 30


class UnavailableError(DataError):
    """Images are nowhere to be had, which a fallback may answer; a damaged file it may not."""


def fetch(root: Path, folder: str, into: Callable[[Path], object], remedy: str) -> None:
    """Fetch into a temporary folder and move it into place, so that an interruption leaves nothing.

    Args:
        root: where it is to lie.
        folder: what is fetched, below it.
        into: fetches it into another root, and checks it.
        remedy: what a person may do where that fails.

    Raises:
        DataError: the root cannot be written, or what was fetched is damaged.
        UnavailableError: it cannot be fetched.
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
        why = " ".join(str(error).split())  # torchvision says it in lines
        raise UnavailableError(
            f"{folder} is not under {root} and cannot be fetched ({why}). {remedy}, or let this machine "
            "reach the network"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
        shutil.rmtree(temporary, ignore_errors=True)
