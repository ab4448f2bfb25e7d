"""The provenance of a result: commit, machine and versions."""

import os
import platform
import resource
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from reinrelax import __version__

# The suffix of a commit if the working tree differs from it.
CHANGED = "+changes"
_PACKAGES = ("torch", "numpy")


def describe(device: str) -> dict[str, Any]:
    """Return commit, host, device and versions of this process."""
    return {
        "reinrelax": __version__,
        "commit": commit(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": _processor(),
        "device": device,
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def commit() -> str:
    """Return the commit of the source, with `+changes` if the working tree differs from it.

    Return `unknown` outside git. Changes in `published/` do not count: no result depends on them.
    """
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        status = subprocess.run(
            [
                *git,
                "status",
                "--porcelain",
                "--untracked-files=no",
                "--",
                ":/",
                ":(top,exclude)published",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + (CHANGED if status.strip() else "")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    except OSError:
        pass
    return f"{platform.processor() or 'unknown'}, {os.cpu_count()} cores"
