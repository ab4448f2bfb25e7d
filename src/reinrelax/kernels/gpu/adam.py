"""Adam's step for all replicas of a tensor in one launch, with a rate and an ε per replica."""

import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 1024


def step(
    parameter: Tensor,
    grad: Tensor,
    first: Tensor,
    second: Tensor,
    settings: Tensor,
    at: Tensor,
    dead: Tensor,
) -> None:
    """Update m and v, then p ← p − a m / (√v / b + ε), in place.

    Args:
        parameter, grad, first, second: p, its gradient, m and v, `[R, ...]` float32, contiguous.
        settings: a, 1/b and ε of each step, `[steps, R, 3]` float32.
        at: the index of the step, `[1]` int64.
        dead: `[R]` float32; replicas with a value above 0 do not change.
    """
    replicas, count = len(parameter), parameter[0].numel()
    grid = (triton.cdiv(count, _BLOCK), replicas)
    _step[grid](parameter, grad, first, second, settings, at, dead, count, _BLOCK)


@triton.jit
def _step(parameter, grad, first, second, settings, at, dead, count, block: tl.constexpr):  # type: ignore[no-untyped-def]
    replica, replicas = tl.program_id(1), tl.num_programs(1)
    place = tl.program_id(0) * block + tl.arange(0, block)
    alive = place < tl.where(tl.load(dead + replica) > 0, 0, count)
    place += replica.to(tl.int64) * count
    row = settings + (tl.load(at) * replicas + replica) * 3
    rate, scale, epsilon = tl.load(row), tl.load(row + 1), tl.load(row + 2)
    g = tl.load(grad + place, alive, 0.0)
    m = tl.load(first + place, alive, 0.0)
    v = tl.load(second + place, alive, 0.0)
    m += (g - m) * 0.1  # 1 − β₁
    v = v * 0.999 + g * g * 0.001  # β₂, 1 − β₂
    p = tl.load(parameter + place, alive, 0.0) - rate * m / (tl.sqrt(v) * scale + epsilon)
    tl.store(parameter + place, p, alive)
    tl.store(first + place, m, alive)
    tl.store(second + place, v, alive)
