"""Leases of GPUs to jobs: file locks that the kernel releases when a job dies."""

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
    """Return the GPUs that this process may use, as names for `CUDA_VISIBLE_DEVICES`.

    The variable is interpreted as CUDA does: an unknown name, such as -1 or SLURM's `NoDevFiles`,
    ends the list. Indices and UUID prefixes are replaced by UUIDs where possible, because all jobs
    must use the same name for a GPU, and index 0 may refer to different GPUs in two allocations of
    a cluster.
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
    """Return the UUIDs of the GPUs that the driver lists."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_DRIVER_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return []
    # Without GPUs, some drivers print a message and exit successfully.
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("GPU-")]


@contextmanager
def lease(
    devices: Sequence[str],
    jobs_per_gpu: int,
    folder: Path | None = None,
    timeout: float = float("inf"),
) -> Iterator[str]:
    """Hold one of `jobs_per_gpu` slots on one of the devices; wait while all are taken.

    Args:
        devices: names as in `CUDA_VISIBLE_DEVICES`.
        jobs_per_gpu: the number of jobs that may share a device. The device with the fewest jobs is
            preferred.
        folder: the folder of the locks; by default one per machine, shared by all users.
        timeout: seconds to wait.

    Raises:
        TimeoutError: no slot became free in time.
        ResultsError: the folder of the locks cannot be created.
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
            raise TimeoutError(f"no free slot on GPUs {', '.join(devices)} within {timeout} s")
        time.sleep(_POLL_SECONDS)


def _made(folder: Path | None) -> Path:
    """Create the folder of the locks; the shared one is writable by all users."""
    shared = Path(tempfile.gettempdir()) / "reinrelax-leases"
    try:
        if folder is None and not shared.exists():
            with suppress(FileExistsError):  # another job was faster and sets the permissions
                shared.mkdir()
                shared.chmod(0o1777)
        (folder or shared).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder or shared, error) from None
    return folder or shared


def _unwritable(folder: Path, error: OSError) -> ResultsError:
    return ResultsError(
        f"{folder}: locks of GPUs cannot be created there ({error.strerror}). Set TMPDIR to a"
        " writable folder on this machine"
    )
