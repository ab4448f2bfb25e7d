"""Straight-Through (Bengio et al., 2013) and its gapped form (Fan et al., 2022)."""

import torch
from torch import Tensor

from reinrelax.core.numerics import softmax
from reinrelax.estimators.base import Sample, pathwise, softmax_vjp


@pathwise(name="ST", equation="B, Eq. 3")
def straight_through(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """Straight-Through: f′(D) dπ_τ/dθ, with the 1/τ that the derivative has (B, Appendix B)."""
    return softmax_vjp(sample.tempered(tau), cotangent) / tau


@pathwise(name="ST-unscaled", equation="B, Eq. 3, right-hand side")
def straight_through_unscaled(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """Straight-Through without the factor 1/τ of the derivative: f′(D) (diag(π_τ) − π_τ π_τᵀ)."""
    return softmax_vjp(sample.tempered(tau), cotangent)


@pathwise(name="GST-1.0", equation="Fan et al. 2022, gap 1")
def gapped_straight_through(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """Gapped Straight-Through: the softmax at θ̃, where D has the largest logit, by a gap of at
    least one.

    θ̃ = θ + (max θ − θ) ∘ D − max(θ + 1 − max θ, 0) ∘ (1 − D), the shifts held constant.
    """
    theta = sample.log_probs
    top = theta.amax(-1, keepdim=True)
    moved = torch.where(sample.one_hot > 0, top, torch.minimum(theta, top - 1.0))
    return softmax_vjp(softmax(moved / tau), cotangent) / tau
