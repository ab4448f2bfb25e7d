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
    return _with_reused_noise(cotangent, sample, sample.probs, tau=tau, weight=eta, draws=draws)


@pathwise(name="ReinMax-CV-exchanged", equation="B, Eq. 18")
def reinmax_cv_exchanged(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """The signs of the two control variate terms exchanged."""
    return _with_reused_noise(cotangent, sample, sample.probs, tau=tau, weight=-eta, draws=draws)


@pathwise(name="ReinMax-CV-factor2", equation="B, section 3.2")
def reinmax_cv_factor2(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """The substitution that section 3.2 describes: the terms inside 2 ST(D, θ_D), hence 2η."""
    return _with_reused_noise(cotangent, sample, sample.probs, tau=tau, weight=2 * eta, draws=draws)


@pathwise(name="ReinMax-CV-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_tempered(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """θ_D = log((π_τ + D)/2), as written after Eq. 16, in all the terms that are taken at θ_D."""
    return _with_reused_noise(cotangent, sample, sample.tempered(tau), tau=tau, weight=eta, draws=draws)


@pathwise(name="ReinMax-CV-matched", equation="B, Eq. 18")
def reinmax_cv_matched(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """STGS with noise drawn at θ_D given D, so that the two terms have the same mean given D."""
    return _with_matched_noise(cotangent, sample, sample.probs, tau=tau, weight=eta, draws=draws)


@pathwise(name="ReinMax-CV-matched-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_matched_tempered(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """Both the matched noise and θ_D = log((π_τ + D)/2): the reading whose base is ReinMax at τ itself."""
    return _with_matched_noise(cotangent, sample, sample.tempered(tau), tau=tau, weight=eta, draws=draws)


def _with_reused_noise(
    cotangent: Tensor,
    sample: Sample,
    probs: Tensor,
    *,
    tau: Tensor | float,
    weight: Tensor | float,
    draws: int,
) -> Tensor:
    """The STGS term takes the G of the forward pass: f′(D) J_τ(θ_D + G), softmax(θ_D) = (probs + D)/2."""
    middle = (probs + sample.one_hot) / 2
    stgs = softmax_vjp(softmax((middle.log() + sample.gumbel) / tau), cotangent) / tau
    rao = conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, draws, sample.streams)
    return _base(cotangent, sample, middle) + weight * (rao - stgs)


def _with_matched_noise(
    cotangent: Tensor,
    sample: Sample,
    probs: Tensor,
    *,
    tau: Tensor | float,
    weight: Tensor | float,
    draws: int,
) -> Tensor:
    """The STGS term takes one draw of Y ~ θ_D + G | D: f′(D) J_τ(Y)."""
    middle = (probs + sample.one_hot) / 2
    stgs = conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, 1, sample.streams)
    rao = conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, draws, sample.streams)
    return _base(cotangent, sample, middle) + weight * (rao - stgs)


def _base(cotangent: Tensor, sample: Sample, middle: Tensor) -> Tensor:
    """2 ST(D, θ_D) − ½ ST(D, θ), both at τ = 1, with softmax(θ_D) = `middle`."""
    return 2 * softmax_vjp(middle, cotangent) - softmax_vjp(sample.probs, cotangent) / 2
