"""Parts of claims: comparisons of estimates, and conditions on how many of them must hold.

A part is a margin that a claim says is positive. It has one-sided bounds at any level. The verdict,
interval and p-values of a claim all derive from these bounds, so they cannot contradict each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.special import stdtr, stdtrit

_ROUNDING = 1e-12  # relative to a value: an exact one scatters no more than this
_ROUNDED = 1e-9  # relative to a margin: a smaller difference from a limit does not count


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error.

    Attributes:
        value: NaN if undefined; infinite if every run behind it diverged.
        error: the standard error; 0 if the value is exact, NaN if the error is unknown.
        freedom: degrees of freedom of the error; infinite if the error is known exactly.
        seeds: the underlying values by seed, where available.
    """

    value: float
    error: float = 0.0
    freedom: float = np.inf
    seeds: Mapping[int, float] = field(default_factory=dict, repr=False)

    @property
    def exact(self) -> bool:
        """True if the value scatters no more than by rounding."""
        lost = np.isinf(self.value) and not self.error > 0.0
        return bool(lost or self.error <= _ROUNDING * abs(self.value))

    def interval(self, coverage: float) -> tuple[float, float]:
        """Return the equal-tailed Student t interval; NaN if the error is unknown."""
        alpha = (1 - coverage) / 2
        return self.bound(alpha, -1.0), self.bound(alpha, 1.0)

    def bound(self, alpha: float, side: float) -> float:
        """Return the bound below (`side` −1) or above (1) that fails with probability `alpha`."""
        if self.exact:
            return self.value
        # Use the tail probability itself: 1 − alpha would round to 1 at the smallest levels.
        return float(self.value - side * stdtrit(self.freedom, alpha) * self.error)

    def tail(self, side: float) -> float:
        """Return P(T ≤ side · value / error), the one-sided p-value; NaN if undefined."""
        if np.isnan(self.value) or not self.error > 0.0:
            return float("nan")
        return float(stdtr(self.freedom, side * self.value / self.error))


def over_seeds(values: Mapping[int, float]) -> Estimate:
    """Return the mean of one value per seed; its error is unknown for fewer than two seeds."""
    held = np.fromiter(values.values(), dtype=np.float64)
    if len(held) == 0:
        return Estimate(np.nan, np.nan)
    error = float(held.std(ddof=1) / np.sqrt(len(held))) if len(held) > 1 else np.nan
    return Estimate(float(held.mean()), error, float(len(held) - 1), values)


def combination(terms: Sequence[tuple[float, Estimate]], constant: float = 0.0) -> Estimate:
    """Return Σ weight · estimate + constant.

    Estimates that share at least two seeds are paired by them (paired t). Otherwise they are
    treated as independent, with degrees of freedom by Welch and Satterthwaite. Two estimates that
    agree in value and error to the last digit are one result under two names.
    """
    shared = set.intersection(*(set(estimate.seeds) for _, estimate in terms)) if terms else set()
    if len(shared) > 1 and len(terms) > 1:
        order = sorted(shared)
        values = (
            sum(weight * np.array([e.seeds[seed] for seed in order]) for weight, e in terms)
            + constant
        )
        return over_seeds(dict(zip(order, np.asarray(values).tolist(), strict=True)))
    weights: dict[tuple[float, float, float], float] = {}
    for weight, estimate in terms:
        key = (estimate.value, estimate.error, estimate.freedom)
        weights[key] = weights.get(key, 0.0) + weight
    with np.errstate(invalid="ignore"):
        value = float(
            np.sum([weight * key[0] for key, weight in weights.items() if weight != 0.0]) + constant
        )
    parts = [((weight * key[1]) ** 2, key[2]) for key, weight in weights.items() if weight != 0.0]
    variance = sum(part for part, _ in parts)
    if not variance > 0.0:  # exact, or unknown
        return Estimate(value, float(np.sqrt(variance)))
    curvature = sum(part**2 / freedom for part, freedom in parts)
    return Estimate(
        value, float(np.sqrt(variance)), float(variance**2 / curvature) if curvature else np.inf
    )


class Part(Protocol):
    """A margin that is said to be positive.

    Attributes:
        estimate: the observed margin; NaN if undefined.
    """

    @property
    def estimate(self) -> float: ...

    def low(self, alpha: float) -> float:
        """Return the lower bound of the margin that fails with probability `alpha`."""

    def high(self, alpha: float) -> float:
        """Return the upper bound of the margin that fails with probability `alpha`."""

    def excess(self, alpha: float) -> float:
        """Return the upper bound of the margin minus the smallest effect of interest.

        A negative value refutes the part.
        """

    @property
    def holding(self) -> float:
        """The p-value against “not positive”: the smallest `alpha` with `low(alpha) > 0`."""

    @property
    def failing(self) -> float:
        """The p-value against “at least the smallest effect of interest”.

        It is the smallest `alpha` with `excess(alpha) < 0`.
        """

    def detectable(self, alpha: float, power: float) -> float:
        """Return the margin at which `low(alpha) > 0` has probability `power`.

        It is NaN if nothing scatters.
        """


