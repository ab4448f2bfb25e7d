"""ReinMax-Rao: ReinMax with its first term Rao-Blackwellised, in the paper's two readings and as
run.
"""

from torch import Tensor

from reinrelax.core.numerics import softmax
from reinrelax.estimators.base import Sample, pathwise, softmax_vjp
from reinrelax.estimators.gumbel import conditional_softmax_vjp


@pathwise(name="ReinMax-Rao", equation="B, Algorithm 1")
def reinmax_rao(cotangent: Tensor, sample: Sample, *, tau: Tensor | float, draws: int) -> Tensor:
    """ReinMax-Rao: f′(D) (2 mean_k J_τ(Y_k) − ½ J_τ(θ)), Y_k ~ θ_D + G | D, θ_D = log((π +
    D)/2).
    """
    return _reinmax_rao(cotangent, sample, sample.probs, tau, draws)


@pathwise(name="ReinMax-Rao-run", equation="B's public code, DiscreteNumericalMethodsASC 62697d1")
def reinmax_rao_run(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, draws: int
) -> Tensor:
    """ReinMax-Rao as run for the paper's numbers: f′(D) (2 mean_k J_τ(Y_k) − ½ J₁(θ)), last term at
    τ = 1.

    Section 3.1 implies this, and Algorithm 1 at τ = 1 is the same.
    """
    probs_d = (sample.probs + sample.one_hot) / 2
    straight = softmax_vjp(sample.probs, cotangent)
    return 2 * _rao_term(cotangent, sample, probs_d, tau, draws) - straight / 2


@pathwise(name="ReinMax-Rao-tempered", equation="B, Eq. 16 and Algorithm 1")
def reinmax_rao_tempered(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, tau_d: Tensor | float, draws: int
) -> Tensor:
    """ReinMax-Rao with θ_D = log((π_τ + D)/2), as written after Eq. 16, and a τ = τ_D of
    its own.
    """
    return _reinmax_rao(cotangent, sample, sample.tempered(tau_d), tau, draws)


@pathwise(name="ReinMax-Rao-Eq17", equation="B, Eq. 17")
def reinmax_rao_equation17(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, draws: int
) -> Tensor:
    """ReinMax-Rao with its last term at θ_D: f′(D) (2 mean_k J_τ(Y_k) − ½ J_τ(θ_D))."""
    probs_d = (sample.probs + sample.one_hot) / 2
    straight = softmax_vjp(softmax(probs_d.log() / tau), cotangent) / tau
    return 2 * _rao_term(cotangent, sample, probs_d, tau, draws) - straight / 2


def _reinmax_rao(
    cotangent: Tensor, sample: Sample, probs: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """2 GR(D, θ_D) − ½ ST(D, θ), both at τ, with softmax(θ_D) = (probs + D)/2."""
    straight = softmax_vjp(sample.tempered(tau), cotangent) / tau
    probs_d = (probs + sample.one_hot) / 2
    return 2 * _rao_term(cotangent, sample, probs_d, tau, draws) - straight / 2


def _rao_term(
    cotangent: Tensor, sample: Sample, probs_d: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """Gumbel-Rao at θ_D, softmax(θ_D) = `probs_d`, `[R, ..., C]` (B, Algorithm 1, lines 7–9)."""
    return conditional_softmax_vjp(cotangent, sample.one_hot, probs_d, tau, draws, sample.streams)
