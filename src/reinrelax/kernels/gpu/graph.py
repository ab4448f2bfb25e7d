"""A training step as a CUDA graph: hundreds of launches replayed as one."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

# By how much of a step's change replays may differ from it: products may round otherwise, and where a
# gradient is all but zero, Adam's first steps turn a rounding error into a whole step. Other noise, or a part
# that was left out, makes as much of a difference as the step itself.
_TOLERANCE = 0.05


def captured(step: Callable[[], None], state: Sequence[Tensor]) -> Callable[[], None]:
    """The step as one launch, if that does the same on trial; else the step itself, and a line says so.

    Two steps are made from where the state is, and two replays from the same place; nothing has changed when
    this returns.

    Args:
        step: works on tensors that stay where they are, and draws from streams whose state is among them.
        state: all tensors that a step changes and a later one reads, on the device.
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
        # Libraries set themselves up in a stream's first runs, which a graph could not hold; and what waits
        # for the device is better found here than by a capture that breaks off.
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
    """Make the host's waiting for the device an error."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def agree(before: Sequence[Tensor], expected: Sequence[Tensor], found: Sequence[Tensor]) -> bool:
    """Whether what was found differs from what was expected by little of the change from before."""
    for old, one, other in zip(before, expected, found, strict=True):
        change, error = ((a.double() - b.double()).norm() for a, b in ((one, old), (other, one)))
        if not bool(error <= _TOLERANCE * change):
            return False
    return True