@dataclass(frozen=True)
class Contrast:
    """A margin with a standard error, tested by a t test.

    Attributes:
        margin: the margin that is said to be positive.
        beyond: the margin minus the smallest effect of interest, which can be a share of an
            estimate; None: the margin itself.
    """

    margin: Estimate
    beyond: Estimate | None = None

    @property
    def estimate(self) -> float:
        return self.margin.value

    def low(self, alpha: float) -> float:
        return self.margin.bound(alpha, -1.0)

    def high(self, alpha: float) -> float:
        return self.margin.bound(alpha, 1.0)

    def excess(self, alpha: float) -> float:
        return (self.beyond or self.margin).bound(alpha, 1.0)

    @property
    def holding(self) -> float:
        if self.margin.exact:
            return 0.0 if self.margin.value > 0.0 else 1.0
        return self.margin.tail(-1.0)

    @property
    def failing(self) -> float:
        beyond = self.beyond or self.margin
        if beyond.exact:
            # If nothing differs at all, as between two names of one computation, neither side is
            # ahead. A margin equal to the smallest effect is not below it.
            return (
                0.0
                if self.margin.value <= 0.0 or beyond.value < -_ROUNDED * self.margin.value
                else 1.0
            )
        return beyond.tail(1.0)

    def detectable(self, alpha: float, power: float) -> float:
        if self.margin.exact or not np.isfinite(self.margin.error):
            return float("nan")
        freedom = self.margin.freedom
        return float((stdtrit(freedom, power) - stdtrit(freedom, alpha)) * self.margin.error)


@dataclass(frozen=True)
class AtLeast:
    """The condition that at least `needed` of these parts hold.

    Its margin is the `needed`-th largest. The p-values are those of partial conjunction tests
    (Benjamini and Heller, 2008): (n − k + 1) p₍ₖ₎ for at least k parts holding, and k p₍ₙ₋ₖ₊₁₎ for
    enough parts failing that fewer than k are left. If all parts are needed (k = n), holding needs
    no correction; if one is needed, failing needs none. An undefined part counts neither for nor
    against.
    """

    parts: Sequence[Part]
    needed: int

    @property
    def estimate(self) -> float:
        # Show the effect despite undefined parts if the others decide.
        return self._largest([part.estimate for part in self.parts], -np.inf)

    def low(self, alpha: float) -> float:
        share = alpha / max(1, len(self.parts) - self.needed + 1)
        return self._largest([part.low(share) for part in self.parts], -np.inf)

    def high(self, alpha: float) -> float:
        return self._largest(
            [part.high(alpha / max(1, self.needed)) for part in self.parts], np.inf
        )

    def excess(self, alpha: float) -> float:
        return self._largest(
            [part.excess(alpha / max(1, self.needed)) for part in self.parts], np.inf
        )

    @property
    def holding(self) -> float:
        return partial([part.holding for part in self.parts], self.needed)

    @property
    def failing(self) -> float:
        return partial([part.failing for part in self.parts], len(self.parts) - self.needed + 1)

    def detectable(self, alpha: float, power: float) -> float:
        if not 0 < self.needed <= len(self.parts):
            return float("nan")
        share = alpha / (len(self.parts) - self.needed + 1)
        found = [part.detectable(share, power) for part in self.parts]
        order = np.argsort(
            [-_known(part.low(share), -np.inf) for part in self.parts], kind="stable"
        )
        return found[int(order[self.needed - 1])]

    def _largest(self, values: Sequence[float], unknown: float) -> float:
        """Return the `needed`-th largest value.

        It is NaN if there are too few values, or if an unknown one decides.
        """
        if not 0 < self.needed <= len(values):
            return float("nan")
        found = sorted((_known(value, unknown) for value in values), reverse=True)[self.needed - 1]
        return (
            float("nan")
            if np.isinf(found) and not any(value == found for value in values)
            else found
        )


def every(parts: Sequence[Part]) -> AtLeast:
    """Return the condition that all of these parts hold; it is undefined if there are none."""
    return AtLeast(parts, max(1, len(parts)))


def some(parts: Sequence[Part]) -> AtLeast:
    """Return the condition that at least one of these parts holds."""
    return AtLeast(parts, 1)


def closed(estimate: Estimate) -> Estimate:
    """Return a margin from a limit that is itself allowed: an exact value on it is inside."""
    on = estimate.exact and estimate.value == 0.0
    return Estimate(float(np.finfo(float).tiny)) if on else estimate


def opposite(part: Part) -> Part:
    """Return the condition that a part fails; for `AtLeast`, that too few of its parts hold."""
    if isinstance(part, AtLeast):
        return AtLeast([opposite(own) for own in part.parts], len(part.parts) - part.needed + 1)
    if isinstance(part, Contrast):
        return Contrast(combination([(-1.0, part.margin)]))
    raise TypeError(f"{type(part).__name__} has no opposite")


def undefined(part: Part) -> int:
    """Return how many of the parts of a claim have no value."""
    if isinstance(part, AtLeast):
        return sum(undefined(own) > 0 for own in part.parts)
    return int(np.isnan(part.estimate))


def partial(p_values: Sequence[float], needed: int) -> float:
    """Return the p-value for at least `needed` true statements; an unknown p-value counts as 1."""
    if not 0 < needed <= len(p_values):
        return float("nan")
    if np.isnan(p_values).all():
        return float("nan")
    ordered = sorted(_known(p, 1.0) for p in p_values)
    return min(1.0, (len(p_values) - needed + 1) * ordered[needed - 1])


def _known(value: float, otherwise: float) -> float:
    return otherwise if np.isnan(value) else value
