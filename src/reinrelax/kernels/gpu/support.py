"""Selection of the compiled kernels for a device."""

import sys
from functools import cache
from importlib.util import find_spec

import torch

# Set by `machine.kernels: compiled`. Off by default because the kernels have not run on a GPU yet.
ASKED = False
# For tests: run the kernels on a CPU in Triton's interpreter, slowly.
INTERPRETED = False


def serves(device: torch.device) -> bool:
    """Check whether the kernels are used on the device; if not, torch does the same, slower."""
    return ((ASKED and device.type == "cuda") or INTERPRETED) and _works(device.type)


@cache
def _works(device: str) -> bool:
    """Try a kernel: Triton may be missing, and its first use requires a C compiler."""
    if find_spec("triton") is None:
        return False
    try:
        from reinrelax.kernels.gpu.random import uniform_

        keys, counters = (torch.zeros(1, dtype=torch.int64, device=device) for _ in range(2))
        return (
            0
            < uniform_(torch.zeros(1, 1, dtype=torch.float32, device=device), keys, counters).item()
            < 1
        )
    except Exception as error:  # compilers and drivers raise errors of any type
        print(
            f"WARNING: no kernels on {device} ({error}); torch computes the same, slower",
            file=sys.stderr,
        )
        return False
