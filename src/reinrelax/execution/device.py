"""The device that a job computes on, leased while it is used and tested before it is trusted."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from reinrelax.config.blocks import Machine
from reinrelax.errors import ConfigError
from reinrelax.execution import gpu_lease


@contextmanager
def device(machine: Machine, on_gpu: bool = True) -> Iterator[str]:
    """Yield the device to compute on, "cpu" or "cuda"; import torch only afterwards.

    The number of torch's threads is set. The driver may list GPUs that are unusable: torch may not
    support them, the driver may be too old, or their memory may be full. In that case a warning is
    issued and the CPU is used, unless the configuration requests CUDA.

    Args:
        machine: the allowed devices.
        on_gpu: whether the job can use a GPU.

    Raises:
        ConfigError: CUDA is requested, but there is no GPU or it is unusable.
    """
    with ExitStack() as stack:
        gpus = gpu_lease.visible_devices() if on_gpu and machine.device != "cpu" else []
        why = "this machine shows no GPU"
        if gpus:
            gpu = stack.enter_context(gpu_lease.lease(gpus, machine.jobs_per_gpu))
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
            if failure := _failure():
                why = f"{gpu} cannot compute ({failure})"
                gpus = []
                stack.close()
                if machine.device == "auto":
                    print(
                        f"WARNING: {why}; computing on the CPU. Set machine.device: cpu if this"
                        " is intended",
                        file=sys.stderr,
                    )
        if on_gpu and machine.device == "cuda" and not gpus:
            raise ConfigError(f"machine.device: cuda was requested, but {why}; set cpu or auto")
        # Torch determines the visible devices when it is imported, so the lease must come first.
        import torch

        from reinrelax.kernels.gpu import support

        support.ASKED = machine.kernels == "compiled"
        torch.set_num_threads(machine.threads)
        yield "cuda" if gpus else "cpu"


def _failure() -> str:
    """Return torch's error message if the visible GPU cannot compute; empty if it can."""
    import torch

    try:
        ones = torch.ones(8, 8, dtype=torch.float32, device="cuda")
        found = float((ones @ ones).sum())
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # AssertionError: torch was built without CUDA
        return str(error).strip().split("\n")[0]
    return "" if found == 8**3 else f"a sum that is {8**3} came out as {found:g}"
