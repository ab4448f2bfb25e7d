"""Whether there are kernels for a device."""

import sys
from functools import cache
from importlib.util import find_spec

import torch

# Set by `machine.kernels: compiled`. Not the default: no GPU has run them yet.
ASKED = False
# For tests: Triton's interpreter computes the kernels on a CPU, slowly.
INTERPRETED = False


def serves(device: torch.device) -> bool:
    """Return whether the kernels compute there; where they do not, torch does the same, slower."""
    return ((ASKED and device.type == "cuda") or INTERPRETED) and _works(device.type)


@cache
def _works(device: str) -> bool:
    """A trial: Triton may be missing, and on its first use it needs a C compiler."""
    if find_spec("triton") is None:
        return False
    try:
        from reinrelax.kernels.gpu.random import uniform_

        keys, counters = (torch.zeros(1, dtype=torch.int64, device=device) for _ in range(2))
        return 0 < uniform_(torch.zeros(1, 1, dtype=torch.float32, device=device), keys, counters).item() < 1
    except Exception as error:  # of any kind: what a compiler or a driver says
        print(f"WARNING: no kernels on {device} ({error}); torch computes the same, slower", file=sys.stderr)
        return False
