"""A GPU for each job: file locks that the kernel frees when a job dies."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from reinrelax.errors import ResultsError

_POLL_SECONDS = 0.5
_DRIVER_SECONDS = 60


def visible_devices(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` can name them; empty where
    there is none.

    Read as CUDA reads it: a name that it does not know, such as -1 or SLURM's `NoDevFiles`, ends
        the list.
    Indices and beginnings of UUIDs become UUIDs where they can: two jobs must call a GPU by one
        name, and to
    two allocations of a cluster, index 0 may mean two GPUs.
    """
    uuids = _uuids()
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return uuids
    found: list[str] = []
    for name in (part.strip() for part in named.split(",")):
        if re.fullmatch("[0-9]{1,4}", name):
            if uuids and int(name) >= len(uuids):
                break
            found.append(uuids[int(name)] if uuids else name)
        elif name.startswith("GPU-"):
            meant = [uuid for uuid in uuids if uuid.startswith(name)]
            found.append(meant[0] if len(meant) == 1 else name)
        elif name.startswith("MIG-"):
            found.append(name)
        else:
            break
    return list(dict.fromkeys(found))


def _uuids() -> list[str]:
    """UUIDs of the GPUs that the driver shows here."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_DRIVER_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return []
    # Where there is none, some drivers say so in words, and succeed.
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("GPU-")]


@contextmanager
def lease(
    devices: Sequence[str],
    jobs_per_gpu: int,
    folder: Path | None = None,
    timeout: float = float("inf"),
) -> Iterator[str]:
    """Hold one of `jobs_per_gpu` places on one of the devices; wait while all are taken.

    Args:
        devices: names as in `CUDA_VISIBLE_DEVICES`.
        jobs_per_gpu: how many jobs may share a device. The emptiest device is preferred.
        folder: where the locks lie; by default one folder a machine, so that all users' jobs see
            each other.
        timeout: seconds to wait.

    Raises:
        TimeoutError: no place became free in time.
        ResultsError: the locks' folder cannot be made.
    """
    folder = _made(folder)
    deadline = time.monotonic() + timeout
    while True:
        for place in range(jobs_per_gpu):
            for device in devices:
                lock = FileLock(folder / f"{device.replace('/', '_')}.{place}.lock", mode=0o666)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                except OSError as error:
                    raise _unwritable(folder, error) from None
                try:
                    yield device
                finally:
                    lock.release()
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"no free place on GPUs {', '.join(devices)} within {timeout} s")
        time.sleep(_POLL_SECONDS)


def _made(folder: Path | None) -> Path:
    """The locks' folder; the shared one is for all users."""
    shared = Path(tempfile.gettempdir()) / "reinrelax-leases"
    try:
        if folder is None and not shared.exists():
            with suppress(
                FileExistsError
            ):  # another job was faster, and it is that job's to open up
                shared.mkdir()
                shared.chmod(0o1777)
        (folder or shared).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder or shared, error) from None
    return folder or shared


def _unwritable(folder: Path, error: OSError) -> ResultsError:
    return ResultsError(
        f"{folder}: locks of GPUs cannot be kept there ({error.strerror}). Set TMPDIR to a folder"
        " on this machine that can be written"
    )
