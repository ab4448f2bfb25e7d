"""Precision and layout that noise and sums need; softmax over a short last axis; KL to the uniform law."""

import math

import torch
from torch import Tensor

# torch vectorises along the last axis; below a vector's length that is several times slower than logsumexp.
_VECTOR = 16


def widened(x: Tensor) -> Tensor:
    """x in at least float32, as are noise, keys and sums: 16-bit floats have 8 or 11 significant bits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b in the precision of its factors, also under torch.autocast, which would round them to 16 bits."""
    device = a.device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return a @ b
    with torch.autocast(device, enabled=False):
        return a @ b


def log_softmax(x: Tensor) -> Tensor:
    """log softmax over the last axis, `[..., C]`."""
    if x.shape[-1] >= _VECTOR:
        return x.log_softmax(-1)
    return x - torch.logsumexp(x, -1, keepdim=True)


def softmax(x: Tensor) -> Tensor:
    """Softmax over the last axis, `[..., C]`."""
    if x.shape[-1] >= _VECTOR:
        return x.softmax(-1)
    return log_softmax(x).exp()


def kl_to_uniform(logits: Tensor) -> Tensor:
    """KL(softmax(θ) ‖ uniform) summed over latent variables, nats per image: `[..., L, C]` to `[...]`."""
    log_probs = log_softmax(logits)
    return (log_probs.exp() * (log_probs + math.log(logits.shape[-1]))).sum((-2, -1))
