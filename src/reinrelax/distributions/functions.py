"""Functions of noise and samples that the distributions share."""

import torch
from torch import Tensor

from reinrelax.core.numerics import widened


def logit(u: Tensor) -> Tensor:
    """Log-odds log u − log(1 − u), in at least float32, of the shape of u.

    An end of the unit interval is moved to the nearest number inside that u's dtype has.
    """
    info = torch.finfo(u.dtype)
    inside = widened(u.clamp(info.tiny, 1 - info.eps / 2))
    return inside.log() - torch.log1p(-inside)


def log_clamped(x: Tensor) -> Tensor:
    """Logarithm of x, in at least float32, with zero taken for the smallest normal number of x's
    dtype.
    """
    return widened(x.clamp_min(torch.finfo(x.dtype).tiny)).log()


def gumbel(u: Tensor) -> Tensor:
    """Gumbel noise −log(−log u) of uniform noise u without its ends (A, section II)."""
    return -(-u.log()).log()


def between_ends(x: Tensor, inside: Tensor) -> Tensor:
    """Choose `inside` where 0 < x < 1, 0 below and 1 above."""
    return torch.where(x <= 0, 0.0, torch.where(x >= 1, 1.0, inside))


def one_hot_argmax(x: Tensor) -> Tensor:
    """One-hot of the largest entry of the last axis, with the dtype of x."""
    return torch.zeros_like(x).scatter_(-1, x.argmax(-1, keepdim=True), 1.0)


def with_gradient_of(value: Tensor, surrogate: Tensor) -> Tensor:
    """Pass `value` forward and the gradient of `surrogate` backward."""
    return value.detach() + (surrogate - surrogate.detach())
