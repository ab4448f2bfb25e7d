"""ReinMax-CV: ReinMax with a Gumbel-Softmax control variate, as printed and in the readings it admits.

All have the form 2 ST(D, θ_D) − ½ ST(D, θ) + w (Gumbel-Rao − STGS) at τ = 1 for the first two terms; they
differ in the weight w, in the noise of the STGS term and in the θ_D at which the terms are taken.
"""

from torch import Tensor

from reinrelax.estimators.base import Sample, pathwise, softmax_vjp
from reinrelax.estimators.gumbel import conditional_softmax_vjp
from reinrelax.numerics import softmax


@pathwise(name="ReinMax-CV", equation="B, Algorithm 2")
def reinmax_cv(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """As printed (Eq. 18): f′(D) (2 J₁(θ_D) − η J_τ(θ_D + G) + η mean_k J_τ(Y_k) − ½ J₁(θ)), with the G that
    made D at θ, Y_k ~ θ_D + G | D and θ_D = log((π + D)/2).
    """
    middle = _middle(sample.probs, sample)
    terms = _rao(cotangent, sample, middle, tau, draws) - _reused(cotangent, sample, middle, tau)
    return _base(cotangent, sample, middle) + eta * terms


@pathwise(name="ReinMax-CV-matched", equation="B, Eq. 18")
def reinmax_cv_matched(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """STGS with noise drawn at θ_D given D, so that the two terms have the same mean given D."""
    middle = _middle(sample.probs, sample)
    one_draw = _rao(cotangent, sample, middle, tau, 1)
    return _base(cotangent, sample, middle) + eta * (_rao(cotangent, sample, middle, tau, draws) - one_draw)


@pathwise(name="ReinMax-CV-exchanged", equation="B, Eq. 18")
def reinmax_cv_exchanged(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """The signs of the two control variate terms exchanged."""
    middle = _middle(sample.probs, sample)
    terms = _rao(cotangent, sample, middle, tau, draws) - _reused(cotangent, sample, middle, tau)
    return _base(cotangent, sample, middle) - eta * terms


@pathwise(name="ReinMax-CV-factor2", equation="B, section 3.2")
def reinmax_cv_factor2(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """The substitution that section 3.2 describes: the terms inside 2 ST(D, θ_D), hence 2η."""
    middle = _middle(sample.probs, sample)
    terms = _rao(cotangent, sample, middle, tau, draws) - _reused(cotangent, sample, middle, tau)
    return _base(cotangent, sample, middle) + 2 * eta * terms


@pathwise(name="ReinMax-CV-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_tempered(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """θ_D = log((π_τ + D)/2), as written after Eq. 16, in all the terms that are taken at θ_D."""
    middle = _middle(sample.tempered(tau), sample)
    terms = _rao(cotangent, sample, middle, tau, draws) - _reused(cotangent, sample, middle, tau)
    return _base(cotangent, sample, middle) + eta * terms


@pathwise(name="ReinMax-CV-matched-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_matched_tempered(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """Both the matched noise and θ_D = log((π_τ + D)/2): the reading whose base is ReinMax at τ itself."""
    middle = _middle(sample.tempered(tau), sample)
    one_draw = _rao(cotangent, sample, middle, tau, 1)
    return _base(cotangent, sample, middle) + eta * (_rao(cotangent, sample, middle, tau, draws) - one_draw)


def _middle(probs: Tensor, sample: Sample) -> Tensor:
    """softmax(θ_D)."""
    return (probs + sample.one_hot) / 2


def _base(cotangent: Tensor, sample: Sample, middle: Tensor) -> Tensor:
    """2 ST(D, θ_D) − ½ ST(D, θ), both at τ = 1."""
    return 2 * softmax_vjp(middle, cotangent) - softmax_vjp(sample.probs, cotangent) / 2


def _reused(cotangent: Tensor, sample: Sample, middle: Tensor, tau: Tensor | float) -> Tensor:
    """STGS at θ_D with the G of the forward pass: f′(D) J_τ(θ_D + G)."""
    return softmax_vjp(softmax((middle.log() + sample.gumbel) / tau), cotangent) / tau


def _rao(cotangent: Tensor, sample: Sample, middle: Tensor, tau: Tensor | float, draws: int) -> Tensor:
    """Gumbel-Rao at θ_D."""
    return conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, draws, sample.streams)
