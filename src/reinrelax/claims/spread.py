"""Judging functions on the scatter of runs over seeds."""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtr, fdtrc, fdtri

from reinrelax.claims.decide import by_groups
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.model import Claim, Verdict
from reinrelax.claims.parts import AtLeast, Estimate, every
from reinrelax.claims.printed_numbers import DIVERGED, in_words, of_cell
from reinrelax.core import stats


def scatters_alike(claim: Claim, evidence: Evidence) -> Verdict:
    """Compare the standard deviation over seeds of one cell with that implied by the printed ±.

    The latter is √n times the ±, converted to a sample standard deviation. The test uses the F
    interval of the ratio of two standard deviations, and the margins are factors. One seed that
    does not learn makes the interval too narrow, and also changes the ratio itself.
    """
    assert claim.published is not None  # the schema requires a reference table
    number, rule, place = claim.published, claim.rule, (claim.lower[0], claim.places[0])
    ours = list(evidence.values(place, claim.metric).values())
    within, near = rule["spread_within"], rule["spread_near"]

    def quotient(coverage: float) -> stats.Interval:
        return stats.spread_ratio_interval(ours, number.std, number.seeds, coverage)

    def logarithms(coverage: float) -> tuple[float, float]:
        found = quotient(coverage)
        return float(np.log(found.low)), float(np.log(found.high))

    verdict, reason, coverage = of_cell(
        claim, evidence, logarithms, float(np.log(within)), float(np.log(near))
    )
    found = quotient(coverage)
    return Verdict(
        claim,
        verdict,
        in_words("the quotient", f"a factor of {within:g}", f"a factor of {near:g}", rule)
        + DIVERGED,
        effect=found.estimate,
        low=found.low,
        high=found.high,
        coverage=coverage,
        smallest=within,
        seeds=len(ours),
        diverged=len(evidence.diverged(place)),
        reason=reason,
        jobs=evidence.jobs([place]),
    )


def scatters_more(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the standard deviation of `higher` exceeds `times` that of most of `lower`.

    `smallest` is a factor: a ratio above `times` by less than this factor is near.
    """
    times, beyond = claim.number("times"), float(claim.parameters.get("smallest", 1.0))
    most = len(claim.lower) // 2 + 1
    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: every(
            [
                AtLeast([Deviations(high, low, times, beyond) for low in group.lower], most)
                for high in group.higher
            ]
        ),
        f"the standard deviation over seeds is more than {times:g} times that of at least {most}"
        f" of the {len(claim.lower)} others, by F tests (margin: log)",
    )


@dataclass(frozen=True)
class Deviations:
    """The condition that one standard deviation is more than `times` another, by an F test.

    The margin is a logarithm. The F distribution is that of normal values: one seed that does not
    learn makes the test overconfident.

    Attributes:
        beyond: the smallest effect of interest, as a factor above `times`.
    """

    one: Estimate
    other: Estimate
    times: float
    beyond: float = 1.0

    @property
    def estimate(self) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            spreads = [
                np.log(np.std(list(e.seeds.values()), ddof=1)) if len(e.seeds) > 1 else np.nan
                for e in self._both
            ]
        return float(spreads[0] - spreads[1] - np.log(self.times))

    def low(self, alpha: float) -> float:
        return self.estimate - self._upper(alpha)

    def high(self, alpha: float) -> float:
        return self.estimate - self._lower(alpha)

    def excess(self, alpha: float) -> float:
        return self.high(alpha) - float(np.log(self.beyond))

    @property
    def holding(self) -> float:
        return float(fdtrc(*self._freedom, np.exp(2 * self.estimate)))

    @property
    def failing(self) -> float:
        return float(fdtr(*self._freedom, np.exp(2 * self.estimate) / self.beyond**2))

    def detectable(self, alpha: float, power: float) -> float:
        return self._upper(alpha) - self._upper(power)

    @property
    def _both(self) -> tuple[Estimate, Estimate]:
        return self.one, self.other

    @property
    def _freedom(self) -> tuple[int, int]:
        return len(self.one.seeds) - 1, len(self.other.seeds) - 1

    def _lower(self, level: float) -> float:
        """Return the `level` quantile of the log ratio of two equal deviations."""
        return float(np.log(fdtri(*self._freedom, level)) / 2)

    def _upper(self, level: float) -> float:
        """Return the value that this log ratio exceeds with probability `level`."""
        return -float(np.log(fdtri(*self._freedom[::-1], level)) / 2)
