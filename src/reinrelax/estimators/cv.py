"""ReinMax-CV: ReinMax with a Gumbel-Softmax control variate, as printed and in the readings it admits.

All have the form ReinMax + w (Gumbel-Rao − STGS) with the two added terms at θ_D = log((π + D)/2). They
differ in the weight w, in the temperature τ_D of the π in θ_D, and in how the two added terms are made.
"""

from collections.abc import Callable

from torch import Tensor

from reinrelax.estimators.base import Sample, pathwise, softmax_vjp
from reinrelax.estimators.gumbel import conditional_softmax_vjp
from reinrelax.numerics import softmax

# (cotangent, sample, softmax(θ_D), τ, K) to Gumbel-Rao − STGS, `[R, ..., C]`.
Difference = Callable[[Tensor, Sample, Tensor, Tensor | float, int], Tensor]


@pathwise(name="ReinMax-CV", equation="B, Algorithm 2")
def reinmax_cv(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """As printed (Eq. 18): f′(D) (2 J₁(θ_D) − η J_τ(θ_D + G) + η mean_k J_τ(Y_k) − ½ J₁(θ)), with the G that
    made D at θ, Y_k ~ θ_D + G | D and θ_D = log((π + D)/2).
    """
    return _reinmax_plus(as_printed, cotangent, sample, tau, 1.0, eta, draws)


@pathwise(name="ReinMax-CV-exchanged", equation="B, Eq. 18")
def reinmax_cv_exchanged(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """The signs of the two control variate terms exchanged."""
    return _reinmax_plus(as_printed, cotangent, sample, tau, 1.0, -eta, draws)


@pathwise(name="ReinMax-CV-factor2", equation="B, section 3.2")
def reinmax_cv_factor2(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """The substitution that section 3.2 describes: the terms inside 2 ST(D, θ_D), hence 2η."""
    return _reinmax_plus(as_printed, cotangent, sample, tau, 1.0, 2 * eta, draws)


@pathwise(name="ReinMax-CV-matched", equation="B, Eq. 18")
def reinmax_cv_matched(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """STGS with noise drawn at θ_D given D, so that the two terms have the same mean given D."""
    return _reinmax_plus(matched, cotangent, sample, tau, 1.0, eta, draws)


@pathwise(name="ReinMax-CV-differentiated", equation="B, Eq. 18 and section 2.3")
def reinmax_cv_differentiated(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
) -> Tensor:
    """As printed, with the derivative through the conditional sample Y that section 2.3 leaves out."""
    return _reinmax_plus(differentiated, cotangent, sample, tau, 1.0, eta, draws)


@pathwise(name="ReinMax-CV-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_tempered(
    cotangent: Tensor,
    sample: Sample,
    *,
    tau: Tensor | float,
    tau_d: Tensor | float,
    eta: Tensor | float,
    draws: int,
) -> Tensor:
    """θ_D = log((π_τ + D)/2), as written after Eq. 16, with a τ of its own: the base is ReinMax at τ_D."""
    return _reinmax_plus(as_printed, cotangent, sample, tau, tau_d, eta, draws)


@pathwise(name="ReinMax-CV-exchanged-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_exchanged_tempered(
    cotangent: Tensor,
    sample: Sample,
    *,
    tau: Tensor | float,
    tau_d: Tensor | float,
    eta: Tensor | float,
    draws: int,
) -> Tensor:
    """Both the exchanged signs and τ_D in θ_D."""
    return _reinmax_plus(as_printed, cotangent, sample, tau, tau_d, -eta, draws)


@pathwise(name="ReinMax-CV-matched-tempered", equation="B, Eq. 16 and 18")
def reinmax_cv_matched_tempered(
    cotangent: Tensor,
    sample: Sample,
    *,
    tau: Tensor | float,
    tau_d: Tensor | float,
    eta: Tensor | float,
    draws: int,
) -> Tensor:
    """Both the matched noise and τ_D in θ_D."""
    return _reinmax_plus(matched, cotangent, sample, tau, tau_d, eta, draws)


def as_printed(cotangent: Tensor, sample: Sample, middle: Tensor, tau: Tensor | float, draws: int) -> Tensor:
    """The STGS term takes the G of the forward pass: f′(D) J_τ(θ_D + G), softmax(θ_D) = `middle`."""
    rao = conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, draws, sample.streams)
    return rao - _stgs_reused(cotangent, sample, middle, tau)


def matched(cotangent: Tensor, sample: Sample, middle: Tensor, tau: Tensor | float, draws: int) -> Tensor:
    """The STGS term takes one draw of Y ~ θ_D + G | D: f′(D) J_τ(Y)."""
    stgs = conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, 1, sample.streams)
    return conditional_softmax_vjp(cotangent, sample.one_hot, middle, tau, draws, sample.streams) - stgs


def differentiated(
    cotangent: Tensor, sample: Sample, middle: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """As printed, but the Gumbel-Rao term's derivative goes through Y's dependence on θ_D."""
    rao = conditional_softmax_vjp(
        cotangent, sample.one_hot, middle, tau, draws, sample.streams, through_y=True
    )
    return rao - _stgs_reused(cotangent, sample, middle, tau)


def base_term(cotangent: Tensor, sample: Sample, middle: Tensor) -> Tensor:
    """2 ST(D, θ_D) − ½ ST(D, θ), both at τ = 1, with softmax(θ_D) = `middle`: ReinMax (B, Eq. 16)."""
    return 2 * softmax_vjp(middle, cotangent) - softmax_vjp(sample.probs, cotangent) / 2


def _reinmax_plus(
    difference: Difference,
    cotangent: Tensor,
    sample: Sample,
    tau: Tensor | float,
    tau_d: Tensor | float,
    weight: Tensor | float,
    draws: int,
) -> Tensor:
    middle = (sample.tempered(tau_d) + sample.one_hot) / 2
    added = difference(cotangent, sample, middle, tau, draws)
    return base_term(cotangent, sample, middle) + weight * added


def _stgs_reused(cotangent: Tensor, sample: Sample, middle: Tensor, tau: Tensor | float) -> Tensor:
    return softmax_vjp(softmax((middle.log() + sample.gumbel) / tau), cotangent) / tau
