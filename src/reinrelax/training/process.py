"""Settings of a process that trains."""

import torch

from reinrelax.training.memory import keep_freed_memory
from reinrelax.training.products import prefer_onednn


def prepare_process() -> None:
    """Settings of the process that make training fast and leave its numbers the same to rounding."""
    # Edge pixels are almost always zero, so Adam's moments decay into denormals, which are slow.
    torch.set_flush_denormal(True)
    keep_freed_memory()
    prefer_onednn()
