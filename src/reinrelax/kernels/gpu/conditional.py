"""The Monte Carlo mean of Gumbel-Rao on a GPU: g · mean_k J_τ(Y_k) with Y_k ~ θ + G | D.

The formula is that of `estimators/conditional.c`. Draws stay in registers.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from reinrelax.kernels.gpu.random import words

# Philox calls per tile; the four words of a call are for four draws.
_TILE = 256


def conditional_softmax_vjp(
    cotangent: Tensor,
    one_hot: Tensor,
    probs: Tensor,
    taus: Tensor,
    draws: int,
    keys: Tensor,
    counters: Tensor,
) -> Tensor:
    """Compute `gumbel.conditional_softmax_vjp` in float32 for τ `[R, ..., 1]`.

    The counters of the streams are incremented.
    """
    replicas, categories = len(probs), probs.shape[-1]
    rows = probs[0].numel() // categories
    width = triton.next_power_of_2(categories)
    tile = max(1, min(triton.next_power_of_2(triton.cdiv(draws, 4)), _TILE // width))
    out = torch.empty(probs.shape, dtype=torch.float32, device=probs.device)
    _vjp[(rows, replicas)](
        cotangent.contiguous(),
        probs.contiguous(),
        one_hot.argmax(-1).contiguous(),
        taus.contiguous(),
        keys,
        counters,
        out,
        rows,
        categories,
        draws,
        tile,
        width,
        num_warps=1,
    )
    counters += 1
    return out


@triton.jit
def _vjp(  # type: ignore[no-untyped-def]
    cotangent,
    probs,
    winner,
    taus,
    keys,
    counters,
    out,
    rows,
    categories,
    draws,
    tile: tl.constexpr,
    width: tl.constexpr,
):
    """Compute one row `[C]` per program, with 4 × `tile` draws at a time."""
    replica, row = tl.program_id(1), tl.program_id(0)
    at = replica.to(tl.int64) * rows + row
    j = tl.arange(0, width)
    real = j < categories
    g = tl.load(cotangent + at * categories + j, real, 0.0)
    p = tl.load(probs + at * categories + j, real, 0.0)
    own = j == tl.load(winner + at)
    power = -1.0 / tl.load(taus + at)
    key, counter = tl.load(keys + replica), tl.load(counters + replica)
    first, second = tl.zeros((width,), tl.float32), tl.zeros((width,), tl.float32)
    parts = tl.cdiv(draws, 4 * tile)
    for part in range(parts):
        line = (row * parts + part) * tile + tl.arange(0, tile)
        a, b, c, d = words(key, counter, line[:, None] * width + j[None, :])
        k = part * 4 * tile + tl.arange(0, tile)
        f, s = _draws(a, k < draws, g, p, own, power)
        first, second = first + f, second + s
        f, s = _draws(b, k + tile < draws, g, p, own, power)
        first, second = first + f, second + s
        f, s = _draws(c, k + 2 * tile < draws, g, p, own, power)
        first, second = first + f, second + s
        f, s = _draws(d, k + 3 * tile < draws, g, p, own, power)
        first, second = first + f, second + s
    tl.store(out + at * categories + j, -power / draws * (g * first - second), real)


@triton.jit
def _draws(bits, wanted, g, p, own, power):  # type: ignore[no-untyped-def]
    """Sum the terms of draws `[tile, width]` in Σ n_j / s1 and Σ n_j s2 / s1², each `[width]`."""
    # E / log 2 for E ~ Exp(1), from 23 bits: the factor cancels in E_j / E_i.
    e = -tl.log2(
        ((bits.to(tl.uint32, bitcast=True) >> 9).to(tl.float32) + 0.5) * 1.1920928955078125e-07
    )
    own_e = tl.sum(tl.where(own[None, :], e, 0.0), 1)
    # If the ratio overflows, the weight is zero.
    ratio = 1.0 + e / (tl.where(p > 0.0, p, 1.0)[None, :] * own_e[:, None])
    n = tl.where((p > 0.0)[None, :], tl.exp2(power * tl.log2(ratio)), 0.0)
    n = tl.where(own[None, :], 1.0, n)
    share = tl.where(wanted, 1.0 / tl.sum(n, 1), 0.0)
    weight = tl.sum(n * g[None, :], 1) * share * share
    return tl.sum(n * share[:, None], 0), tl.sum(n * weight[:, None], 0)
