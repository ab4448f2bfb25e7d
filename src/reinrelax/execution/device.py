"""The device that a job computes on: leased as long as it is used, and believed once it has
computed.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from reinrelax.config.blocks import Machine
from reinrelax.errors import ConfigError
from reinrelax.execution import lease


@contextmanager
def device(machine: Machine, on_gpu: bool = True) -> Iterator[str]:
    """The device to compute on, "cpu" or "cuda"; torch comes after, and with its threads set.

    A driver that may itself be too old also shows GPUs for which torch has no code, or without
    memory. Then there is a warning, and the CPU computes, unless the configuration asks for CUDA.

    Args:
        machine: which devices it may be.
        on_gpu: whether the job computes on a GPU at all.

    Raises:
        ConfigError: CUDA is asked for, and no GPU is there or the one that is cannot compute.
    """
    with ExitStack() as stack:
        gpus = lease.visible_devices() if on_gpu and machine.device != "cpu" else []
        why = "this machine shows no GPU"
        if gpus:
            gpu = stack.enter_context(lease.lease(gpus, machine.jobs_per_gpu))
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
            if failure := _failure():
                why = f"{gpu} cannot compute ({failure})"
                gpus = []
                stack.close()
                if machine.device == "auto":
                    print(
                        f"WARNING: {why}; computing on the CPU. Set machine.device: cpu, if that is"
                        " meant",
                        file=sys.stderr,
                    )
        if on_gpu and machine.device == "cuda" and not gpus:
            raise ConfigError(f"machine.device: cuda asked for, but {why}; set cpu or auto")
        # Only now: torch fixes the devices it sees when it is imported.
        import torch

        from reinrelax.kernels.gpu import support

        support.ASKED = machine.kernels == "compiled"
        torch.set_num_threads(machine.threads)
        yield "cuda" if gpus else "cpu"


def _failure() -> str:
    """Why the GPU that is visible cannot compute, in torch's words; empty if it can."""
    import torch

    try:
        ones = torch.ones(8, 8, dtype=torch.float32, device="cuda")
        found = float((ones @ ones).sum())
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # the latter of a torch that was built without CUDA
        return str(error).strip().split("\n")[0]
    return "" if found == 8**3 else f"a sum that is {8**3} came out as {found:g}"
