"""ReinMax (Liu et al., 2023) and its relatives that need no further noise."""

import torch
from torch import Tensor

from reinrelax.core.numerics import softmax
from reinrelax.estimators.base import Sample, pathwise, softmax_vjp


@pathwise(name="ReinMax", equation="B, Eq. 12")
def reinmax(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """ReinMax: 2 f′(D) (diag(p) − p pᵀ) − ½ f′(D) (diag(π) − π πᵀ), p = (π_τ + D)/2.

    At τ = 1 its mean is the second-order approximation (B, Eq. 13).
    """
    probs_d = (sample.tempered(tau) + sample.one_hot) / 2
    return 2 * softmax_vjp(probs_d, cotangent) - softmax_vjp(sample.probs, cotangent) / 2


@pathwise(name="ReinMax-scaled", equation="B, Eq. 12 and Appendix B")
def reinmax_scaled(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """ReinMax with the factor 1/τ of a tempered Jacobian on its first term."""
    probs_d = (sample.tempered(tau) + sample.one_hot) / 2
    return 2 * softmax_vjp(probs_d, cotangent) / tau - softmax_vjp(sample.probs, cotangent) / 2


@pathwise(name="ReinMax-Eq16", equation="B, Eq. 16")
def reinmax_equation16(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """ReinMax by Eq. 16 to the letter: 2 ST_τ(D, θ_D) − ½ ST₁(D, θ).

    θ_D = log((π_τ + D)/2) is tempered once more.
    """
    probs_d = (sample.tempered(tau) + sample.one_hot) / 2
    first = softmax_vjp(softmax(probs_d.log() / tau), cotangent) / tau
    return 2 * first - softmax_vjp(sample.probs, cotangent) / 2


@pathwise(name="ReinMax-Argmax", equation="B, section 3")
def reinmax_argmax(cotangent: Tensor, sample: Sample, *, tau: Tensor | float) -> Tensor:
    """ReinMax with one-hot argmax(θ) for D in (π_τ + D)/2; f′ is still taken at D."""
    mode = torch.zeros_like(sample.one_hot).scatter_(
        -1, sample.log_probs.argmax(-1, keepdim=True), 1.0
    )
    probs_d = (sample.tempered(tau) + mode) / 2
    return 2 * softmax_vjp(probs_d, cotangent) - softmax_vjp(sample.probs, cotangent) / 2


@pathwise(name="ReinMax-RK2", equation="B, Eq. 27")
def reinmax_rk2(cotangent: Tensor, sample: Sample, *, beta: Tensor | float) -> Tensor:
    """ReinMax-RK2 as printed: 2 f′(D) (diag(p) − q pᵀ) − β f′(D) (diag(π) − π πᵀ) with p = (π +
    D)/2 and q = βπ + (1 − β)D.

    Its mean is RK2_β,k + (2β − 1) π_k Σ_i π_i f′(I_i)(I_i − π): Theorem 1 holds at β = ½ alone.
    """
    return 2 * _rk2_first(cotangent, sample, beta) - beta * softmax_vjp(sample.probs, cotangent)


@pathwise(name="ReinMax-RK2-run", equation="B's public code, DiscreteNumericalMethodsASC 62697d1")
def reinmax_rk2_run(cotangent: Tensor, sample: Sample, *, beta: Tensor | float) -> Tensor:
    """ReinMax-RK2 as run for Figure 2: Eq. 27 with a last term of −(1 − β) ST(D, θ), less its mean
    over C.

    That mean, (1 − 2β) f′(D)(π − D)/C, is zero at β = ½ alone.
    """
    uncentred = 2 * _rk2_first(cotangent, sample, beta) - (1 - beta) * softmax_vjp(
        sample.probs, cotangent
    )
    return uncentred - uncentred.mean(-1, keepdim=True)


@pathwise(name="ReinMax-RK2-corrected", equation="B, Eq. 26")
def reinmax_rk2_corrected(cotangent: Tensor, sample: Sample, *, beta: Tensor | float) -> Tensor:
    """ReinMax-RK2 corrected: (1 − 2β) ST + 2β ReinMax at τ = 1.

    Its mean is RK2_β for every β, because Eq. 26 is linear in β.
    """
    first_order = straight = softmax_vjp(sample.probs, cotangent)
    second_order = 2 * softmax_vjp((sample.probs + sample.one_hot) / 2, cotangent) - straight / 2
    return (1 - 2 * beta) * first_order + 2 * beta * second_order


def _rk2_first(cotangent: Tensor, sample: Sample, beta: Tensor | float) -> Tensor:
    """f′(D) (diag(p) − q pᵀ) with p = (π + D)/2 and q = βπ + (1 − β)D (B, Eq. 27)."""
    probs = sample.probs
    probs_d = (probs + sample.one_hot) / 2
    shifted = beta * probs + (1 - beta) * sample.one_hot
    return probs_d * (cotangent - (shifted * cotangent).sum(-1, keepdim=True))
