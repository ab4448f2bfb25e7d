"""Gradients by enumeration of all C^L codes, as a reference for the estimators.

Here a loss `f` maps one-hot codes `[N, ..., L, C]`, with the dtype of the logits, to `[N, ...]`,
where `...` are the logits' own leading axes. Sums are in at least float32.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NoReturn

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax, widened
from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators.base import Pathwise, Sample
from reinrelax.estimators.losses import Loss, checked

_MAX_CODES = 1 << 20


def codes(latents: int, categories: int, *, like: Tensor) -> Tensor:
    """All one-hot codes, `[C^L, L, C]`, in lexicographic order, with the dtype and device of
    `like`.

    Raises:
        InputError: more than 2²⁰ codes.
    """
    if categories**latents > _MAX_CODES:
        raise InputError(
            f"{categories}^{latents} codes are too many to enumerate (at most {_MAX_CODES})"
        )
    every = list(itertools.product(range(categories), repeat=latents))
    index = torch.tensor(every, dtype=torch.int64, device=like.device)
    return torch.nn.functional.one_hot(index, categories).to(like.dtype)


def expectation(logits: Tensor, f: Loss, *, chunk: int = 512) -> Tensor:
    """Expectation E_{D ~ softmax(θ)}[f(D)], `[...]`, for logits `[..., L, C]`, differentiable in
    them.
    """
    log_probs = log_softmax(widened(logits))
    total = log_probs.new_zeros(logits.shape[:-2])
    for block in _blocks(logits, chunk):
        weight = _log_weight(log_probs, block).exp()  # [N, ...]
        with torch.no_grad():
            value = _value(block, f)
        total = total + (weight * value).sum(0)
    return total


def gradient(logits: Tensor, f: Loss, *, chunk: int = 512) -> Tensor:
    """Gradient ∇_θ E[f(D)] (B, Eq. 2), `[..., L, C]` as the logits; f is called on `chunk` codes at
    once.
    """
    leaf = logits.detach().requires_grad_()
    (out,) = torch.autograd.grad(expectation(leaf, f, chunk=chunk).sum(), leaf)
    return out


def first_order(logits: Tensor, f: Loss, *, chunk: int = 512) -> Tensor:
    """The forward-Euler approximation (B, Eq. 9) for logits `[..., L, C]`, each variable given the
    rest.
    """
    return rk2(logits, f, beta=0.0, chunk=chunk)


def second_order(logits: Tensor, f: Loss, *, chunk: int = 512) -> Tensor:
    """The trapezoid approximation (B, Eq. 11) for logits `[..., L, C]`."""
    return rk2(logits, f, beta=0.5, chunk=chunk)


def rk2(logits: Tensor, f: Loss, *, beta: float, chunk: int = 512) -> Tensor:
    """Approximation Σ_i Σ_j π_j ((1 − β) f′(I_j) + β f′(I_i)) (I_i − I_j) dπ_i/dθ (B, Eq. 26),
    `[..., L, C]`.

    With several latent variables the sums run over one of them and the rest are averaged over.
    Collected by the code at which f′ is taken, the j-terms are E[f′(D) (diag(π) − π πᵀ)] because
    Σ_i dπ_i/dθ = 0, and the i-terms are E[f′(D)(D − π) (D − π)].
    """
    log_probs, probs = (g(widened(logits.detach()), -1) for g in (torch.log_softmax, torch.softmax))
    out = torch.zeros_like(probs)
    for block in _blocks(logits, chunk):
        weight = _log_weight(log_probs, block).exp()[..., None, None]
        slope = _slope(block, f)
        near = probs * (slope - (probs * slope).sum(-1, keepdim=True))
        far = (slope * (block - probs)).sum(-1, keepdim=True) * (block - probs)
        out += (weight * ((1 - beta) * near + beta * far)).sum(0)
    return out.to(logits.dtype)


def mean(estimator: Pathwise, logits: Tensor, f: Loss, *, chunk: int = 512, **hyper: Any) -> Tensor:
    """Mean E_D[estimate] of an estimator that draws nothing but D, for logits `[..., L, C]`: same
    shape.

    Hyper-parameters broadcast to `[..., 1]`. An estimator that uses the noise behind D comes out as
    NaN.

    Raises:
        InputError: the estimator draws noise of its own.
    """
    log_probs = log_softmax(widened(logits.detach()))
    out = torch.zeros_like(log_probs)
    for block in _blocks(logits, chunk):
        theta = log_probs.expand_as(block)
        weight = _log_weight(log_probs, block).exp()[..., None, None]
        sample = Sample(
            theta, torch.full_like(theta, torch.nan), block.to(theta.dtype), _NoStreams([])
        )
        out += (weight * estimator.function(_slope(block, f), sample, **hyper)).sum(0)
    return out.to(logits.dtype)


class _NoStreams(Streams):
    """Stands where noise would come from, for estimators that must not ask for any."""

    def split(self, *tensors: Tensor) -> Iterator[tuple[Any, ...]]:
        self._refuse()

    def uniform_(self, out: Tensor) -> Tensor:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InputError(
            "exact.mean: the estimator draws noise beside D, which cannot be enumerated"
        )


def _blocks(logits: Tensor, chunk: int) -> Iterator[Tensor]:
    """The codes in blocks `[n, ..., L, C]`, broadcast over the logits' leading axes."""
    if logits.ndim < 2:
        raise InputError(f"exact: logits must be [..., L, C]; got rank {logits.ndim}")
    everything = codes(*logits.shape[-2:], like=logits)
    for block in everything.split(chunk):
        shape = (len(block), *logits.shape)
        yield block.view(len(block), *(1,) * (logits.ndim - 2), *logits.shape[-2:]).expand(shape)


def _log_weight(log_probs: Tensor, block: Tensor) -> Tensor:
    """log P(code), `[N, ...]`; −∞ only where a masked category is in it."""
    return torch.where(block > 0, log_probs, 0.0).sum((-2, -1))


def _value(block: Tensor, f: Loss) -> Tensor:
    """f at each code, `[N, ...]`."""
    return checked("exact: f", f, block.dtype, block.shape[:-2])(block)


def _slope(block: Tensor, f: Loss) -> Tensor:
    """∂f/∂D at each code, shape of `block`, in at least float32."""
    leaf = block.detach().clone().requires_grad_()
    (out,) = torch.autograd.grad(_value(leaf, f).sum(), leaf)
    return widened(out)
