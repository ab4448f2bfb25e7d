"""What claims are made of: comparisons of estimates, and so many of several parts that must hold.

A part is a margin that a claim says is positive. It has one-sided bounds at any level, and a
claim's verdict, its interval and its p-values all come from these, so that they cannot contradict
each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.special import stdtr, stdtrit

_ROUNDING = 1e-12  # of a value: exact ones scatter no more
_ROUNDED = 1e-9  # of a margin: less is no difference from a limit


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error.

    Attributes:
        value: NaN where undefined; infinite where every run behind it diverged.
        error: its standard error; 0 where the value is exact, NaN where nothing tells.
        freedom: degrees of freedom of the error; infinite where the error is known.
        seeds: the values behind it, one a seed, where they are at hand.
    """

    value: float
    error: float = 0.0
    freedom: float = np.inf
    seeds: Mapping[int, float] = field(default_factory=dict, repr=False)

    @property
    def exact(self) -> bool:
        """Whether it scatters no more than rounding does."""
        lost = np.isinf(self.value) and not self.error > 0.0
        return bool(lost or self.error <= _ROUNDING * abs(self.value))

    def interval(self, coverage: float) -> tuple[float, float]:
        """Student-t interval, of equal tails; NaN where the error is unknown."""
        alpha = (1 - coverage) / 2
        return self.bound(alpha, -1.0), self.bound(alpha, 1.0)

    def bound(self, alpha: float, side: float) -> float:
        """The bound below (−1) or above (1) the value that fails with probability `alpha`."""
        if self.exact:
            return self.value
        # Of the tail itself: 1 − alpha would be 1 for the smallest levels.
        return float(self.value - side * stdtrit(self.freedom, alpha) * self.error)

    def tail(self, side: float) -> float:
        """P(T ≤ side · value / error): the p-value of one side; NaN where undefined."""
        if np.isnan(self.value) or not self.error > 0.0:
            return float("nan")
        return float(stdtr(self.freedom, side * self.value / self.error))


def over_seeds(values: Mapping[int, float]) -> Estimate:
    """The mean of a value a seed; of fewer than two seeds the error is unknown."""
    held = np.fromiter(values.values(), dtype=np.float64)
    if len(held) == 0:
        return Estimate(np.nan, np.nan)
    error = float(held.std(ddof=1) / np.sqrt(len(held))) if len(held) > 1 else np.nan
    return Estimate(float(held.mean()), error, float(len(held) - 1), values)


def combination(terms: Sequence[tuple[float, Estimate]], constant: float = 0.0) -> Estimate:
    """Σ weight · estimate + constant.

    Estimates that share at least two seeds are paired by these (paired t); others are independent,
    with degrees of freedom by Welch and Satterthwaite. Two estimates that agree in value and error
    to the last digit are one result under two names.
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
        estimate: as observed; NaN where undefined.
    """

    @property
    def estimate(self) -> float: ...

    def low(self, alpha: float) -> float:
        """The lower bound of the margin that fails with probability `alpha`."""

    def high(self, alpha: float) -> float:
        """The upper bound of the margin that fails with probability `alpha`."""

    def excess(self, alpha: float) -> float:
        """The upper bound of the margin less the smallest effect of interest: refuted if
        negative.
        """

    @property
    def holding(self) -> float:
        """The p-value of its not being positive: the smallest `alpha` with `low(alpha) > 0`."""

    @property
    def failing(self) -> float:
        """The p-value of its reaching that effect: the smallest `alpha` with a negative excess."""

    def detectable(self, alpha: float, power: float) -> float:
        """The margin at which `low(alpha) > 0` has the probability `power`; NaN where nothing
        scatters.
        """


@dataclass(frozen=True)
class Contrast:
    """A margin with a standard error, tested by t.

    Attributes:
        margin: said to be positive.
        beyond: the margin less the smallest effect of interest, which may be a share of an
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
            # Where nothing differs at all, as between two names of one computation, nothing is
            # ahead; a margin of the smallest effect itself is not below it.
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
    """That at least `needed` of these parts hold, as a margin: the `needed`-th largest of theirs.

    By partial conjunction (Benjamini and Heller, 2008), both ways: that so many hold has the
    p-value (n − k + 1) p₍ₖ₎, that so many fail that the rest is too few, k p₍ₙ₋ₖ₊₁₎. All of them (k
    = n) need no correction to hold, one of them none to fail. A part that is undefined counts
    neither for nor against.
    """

    parts: Sequence[Part]
    needed: int

    @property
    def estimate(self) -> float:
        # An undefined part is no reason to show no effect where the others decide.
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
        """The `needed`-th largest; NaN where there are not so many, or what decides is unknown."""
        if not 0 < self.needed <= len(values):
            return float("nan")
        found = sorted((_known(value, unknown) for value in values), reverse=True)[self.needed - 1]
        return (
            float("nan")
            if np.isinf(found) and not any(value == found for value in values)
            else found
        )


def every(parts: Sequence[Part]) -> AtLeast:
    """That all of these parts hold; of none, nothing can be said."""
    return AtLeast(parts, max(1, len(parts)))


def some(parts: Sequence[Part]) -> AtLeast:
    """That one of these parts holds."""
    return AtLeast(parts, 1)


def closed(estimate: Estimate) -> Estimate:
    """A margin from a limit that belongs to what is allowed: an exact value on it is inside."""
    on = estimate.exact and estimate.value == 0.0
    return Estimate(float(np.finfo(float).tiny)) if on else estimate


def opposite(part: Part) -> Part:
    """That a part fails: of so many, that too few hold."""
    if isinstance(part, AtLeast):
        return AtLeast([opposite(own) for own in part.parts], len(part.parts) - part.needed + 1)
    if isinstance(part, Contrast):
        return Contrast(combination([(-1.0, part.margin)]))
    raise TypeError(f"{type(part).__name__} has no opposite")


def undefined(part: Part) -> int:
    """How many of the parts that a claim is made of have no value."""
    if isinstance(part, AtLeast):
        return sum(undefined(own) > 0 for own in part.parts)
    return int(np.isnan(part.estimate))


def partial(p_values: Sequence[float], needed: int) -> float:
    """The p-value of at least `needed` statements with these p-values; an unknown one
    counts as 1.
    """
    if not 0 < needed <= len(p_values):
        return float("nan")
    if np.isnan(p_values).all():
        return float("nan")
    ordered = sorted(_known(p, 1.0) for p in p_values)
    return min(1.0, (len(p_values) - needed + 1) * ordered[needed - 1])


def _known(value: float, otherwise: float) -> float:
    return otherwise if np.isnan(value) else value
