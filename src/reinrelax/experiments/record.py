"""What the record of any job says: what was asked for, and where, when and by what it was computed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import torch

from reinrelax.core import provenance
from reinrelax.jobs.job import Job
from reinrelax.kernels import native
from reinrelax.kernels.gpu import support


def begun(job: Job, device: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is known when a job begins; `extra` is what else its record should say."""
    return {
        **extra,
        "job": job.name,
        "settings_hash": job.settings_hash,
        "source_hash": job.source_hash,
        "fingerprint": job.fingerprint,
        **provenance.describe(describe_device(device)),
        "threads": torch.get_num_threads(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def ended(device: str, seconds: float) -> dict[str, Any]:
    """What is known when it has been computed, in so many seconds."""
    return {
        # What of this package's compiled code this process computes with.
        "kernels": [*native.loaded(), *(["triton"] if support.serves(torch.device(device)) else [])],
        "wall_seconds": round(seconds, 3),
        "peak_memory_mb": round(provenance.peak_memory_mb(), 1),
    }


def describe_device(device: str) -> str:
    """The device's name."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"
