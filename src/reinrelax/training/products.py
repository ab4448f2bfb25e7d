"""Choice of the library that multiplies float32 matrices on the CPU, by trial."""

import sys
import time
from functools import cache

import torch
from torch import Tensor

from reinrelax.config.run import HIDDEN, PIXELS

# The smallest advantage for which oneDNN is used. All processes on a machine must choose alike,
# because digits depend on the library: no processor tried is between 1 and 2.
_CLEARLY = 1.5
_REPLICAS, _BATCH, _ROUNDS = 2, 100, 9


@cache
def prefer_onednn(advantage: float = _CLEARLY) -> bool:
    """Use oneDNN instead of BLAS for float32 products on the CPU, if trials show that it is better.

    It must compute them in float32, and be faster by the factor `advantage`. It is twice as fast as
    torch's BLAS on processors not made by the vendor of that BLAS, and slower on the vendor's. But
    torch passes float32 products to oneDNN only if rounding to bfloat16 is allowed, and oneDNN
    rounds on processors with bfloat16 matrix units.

    Returns:
        Whether oneDNN is used.
    """
    settings = getattr(getattr(torch.backends, "mkldnn", None), "matmul", None)
    if settings is None or not torch.backends.mkldnn.is_available():
        return False
    settings.fp32_precision = "bf16"
    exact = _is_float32()
    taken: dict[str, list[float]] = {"ieee": [], "bf16": []}  # BLAS and oneDNN
    for _ in range(_ROUNDS if exact else 0):
        for precision, seconds in taken.items():
            settings.fp32_precision = precision
            seconds.append(_seconds(torch.float32))
    better = exact and min(taken["ieee"]) >= advantage * min(taken["bf16"])
    settings.fp32_precision = "bf16" if better else "ieee"
    return better


def warn_if_slow(dtype: torch.dtype) -> None:
    """Warn on standard error if products in a 16-bit type are slower than in float32."""
    if dtype == torch.float32:
        return
    taken = [(_seconds(dtype), _seconds(torch.float32)) for _ in range(_ROUNDS)]
    factor = min(slow for slow, _ in taken) / min(fast for _, fast in taken)
    if factor > 1:
        name = str(dtype).removeprefix("torch.")
        print(
            f"WARNING: products: {name} takes {factor:.1f} times as long as float32 on this"
            " processor; set products: float32, unless its rounding is what you study",
            file=sys.stderr,
        )


def _layouts(replicas: int, rows: int, inner: int, columns: int) -> list[tuple[Tensor, Tensor]]:
    """Return random factors in the layouts of a linear layer.

    They are those of the outputs, of the inputs' gradient and of the weights' gradient.
    """
    generator = torch.Generator().manual_seed(0)
    x, weight, y = (
        torch.randn(replicas, *shape, generator=generator, dtype=torch.float32, device="cpu")
        for shape in ((rows, inner), (inner, columns), (rows, columns))
    )
    return [(x, weight), (y, weight.mT), (x.mT, y)]


def _seconds(dtype: torch.dtype) -> float:
    """Return the processor time of the products of the VAE's largest layer.

    Other processes hardly change it, so that a busy machine chooses as an idle one does.
    """
    factors = [
        (a.to(dtype), b.to(dtype)) for a, b in _layouts(_REPLICAS, _BATCH, PIXELS, HIDDEN[0])
    ]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would wait for each other on a busy machine
    start = time.process_time()
    for a, b in factors:
        torch.bmm(a, b)
    torch.set_num_threads(threads)
    return time.process_time() - start


def _is_float32() -> bool:
    """Check that batched products have float32's rounding errors, 65,536 times below bfloat16's."""
    for a, b in _layouts(2, 128, 256, 128):
        error = (torch.bmm(a, b).double() - torch.bmm(a.double(), b.double())).abs().max()
        scale = torch.bmm(a.double().abs(), b.double().abs()).max()
        if error > scale * 2.0**-18:
            return False
    return True
