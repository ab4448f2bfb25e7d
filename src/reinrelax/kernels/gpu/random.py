"""Uniform noise for all replicas' streams in one launch that a CUDA graph can replay.

Each number is Philox (Salmon et al., 2011) of (key of the stream, number of calls, position in the
call). The state is in device memory, so the host is not involved.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 256


def uniform_(out: Tensor, keys: Tensor, counters: Tensor) -> Tensor:
    """Fill contiguous float32 or float64 `out` `[R, ...]` with U(0, 1), excluding 0 and 1.

    Args:
        out: the output, which is also returned.
        keys: the keys of the streams, `[R]` int64.
        counters: the number of calls of each stream, `[R]` int64; incremented.
    """
    count = out[0].numel()
    wide = out.dtype == torch.float64
    grid = (triton.cdiv(count, _BLOCK * (2 if wide else 4)), len(out))
    _uniform[grid](out, keys, counters, count, wide, _BLOCK)
    counters += 1
    return out


@triton.jit
def words(key, counter, place):  # type: ignore[no-untyped-def]
    """Return four blocks of 32-bit random words for a block of positions below 2³²."""
    return tl.randint4x(key, (counter << 32) | place.to(tl.int64))


@triton.jit
def _uniform(out, keys, counters, count, wide: tl.constexpr, block: tl.constexpr):  # type: ignore[no-untyped-def]
    replica, part = tl.program_id(1), tl.program_id(0)
    place = part * block + tl.arange(0, block)
    a, b, c, d = words(tl.load(keys + replica), tl.load(counters + replica), place)
    into = out + replica.to(tl.int64) * count
    # Neighbours in a block are neighbours in memory. 0 and 1 are excluded as in `Streams.uniform_`.
    if wide:
        first = part * block * 2 + tl.arange(0, block)
        tl.store(into + first, _double(a, b), first < count)
        tl.store(into + first + block, _double(c, d), first + block < count)
    else:
        first = part * block * 4 + tl.arange(0, block)
        tl.store(into + first, _single(a), first < count)
        tl.store(into + first + block, _single(b), first + block < count)
        tl.store(into + first + 2 * block, _single(c), first + 2 * block < count)
        tl.store(into + first + 3 * block, _single(d), first + 3 * block < count)


@triton.jit
def _single(bits):  # type: ignore[no-untyped-def]
    value = bits.to(tl.uint32, bitcast=True).to(tl.float32) * 2.3283064365386963e-10
    return tl.minimum(tl.maximum(value, 2.9802322387695312e-08), 0.99999994)


@triton.jit
def _double(high, low):  # type: ignore[no-untyped-def]
    fraction = (low.to(tl.uint32, bitcast=True).to(tl.float64) + 0.5) * 2.3283064365386963e-10
    value = (high.to(tl.uint32, bitcast=True).to(tl.float64) + fraction) * 2.3283064365386963e-10
    return tl.minimum(value, 1.0 - 1.1102230246251565e-16)
