"""One run of the workflow a results folder: a lock that the kernel frees, and a way past
Snakemake's own.
"""

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reinrelax.core import files
from reinrelax.errors import ResultsError

_NAME = ".running"
# Open, and so locked, until this process ends, however it ends.
_held: list[int] = []


def claim(folder: Path, locks: Path) -> str:
    """Take a results folder for as long as this process lives, and remove the lock of a run that
    was killed.

    Snakemake's locks are files, which a killed run leaves behind. That it is dead is certain where
    this one gets the kernel's lock on the folder that it held: on the same machine, or a file
    system without shared locks could have let both have it. Elsewhere Snakemake's lock stays, and
    with it its advice.

    Args:
        folder: of the results, as Snakemake writes it into its locks.
        locks: the folder of Snakemake's locks.

    Returns:
        Who else has the folder, or nothing where it is ours, or has no locks.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return ""  # a folder that cannot be written: whoever has to write says so
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = _owner(descriptor)
        os.close(descriptor)
        return _words(owner) if isinstance(error, BlockingIOError) else ""
    _held.append(descriptor)
    stale = [path for path in sorted(locks.glob("*.lock")) if _concerns(path, folder)]
    if stale and _owner(descriptor).get("host") != socket.gethostname():
        return ""
    for path in stale:
        path.unlink(missing_ok=True)
    owner = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
    except OSError:
        pass  # a full disk; without it the next run only asks for Snakemake's own remedy
    return ""


def undo_future(folder: Path) -> None:
    """Date files of the future as of now: Snakemake refuses every output that is older than an
    input.

    They were made while a clock was ahead, or copied from a machine whose clock is.
    """
    now = time.time()
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with suppress(OSError):  # gone, or another user's: whoever reads it says so
                if path.stat().st_mtime > now:
                    os.utime(path, (now, now))


def occupant(folder: Path) -> str:
    """Who has a results folder, or nothing where it is free; changes nothing."""
    try:
        with (folder / _NAME).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _words(_owner(file.fileno()))
    except OSError:
        pass  # never used, out of reach, or without locks
    return ""


def check_folder(folder: Path) -> Path:
    """The folder that is there of a results folder's path: itself, or the nearest above it.

    Raises:
        ResultsError: a file stands in the way; names it.
    """
    first = next(path for path in (folder, *folder.parents) if path.exists())
    if not first.is_dir():
        raise ResultsError(f"{first}: cannot be written (it is a file). {files.REMEDY}")
    return first


def check_writable(folder: Path) -> None:
    """Do nothing if a results folder and all below it can be written.

    A job would say so itself, but Snakemake, which removes and makes files there before it, breaks
    off.

    Raises:
        ResultsError: a folder cannot be written; names the first one.
    """
    first = check_folder(folder)
    for path in (first, *(Path(below) for below, _, _ in os.walk(folder))):
        if not os.access(path, os.W_OK | os.X_OK):
            raise ResultsError(f"{path}: cannot be written. {files.REMEDY}")


def _owner(descriptor: int) -> dict[str, object]:
    """Who has, or last had, the folder; empty if that cannot be read."""
    try:
        owner = json.loads(os.pread(descriptor, 1000, 0))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _words(owner: dict[str, object]) -> str:
    if not owner:
        return "another run"
    return f"process {owner.get('process')} on {owner.get('host')}, since {owner.get('since')}"


def _concerns(lock: Path, folder: Path) -> bool:
    """Whether a lock of Snakemake's, one path a line, is on files of this folder."""
    try:
        lines = lock.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(Path(line).is_relative_to(folder) for line in lines)
