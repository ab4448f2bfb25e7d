"""Files that are either whole or absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from reinrelax.errors import ResultsError


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary binary file beside `path` that takes its place on success and vanishes on failure.

    Raises:
        ResultsError: the folder cannot be created or written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ResultsError(_unwritable(path, error)) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; results are for everyone the umask admits.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise ResultsError(_unwritable(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, all or nothing."""
    with atomic(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, all or nothing."""
    write_bytes(path, content.encode())


def _unwritable(path: Path, error: OSError) -> str:
    return (
        f"{path}: cannot be written ({error.strerror or error}). "
        "Make the folder writable, free disk space, or set `results` to another folder."
    )
