"""Process settings for training."""

import torch

from reinrelax.training.memory import keep_freed_memory
from reinrelax.training.products import prefer_onednn


def prepare_process() -> None:
    """Set up the process for fast training; results change only by rounding."""
    # Edge pixels are almost always zero, so Adam's moments decay to denormals, which are slow.
    torch.set_flush_denormal(True)
    keep_freed_memory()
    prefer_onednn()
