"""Limits each results folder to one run of the workflow, by a lock that the kernel releases.

A lock that Snakemake left behind is removed if the run that made it is dead.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reinrelax.core import files
from reinrelax.errors import ResultsError

_NAME = ".running"
# Open, and therefore locked, until this process ends for whatever reason.
_held: list[int] = []


def acquire(folder: Path, locks: Path) -> str:
    """Lock a results folder for the life of this process; remove Snakemake's lock of a killed run.

    Snakemake's locks are files, which a killed run leaves behind. If this process obtains the
    kernel's lock that the run held on the folder, the run is known to be dead, provided it ran on
    this machine: a file system without shared locks could grant the lock to two machines. Otherwise
    Snakemake's lock is kept, and Snakemake explains how to remove it.

    Args:
        folder: the results folder, as Snakemake writes it into its locks.
        locks: the folder of Snakemake's locks.

    Returns:
        A description of the process that uses the folder; empty if it is now locked by this process
        or does not support locks.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return ""  # not writable: reported when a file is written
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
    _describe(descriptor, {"since": datetime.now(UTC).isoformat(timespec="seconds")})
    return ""


def tell(**facts: object) -> None:
    """Describe what this process does with the folder that it has locked, for `read`."""
    for descriptor in _held:
        _describe(descriptor, {**_owner(descriptor), **facts})


def read(folder: Path) -> tuple[bool, dict[str, Any]]:
    """Return whether a process uses a results folder, and the last description of one.

    Changes nothing. The description has `host`, `process`, `since`, and what `tell` has added; it
    is empty if the folder was never used.
    """
    try:
        with (folder / _NAME).open("rb") as file:
            owner = _owner(file.fileno())
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True, owner
            return False, owner
    except OSError:
        return False, {}  # never used, inaccessible, or locks are unsupported


def undo_future(folder: Path) -> None:
    """Set modification times in the future to now: Snakemake rejects outputs older than an input.

    Such times arise if the clock was ahead, or if files were copied from a machine whose clock is.
    """
    now = time.time()
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with suppress(OSError):  # deleted, or another user's: reported when read
                if path.stat().st_mtime > now:
                    os.utime(path, (now, now))


def occupant(folder: Path) -> str:
    """Describe the process that uses a results folder; empty if it is free. Changes nothing."""
    used, owner = read(folder)
    return _words(owner) if used else ""


def check_folder(folder: Path) -> Path:
    """Return the results folder, or its nearest ancestor that exists.

    Raises:
        ResultsError: a path component is a file; the message names it.
    """
    first = next(path for path in (folder, *folder.parents) if path.exists())
    if not first.is_dir():
        raise ResultsError(f"{first}: cannot be written (it is a file). {files.REMEDY}")
    return first


def check_writable(folder: Path) -> None:
    """Check that a results folder and everything below it can be written.

    A job would report this itself, but Snakemake removes and creates files there first, and would
    abort.

    Raises:
        ResultsError: a folder cannot be written; the message names the first one.
    """
    first = check_folder(folder)
    for path in (first, *(Path(below) for below, _, _ in os.walk(folder))):
        if not os.access(path, os.W_OK | os.X_OK):
            raise ResultsError(f"{path}: cannot be written. {files.REMEDY}")


def _describe(descriptor: int, facts: Mapping[str, object]) -> None:
    owner = {**facts, "host": socket.gethostname(), "process": os.getpid()}
    text = json.dumps(owner).encode()
    with suppress(OSError):  # disk full; the next run then needs Snakemake's own remedy
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))


def _owner(descriptor: int) -> dict[str, Any]:
    """Read the description of the current or last owner of the lock; empty if unreadable.

    The end of a longer one may follow, while its owner replaces it.
    """
    try:
        text = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()
        owner, _ = json.JSONDecoder().raw_decode(text)
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _words(owner: Mapping[str, object]) -> str:
    if not owner:
        return "another run"
    return f"process {owner.get('process')} on {owner.get('host')}, since {owner.get('since')}"


def _concerns(lock: Path, folder: Path) -> bool:
    """Check whether one of Snakemake's locks, a file with one path per line, covers this folder."""
    try:
        lines = lock.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(Path(line).is_relative_to(folder) for line in lines)
