"""ReinMax-CV: ReinMax with a Gumbel-Softmax control variate, as printed, as run and in other
readings.

All have the form ReinMax + w η (Gumbel-Rao − STGS) with the two added terms at θ_D = log((π +
D)/2). They differ in how the two terms are made, in the factor w and in the temperature τ_D of the
π in θ_D; the list at the end names these for each.
"""

from collections.abc import Callable

from torch import Tensor

from reinrelax.core.numerics import softmax
from reinrelax.estimators.base import Pathwise, Sample, pathwise, softmax_vjp
from reinrelax.estimators.gumbel import conditional_softmax_vjp

# (cotangent, sample, softmax(θ_D), τ, K) to Gumbel-Rao − STGS, `[R, ..., C]`.
Difference = Callable[[Tensor, Sample, Tensor, Tensor | float, int], Tensor]


def as_printed(
    cotangent: Tensor, sample: Sample, probs_d: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """Difference whose STGS term takes the forward pass's G: f′(D) J_τ(θ_D + G), softmax(θ_D) =
    `probs_d`.
    """
    rao = conditional_softmax_vjp(cotangent, sample.one_hot, probs_d, tau, draws, sample.streams)
    return rao - _stgs_reused(cotangent, sample, probs_d, tau)


def as_run(
    cotangent: Tensor, sample: Sample, probs_d: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """Difference with the relaxed sample s = softmax((θ + G)/τ) where Algorithm 2 has G.

    τ is outside the softmax alone: f′(D) J₁(θ_D + s)/τ.
    """
    rao = conditional_softmax_vjp(cotangent, sample.one_hot, probs_d, tau, draws, sample.streams)
    relaxed = softmax((sample.log_probs + sample.gumbel) / tau)
    return rao - softmax_vjp(softmax(probs_d.log() + relaxed), cotangent) / tau


def matched(
    cotangent: Tensor, sample: Sample, probs_d: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """Difference whose STGS term takes one draw of Y ~ θ_D + G | D: f′(D) J_τ(Y)."""
    stgs = conditional_softmax_vjp(cotangent, sample.one_hot, probs_d, tau, 1, sample.streams)
    return (
        conditional_softmax_vjp(cotangent, sample.one_hot, probs_d, tau, draws, sample.streams)
        - stgs
    )


def differentiated(
    cotangent: Tensor, sample: Sample, probs_d: Tensor, tau: Tensor | float, draws: int
) -> Tensor:
    """Difference as printed, but the Gumbel-Rao term's derivative goes through Y's dependence on
    θ_D.
    """
    rao = conditional_softmax_vjp(
        cotangent, sample.one_hot, probs_d, tau, draws, sample.streams, through_y=True
    )
    return rao - _stgs_reused(cotangent, sample, probs_d, tau)


def base_term(cotangent: Tensor, sample: Sample, probs_d: Tensor) -> Tensor:
    """ReinMax by B, Eq. 16: 2 ST(D, θ_D) − ½ ST(D, θ), both at τ = 1, with softmax(θ_D) =
    `probs_d`.
    """
    return 2 * softmax_vjp(probs_d, cotangent) - softmax_vjp(sample.probs, cotangent) / 2


def _reading(
    name: str, equation: str, difference: Difference, factor: float, *, doc: str
) -> Pathwise:
    """ReinMax + `factor` η `difference` with π at τ = 1 in θ_D."""

    def vjp(
        cotangent: Tensor, sample: Sample, *, tau: Tensor | float, eta: Tensor | float, draws: int
    ) -> Tensor:
        return _reinmax_plus(difference, cotangent, sample, tau, 1.0, factor * eta, draws)

    return _named(vjp, name, equation, doc)


def _tempered(
    name: str, equation: str, difference: Difference, factor: float, *, doc: str
) -> Pathwise:
    """ReinMax + `factor` η `difference` with θ_D = log((π_τ + D)/2), as written after Eq. 16, at a
    τ = τ_D of its own: the base is ReinMax at τ_D.
    """

    def vjp(
        cotangent: Tensor,
        sample: Sample,
        *,
        tau: Tensor | float,
        tau_d: Tensor | float,
        eta: Tensor | float,
        draws: int,
    ) -> Tensor:
        return _reinmax_plus(difference, cotangent, sample, tau, tau_d, factor * eta, draws)

    return _named(vjp, name, equation, doc)


def _named(vjp: Callable[..., Tensor], name: str, equation: str, doc: str) -> Pathwise:
    vjp.__doc__, vjp.__name__ = doc, name.lower().replace("-", "_")
    return pathwise(name=name, equation=equation)(vjp)


def _reinmax_plus(
    difference: Difference,
    cotangent: Tensor,
    sample: Sample,
    tau: Tensor | float,
    tau_d: Tensor | float,
    weight: Tensor | float,
    draws: int,
) -> Tensor:
    probs_d = (sample.tempered(tau_d) + sample.one_hot) / 2
    added = difference(cotangent, sample, probs_d, tau, draws)
    return base_term(cotangent, sample, probs_d) + weight * added


def _stgs_reused(cotangent: Tensor, sample: Sample, probs_d: Tensor, tau: Tensor | float) -> Tensor:
    return softmax_vjp(softmax((probs_d.log() + sample.gumbel) / tau), cotangent) / tau


reinmax_cv = _reading(
    "ReinMax-CV",
    "B, Algorithm 2",
    as_printed,
    1,
    doc="""As printed (Eq. 18): f′(D) (2 J₁(θ_D) − η J_τ(θ_D + G) + η mean_k J_τ(Y_k) − ½ J₁(θ)),
    with the G that made D at θ, Y_k ~ θ_D + G | D and θ_D = log((π + D)/2).
    """,
)
reinmax_cv_run = _reading(
    "ReinMax-CV-run",
    "B's public code, ReinMax_ASC 756d566",
    as_run,
    1,
    doc="""As run for the paper's numbers: f′(D) (2 J₁(θ_D) − (η/τ) J₁(θ_D + s) + η mean_k J_τ(Y_k)
    − ½ J₁(θ)), where the relaxed sample s = softmax((θ + G)/τ) of the forward pass stands in the
    place of G.
    """,
)
reinmax_cv_exchanged = _reading(
    "ReinMax-CV-exchanged",
    "B, Eq. 18",
    as_printed,
    -1,
    doc="The signs of the two control variate terms exchanged.",
)
reinmax_cv_factor2 = _reading(
    "ReinMax-CV-factor2",
    "B, section 3.2",
    as_printed,
    2,
    doc="The substitution that section 3.2 describes: the terms inside 2 ST(D, θ_D), hence 2η.",
)
reinmax_cv_matched = _reading(
    "ReinMax-CV-matched",
    "B, Eq. 18",
    matched,
    1,
    doc="STGS with noise drawn at θ_D given D, so that the two terms have the same mean given D.",
)
reinmax_cv_differentiated = _reading(
    "ReinMax-CV-differentiated",
    "B, Eq. 18 and section 2.3",
    differentiated,
    1,
    doc=(
        "As printed, with the derivative through the conditional sample Y that section 2.3 leaves"
        " out."
    ),
)
reinmax_cv_tempered = _tempered(
    "ReinMax-CV-tempered",
    "B, Eq. 16 and 18",
    as_printed,
    1,
    doc=(
        "θ_D = log((π_τ + D)/2), as written after Eq. 16, with a τ of its own: the base is ReinMax"
        " at τ_D."
    ),
)
reinmax_cv_exchanged_tempered = _tempered(
    "ReinMax-CV-exchanged-tempered",
    "B, Eq. 16 and 18",
    as_printed,
    -1,
    doc="Both the exchanged signs and τ_D in θ_D.",
)
reinmax_cv_matched_tempered = _tempered(
    "ReinMax-CV-matched-tempered",
    "B, Eq. 16 and 18",
    matched,
    1,
    doc="Both the matched noise and τ_D in θ_D.",
)
