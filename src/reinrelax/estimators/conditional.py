"""The Monte Carlo mean of Gumbel-Rao in compiled code: on a CPU five times as fast as torch."""

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from reinrelax.core.rng import CountedStreams, Streams
from reinrelax.kernels import native

_VECTOR = 16  # floats in the widest register
Kernel = Callable[[Tensor, Tensor, Tensor, Tensor, int, Streams], Tensor]
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64


@cache
def _kernel() -> "ctypes._NamedFuncPointer | None":
    library = native.load(Path(__file__).with_suffix(".c"))
    if library is None:
        return None
    function = library.conditional_softmax_vjp
    function.argtypes = [*[_POINTER] * 5, *[_COUNT] * 4, ctypes.c_uint64, _POINTER]
    function.restype = None
    return function


def kernel(probs: Tensor, streams: Streams) -> Kernel | None:
    """Find the kernel of `gumbel.conditional_softmax_vjp` for such tensors; None where there is
    none.
    """
    if probs.dtype != torch.float32:
        return None
    if isinstance(streams, CountedStreams):
        return _on_gpu
    return _in_c if probs.device.type == "cpu" and _kernel() else None


def _on_gpu(
    cotangent: Tensor, one_hot: Tensor, probs: Tensor, taus: Tensor, draws: int, streams: Streams
) -> Tensor:
    from reinrelax.kernels.gpu.conditional import conditional_softmax_vjp

    assert isinstance(streams, CountedStreams)
    return conditional_softmax_vjp(
        cotangent, one_hot, probs, taus, draws, streams.keys, streams.counters
    )


def _in_c(
    cotangent: Tensor, one_hot: Tensor, probs: Tensor, taus: Tensor, draws: int, streams: Streams
) -> Tensor:
    """The draws are a function of one number from each replica's stream, the same on every
    processor.
    """
    compute = _kernel()
    assert compute is not None
    out = native.buffer(*probs.shape)
    winner = native.check(one_hot.argmax(-1).contiguous(), probs.shape[:-1], torch.int64)
    cotangent, probs = (native.check(t.contiguous(), out.shape) for t in (cotangent, probs))
    taus = native.check(taus.contiguous(), (*out.shape[:-1], 1))
    threads, categories = torch.get_num_threads(), probs.shape[-1]
    for *parts, stream in streams.split(cotangent, probs, winner, taus, out):
        seed = torch.empty((), dtype=torch.int64, device="cpu")
        seed.random_(-(2**63), None, generator=stream.generators[0])
        key, pointers, rows = int(seed) % 2**64, native.addresses(*parts), parts[2].numel()
        ends = [rows * part // threads for part in range(threads + 1)]

        def run(span: tuple[int, int], key: int = key, pointers: Sequence[int] = pointers) -> None:
            work = native.buffer(3 * _VECTOR * categories)
            compute(*pointers, *span, categories, draws, key, *native.addresses(work))

        if threads == 1:
            run((0, rows))
        else:
            # They leave Python while they compute.
            list(_pool(threads).map(run, pairwise(ends)))
    return out


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _after_fork() -> None:
    """A forked child has neither the pool's threads nor torch's own, and would wait for either for
    ever.
    """
    if _pool.cache_info().currsize:
        _pool.cache_clear()
        torch.set_num_threads(1)


os.register_at_fork(after_in_child=_after_fork)
