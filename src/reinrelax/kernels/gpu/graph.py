"""Training steps as CUDA graphs: hundreds of kernel launches replayed as one."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

# Largest difference between replays and steps, relative to the change that the steps make. Products
# may round differently, and Adam's first steps turn a rounding error of a tiny gradient into a
# whole step. Different noise or a missing operation makes a difference as large as the step itself.
_TOLERANCE = 0.05


def captured(step: Callable[[], None], state: Sequence[Tensor]) -> Callable[[], None]:
    """Capture a step as a CUDA graph if a trial gives the same result; otherwise return the step.

    The trial compares two steps with two replays from the same state and restores the state. If the
    graph cannot be used, a warning says why.

    Args:
        step: the step; its tensors must stay at their addresses, and the state of its streams must
            be in `state`.
        state: all tensors on the device that a step changes and a later one reads.
    """
    before = [tensor.clone() for tensor in state]

    def twice(run: Callable[[], None]) -> list[Tensor]:
        for _ in range(2):
            run()
        after = [tensor.clone() for tensor in state]
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)
        return after

    try:
        # Libraries initialise in a stream's first runs, which cannot be captured. This run also
        # detects host-device synchronisation, which would break the capture.
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside), _no_waiting():
            expected = twice(step)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        found = twice(graph.replay)
    except RuntimeError as error:
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)
        problem = str(error).splitlines()[0]
    else:
        if agree(before, expected, found):
            replay: Callable[[], None] = graph.replay
            return replay
        problem = "replays differ from the step"
    print(
        f"WARNING: the step cannot be a CUDA graph ({problem}); it is launched piece by piece",
        file=sys.stderr,
    )
    return step


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Raise an error if the host waits for the device."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def agree(before: Sequence[Tensor], expected: Sequence[Tensor], found: Sequence[Tensor]) -> bool:
    """Check that `found` equals `expected` within `_TOLERANCE` of the change from `before`."""
    for old, one, other in zip(before, expected, found, strict=True):
        change, error = ((a.double() - b.double()).norm() for a, b in ((one, old), (other, one)))
        if not bool(error <= _TOLERANCE * change):
            return False
    return True
