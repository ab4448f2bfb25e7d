"""Softmax over a short last axis, and the KL of a categorical law to the uniform one."""

import math

import torch
from torch import Tensor

# torch vectorises along the last axis; below a vector's length that is several times slower than logsumexp.
_VECTOR = 16


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
