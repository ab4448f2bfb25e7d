"""A GPU for each job: file locks that the kernel frees when a job dies."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_SECONDS = 0.5


def visible_devices(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` can name them; empty where there is none.

    Indices become UUIDs where they can: to two allocations of a cluster, index 0 may mean two GPUs.
    """
    uuids = _uuids()
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return uuids
    names = [name for name in (part.strip() for part in named.split(",")) if name and name != "-1"]
    return [uuids[int(name)] if name.isdigit() and int(name) < len(uuids) else name for name in names]


def _uuids() -> list[str]:
    """UUIDs of the GPUs that the driver shows here."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


@contextmanager
def lease(
    devices: Sequence[str], jobs_per_gpu: int, folder: Path | None = None, timeout: float = float("inf")
) -> Iterator[str]:
    """Hold one of `jobs_per_gpu` places on one of the devices; wait while all are taken.

    Args:
        devices: names as in `CUDA_VISIBLE_DEVICES`.
        jobs_per_gpu: how many jobs may share a device. The emptiest device is preferred.
        folder: where the locks lie; by default one folder a machine, so that all users' jobs see each other.
        timeout: seconds to wait.

    Raises:
        TimeoutError: no place became free in time.
    """
    if folder is None:
        folder = Path(tempfile.gettempdir()) / "reinrelax-leases"
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o1777)
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    while True:
        for place in range(jobs_per_gpu):
            for device in devices:
                lock = FileLock(folder / f"{device.replace('/', '_')}.{place}.lock", mode=0o666)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                try:
                    yield device
                finally:
                    lock.release()
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"no free place on GPUs {', '.join(devices)} within {timeout} s")
        time.sleep(_POLL_SECONDS)
