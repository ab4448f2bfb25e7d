"""The two terms that ReinMax-CV adds: their effect on mean and variance (B, section 3.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from reinrelax.estimators import reinmax_cv_family
from reinrelax.estimators.base import Sample, softmax_vjp
from reinrelax.experiments.gradients import bias
from reinrelax.experiments.gradients.bias import Quantity, moments, with_interval

READINGS = {
    "as printed": reinmax_cv_family.as_printed,
    "matched": reinmax_cv_family.matched,
    "differentiated": reinmax_cv_family.differentiated,
}
# The quantities of `bias.quantities` that are reported for each η.
_FOR_ETA = ("cosine", "variance", "relative_bias")


@dataclass(frozen=True)
class Terms:
    """The parts of ReinMax-CV, N draws of each, `[N, B, L·C]`.

    Attributes:
        first: ST(D, θ_D), the term whose variance the control variate is meant to reduce.
        reinmax: 2 ST(D, θ_D) − ½ ST(D, θ).
        added: Gumbel-Rao − STGS at θ_D; ReinMax-CV is `reinmax` + η `added`.
    """

    first: Tensor
    reinmax: Tensor
    added: Tensor


def terms(
    difference: reinmax_cv_family.Difference, slope: Tensor, sample: Sample, tau: float, draws: int
) -> Terms:
    """Return the parts for draws `[1, N, B, L, C]` and slopes f′(D) of the same shape."""
    probs_d = (sample.probs + sample.one_hot) / 2
    parts = (
        softmax_vjp(probs_d, slope),
        reinmax_cv_family.base_term(slope, sample, probs_d),
        difference(slope, sample, probs_d, tau, draws),
    )
    return Terms(*(part[0].flatten(-2) for part in parts))


def quantities(
    terms: Terms, etas: Sequence[float], truth: Tensor, weights: Tensor
) -> Iterator[tuple[float | None, Quantity]]:
    """Yield quantities with bootstrap intervals, first without η, then for each η.

    Variances and covariances are traces over the whole batch. Without η:
        correlation: of `first` and `added`.
        covariance_relative: their covariance over the variance of `first`.
        best_eta: the η of least variance, −Cov(reinmax, added)/Var(added).
        mean_relative: ‖E added‖ over ‖E reinmax‖, corrected for the noise of the means.
    With η: cosine, variance and relative_bias as in `bias.quantities`, and
        variance_ratio: variance over ReinMax's.
        bias_added: ‖η E added‖ over the norm of the exact gradient, corrected for the mean's noise.
    """
    first, base, added = (part - part.mean(0) for part in (terms.first, terms.reinmax, terms.added))

    def covariance(a: Tensor, b: Tensor) -> Tensor:
        # The shift of a resampled mean is smaller by a factor of order 1/N, and is neglected.
        return weights @ (a * b).sum((-2, -1))

    of_first, of_base, of_added = (
        covariance(first, first),
        covariance(base, base),
        covariance(added, added),
    )
    both, base_added = covariance(first, added), covariance(base, added)
    shift = _norm_of_mean(terms.added, weights)
    yield None, with_interval("correlation", both / (of_first * of_added).sqrt())
    yield None, with_interval("covariance_relative", both / of_first)
    yield None, with_interval("best_eta", -base_added / of_added)
    yield (
        None,
        with_interval(
            "mean_relative", shift / _norm_of_mean(terms.reinmax, weights), _no_less_than_0
        ),
    )
    for eta in etas:
        found = bias.quantities(terms.reinmax + eta * terms.added, truth, weights)
        yield from ((eta, quantity) for quantity in found if quantity.name in _FOR_ETA)
        ratio = (of_base + 2 * eta * base_added + eta**2 * of_added) / of_base
        yield eta, with_interval("variance_ratio", ratio)
        yield eta, with_interval("bias_added", abs(eta) * shift / truth.norm(), _no_less_than_0)


def _no_less_than_0(norm: float) -> float:
    """Clip at 0: an interval centred on a norm near zero may extend below it."""
    return max(norm, 0.0)


def _norm_of_mean(part: Tensor, weights: Tensor) -> Tensor:
    """Return the norm of the mean of `[N, B, D]` in each set, `[1 + S]`, corrected for noise."""
    found = moments(part, weights)
    noise = found.variance.sum((-2, -1)) / (len(part) - 1)
    noise[1:] *= 2
    return (found.mean.square().sum((-2, -1)) - noise).clamp_(min=0).sqrt()
