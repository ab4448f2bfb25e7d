"""Lower bounds of a training step's time: float32 matrix products, and memory traffic on a GPU."""

import time
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from reinrelax.config.run import HIDDEN, PIXELS
from reinrelax.core.types import parse_shape

BATCH = 100
# Value, gradient and two moments, each read and written once per step.
_TENSORS = 4
_FLOAT32 = 4
_COPIED = 1 << 28


@dataclass(frozen=True)
class Products:
    """The matrix products of a training step of the VAE, computed by one of the CPU's libraries.

    Attributes:
        latent: the latent shape, such as `8x4`.
        library: `BLAS` or `oneDNN`; it has no effect on a GPU.
    """

    latent: str
    replicas: int
    threads: int
    library: str


def widths(latent: str) -> tuple[int, ...]:
    """Return the widths of the VAE's levels, from pixels to pixels."""
    shape = parse_shape(latent)
    return (PIXELS, *HIDDEN, shape.categories * shape.latents, *reversed(HIDDEN), PIXELS)


def operands(
    latent: str, replicas: int, device: str = "cpu"
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return left factor, right factor and output of each product of a step, with leading axis R.

    Every layer has a forward product and one for the weights' gradient; all layers but the first
    also have one for the inputs' gradient.
    """
    products = []
    for index, (a, b) in enumerate(pairwise(widths(latent))):
        x, w, y = (
            torch.randn(replicas, *shape, device=device)
            for shape in ((BATCH, a), (a, b), (BATCH, b))
        )
        products += [(x, w, torch.empty_like(y)), (x.mT, y, torch.empty_like(w))]
        if index:
            products.append((y, w.mT, torch.empty_like(x)))
    return products


def traffic_bytes(latent: str, replicas: int) -> int:
    """Return the bytes of parameters, gradients and moments that a step reads and writes."""
    parameters = sum((a + 1) * b for a, b in pairwise(widths(latent)))
    return 2 * _TENSORS * _FLOAT32 * parameters * replicas


def copy_bandwidth(device: str) -> float:
    """Measure the bytes per second, read and written, of a copy within the device's memory."""
    source = torch.empty(_COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    for repeats in (3, 20):
        synchronize(device)
        start = time.perf_counter()
        for _ in range(repeats):
            target.copy_(source)
        synchronize(device)
        seconds = (time.perf_counter() - start) / repeats
    return 2 * _COPIED / seconds


def synchronize(device: str) -> None:
    """Wait for pending work of a GPU."""
    if device == "cuda":
        torch.cuda.synchronize()
