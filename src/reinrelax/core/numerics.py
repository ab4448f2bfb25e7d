"""Precision of noise and sums, softmax over a short axis, and KL to the uniform distribution."""

import math

import torch
from torch import Tensor

# torch vectorises softmax along the last axis. If the axis is shorter than a vector, single
# operations on all rows are several times faster.
_VECTOR = 16


def widened(x: Tensor) -> Tensor:
    """Cast x to at least float32, the precision of noise, keys and sums.

    16-bit floats have 8 or 11 significant bits.
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return a @ b in the precision of its factors, even under torch.autocast."""
    device = a.device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return a @ b
    with torch.autocast(device, enabled=False):
        return a @ b


def product_with_vectors(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Return the products of matrices `[..., I, J]` with vectors `[..., J]`: `[..., I]`.

    The vectors have all leading axes. A matrix that is repeated along them, by `expand`, is
    multiplied with all vectors at once.
    """
    axes = zip(matrix.shape[:-2], matrix.stride()[:-2], strict=True)
    if all(size == 1 or (size and stride == 0) for size, stride in axes):
        return product(vectors, matrix[(0,) * (matrix.ndim - 2)].mT)
    return product(matrix, vectors[..., None])[..., 0]


def log_softmax(x: Tensor) -> Tensor:
    """Return log softmax over the last axis of `[..., C]`."""
    if x.shape[-1] >= _VECTOR:
        return x.log_softmax(-1)
    below = _below_largest(x)
    return below - below.exp().sum(-1, keepdim=True).log()


def softmax(x: Tensor) -> Tensor:
    """Return softmax over the last axis of `[..., C]`."""
    if x.shape[-1] >= _VECTOR:
        return x.softmax(-1)
    weights = _below_largest(x).exp()
    return weights / weights.sum(-1, keepdim=True)


def _below_largest(x: Tensor) -> Tensor:
    """Subtract the largest entry, which changes neither softmax nor its derivative."""
    return x - x.detach().amax(-1, keepdim=True)


def kl_to_uniform(logits: Tensor) -> Tensor:
    """Return KL(softmax(θ) ‖ uniform) in nats, summed over L: `[..., L, C]` to `[...]`."""
    log_probs = log_softmax(logits)
    return (log_probs.exp() * (log_probs + math.log(logits.shape[-1]))).sum((-2, -1))
