"""Choice of the library that multiplies float32 matrices on the CPU, by trial."""

import sys
import time
from functools import cache

import torch
from torch import Tensor

from reinrelax.config.run import HIDDEN, PIXELS

# The smallest advantage for which oneDNN is used. With a smaller one, chance would choose, and the
# digits of results depend on the library.
_CLEARLY = 1.2
_REPLICAS, _BATCH, _REPEATS = 2, 100, 7


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
    settings.fp32_precision = "ieee"  # BLAS
    blas = _seconds(torch.float32)
    settings.fp32_precision = "bf16"
    if _is_float32() and blas >= advantage * _seconds(torch.float32):
        return True
    settings.fp32_precision = "ieee"
    return False


def warn_if_slow(dtype: torch.dtype) -> None:
    """Warn on standard error if products in a 16-bit type are slower than in float32."""
    if dtype == torch.float32:
        return
    factor = _seconds(dtype) / _seconds(torch.float32)
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
    """Return the time of the products of the VAE's largest layer; the smallest of some trials."""
    factors = [
        (a.to(dtype), b.to(dtype)) for a, b in _layouts(_REPLICAS, _BATCH, PIXELS, HIDDEN[0])
    ]
    times = []
    for _ in range(1 + _REPEATS):  # the first one allocates memory
        start = time.perf_counter()
        for a, b in factors:
            torch.bmm(a, b)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _is_float32() -> bool:
    """Check that batched products have float32's rounding errors, 65,536 times below bfloat16's."""
    for a, b in _layouts(2, 128, 256, 128):
        error = (torch.bmm(a, b).double() - torch.bmm(a.double(), b.double())).abs().max()
        scale = torch.bmm(a.double().abs(), b.double().abs()).max()
        if error > scale * 2.0**-18:
            return False
    return True
