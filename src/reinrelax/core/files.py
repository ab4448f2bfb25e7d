"""Atomic file writes: a file is either complete or absent."""

import fcntl
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from reinrelax.errors import ResultsError

# The remedy for files that cannot be written.
REMEDY = "Make the folder writable, free disk space, or set `results` to another folder."


class _Writer(io.BufferedWriter):
    """A file that records why a write failed: torch.save hides the cause behind its own error."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary binary file that replaces `path` on success and is deleted on failure.

    The temporary files of a writer that was killed are removed by the next writer of the same file.

    Raises:
        ResultsError: the folder cannot be created or written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent
        )
    except OSError as error:
        raise ResultsError(_unwritable(path, error)) from error
    temporary = Path(name)
    writer = _Writer(io.FileIO(descriptor, "wb"))
    try:
        with writer as file:
            # The kernel releases the lock when this process dies: an unlocked file is a leftover.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
            file.flush()
            os.fsync(descriptor)
            # mkstemp makes files private; results get the permissions that the umask allows.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
    except Exception as error:
        failure = error if isinstance(error, OSError) else writer.failure
        if failure is None:
            raise
        raise ResultsError(_unwritable(path, failure)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` atomically, as UTF-8."""
    write_bytes(path, content.encode())


_SUFFIX = ".partial"


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of killed writers of `path`; do nothing if locks are unsupported."""
    for leftover in path.parent.iterdir():
        if leftover.name.startswith(f".{path.name}.") and leftover.name.endswith(_SUFFIX):
            with suppress(OSError), leftover.open("rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                leftover.unlink()


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be written ({error.strerror or error}). {REMEDY}"
