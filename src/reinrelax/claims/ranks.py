"""Judging functions on ranks: the agreement of a whole order, and a gain that grows with size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinrelax.claims.decide import by_part
from reinrelax.claims.evidence import Evidence, smallest
from reinrelax.claims.model import Claim, Floats, Verdict
from reinrelax.claims.parts import Contrast, Estimate, combination
from reinrelax.core.types import LatentShape

# A correlation at its limit counts as within.
_AT_LIMIT = 1e-9
# Definitions of the size of a latent space.
SIZES: Mapping[str, Callable[[LatentShape], float]] = {
    "categories": lambda shape: float(shape.categories),
    "latents": lambda shape: float(shape.latents),
    "codes": lambda shape: float(shape.categories * shape.latents),
}


def agrees(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the order of the means of `lower` agrees with their order in the claim.

    The orders agree if their rank correlation is at least `from`.
    """
    least, place, sample = claim.number("from"), claim.places[0], evidence.sample(claim)
    values = sample.groups[0].lower
    ranking = Ranking(
        values,
        sample.groups[0].at,
        least,
        [smallest(claim, place, low, high) for low, high in combinations(claim.lower, 2)],
    )
    return by_part(
        claim,
        sample,
        ranking,
        f"Spearman’s rank correlation with the printed order is {least:g} or more",
    )


def gains(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the lead of `lower` over `higher` grows with the latent space.

    The first method of each side is compared.
    """
    most, size = claim.number("to"), SIZES[str(claim.parameters["by"])]
    sample = evidence.sample(claim)
    # Sort by size, so that the later of two should have the larger lead.
    sized = sorted(
        (
            (size(LatentShape.parse(place)), group)
            for place, group in zip(claim.places, sample.groups, strict=True)
        ),
        key=lambda pair: pair[0],
    )
    ahead = [combination([(1.0, group.higher[0]), (-1.0, group.lower[0])]) for _, group in sized]
    limits = [claim.smallest] * (len(ahead) * (len(ahead) - 1) // 2)
    return by_part(
        claim,
        sample,
        Ranking(ahead, [own for own, _ in sized], -most, limits),
        f"the rank correlation of the difference with {claim.parameters['by']} is {most:g} or less",
    )


@dataclass(frozen=True)
class Ranking:
    """The condition that the rank correlation of means with an order is at least `least`.

    At each level, t tests with Bonferroni's correction for the number of pairs separate some pairs
    of means. The true order is then one of those orders, including ties, that contradict none of
    these pairs. The margin's bounds are the least and greatest correlation of these orders.

    Attributes:
        values: the means.
        order: coordinates with which the ranks should correlate.
        least: the required correlation.
        smallest: the smallest effect of interest of each pair i < j; a pair whose difference is
            shown to be below it does not count as ordered.
    """

    values: Sequence[Estimate]
    order: Sequence[float]
    least: float
    smallest: Sequence[float] = ()

    @property
    def estimate(self) -> float:
        values = np.array([value.value for value in self.values])
        if np.isnan(values).any():
            return float("nan")
        return float(_spearman(_ranks(values)[None], self.order)[0]) - self.least + _AT_LIMIT

    def low(self, alpha: float) -> float:
        return float(self._correlations(alpha, tied=False).min())

    def high(self, alpha: float) -> float:
        return float(self._correlations(alpha, tied=False).max())

    def excess(self, alpha: float) -> float:
        return min(self.high(alpha), float(self._correlations(alpha, tied=True).max()))

    @property
    def holding(self) -> float:
        return self._level(lambda alpha: self.low(alpha) > 0.0)

    @property
    def failing(self) -> float:
        return self._level(lambda alpha: self.excess(alpha) < 0.0)

    def detectable(self, alpha: float, power: float) -> float:
        return float("nan")

    def _correlations(self, alpha: float, tied: bool) -> Floats:
        """Return the margins of all orders that the pairs allow at a level.

        Args:
            alpha: the level for all pairs together.
            tied: whether to exclude orders by pairs that are shown not to be ordered, by the
                smallest effect of interest, instead of by pairs that are shown to be ordered.
        """
        if np.isnan(self.estimate):
            return np.array([np.nan])
        correlations, signs = _weak_orders(len(self.values), tuple(self.order))
        share = alpha / 2 / max(1, len(self._pairs))
        allowed = np.ones(len(correlations), dtype=bool)
        for column, pair in enumerate(self._pairs):
            if pair.high(share) < 0.0:
                allowed &= signs[column] < 0
            elif tied and pair.excess(share) < 0.0:
                allowed &= signs[column] <= 0
            elif not tied and pair.low(share) > 0.0:
                allowed &= signs[column] > 0
        if not allowed.any():  # pairs that contradict each other separate nothing
            return np.array([self.estimate])
        return correlations[allowed] - self.least + _AT_LIMIT

    @cached_property
    def _pairs(self) -> list[Contrast]:
        """By how much the later mean of each pair exceeds the earlier one."""
        limits = self.smallest or [0.0] * (len(self.values) * (len(self.values) - 1) // 2)
        out = []
        for (one, other), limit in zip(combinations(self.values, 2), limits, strict=True):
            terms = [(1.0, other), (-1.0, one)]
            out.append(Contrast(combination(terms), combination(terms, -limit) if limit else None))
        return out

    def _level(self, shown: Callable[[float], bool]) -> float:
        """Return the smallest level at which a condition is shown.

        It is one of the levels at which a pair is separated.
        """
        tests = [
            p
            for pair in self._pairs
            for p in (pair.holding, pair.failing, Contrast(pair.margin).failing)
            if not np.isnan(p)
        ]
        # Exactly at its p-value a pair may not be separated: rounding is coarse far out in a tail.
        levels = sorted({min(1.0, 2 * len(self._pairs) * p * (1 + 1e-6) + 1e-300) for p in tests})
        if not levels or not shown(levels[-1]):
            return float("nan") if np.isnan(self.estimate) else 1.0
        first, last = 0, len(levels) - 1
        while first < last:
            middle = (first + last) // 2
            first, last = (first, middle) if shown(levels[middle]) else (middle + 1, last)
        return levels[first]


def _ranks(values: NDArray[Any]) -> Floats:
    """Return ranks from 1 along the last axis, `[..., n]`; ties share their mean rank.

    They equal those of scipy.stats, whose import takes longer than judging all claims.
    """
    one, other = values[..., :, None], values[..., None, :]
    out: Floats = (other < one).sum(-1) + ((other == one).sum(-1) + 1) / 2
    return out


def _spearman(ranks: Floats, order: Sequence[float]) -> Floats:
    """Return the rank correlation of each row of `ranks` `[S, n]` with `order` `[n]`.

    It is 0 for a row in which all values are tied.
    """
    wanted = _ranks(np.array(order))
    ranks, wanted = ranks - ranks.mean(-1, keepdims=True), wanted - wanted.mean()
    norms = np.sqrt((ranks**2).sum(-1) * (wanted**2).sum())
    out: Floats = np.divide(
        (ranks * wanted).sum(-1), norms, out=np.zeros(len(ranks)), where=norms > 0
    )
    return out


@cache
def _weak_orders(count: int, order: tuple[float, ...]) -> tuple[Floats, NDArray[np.int8]]:
    """Enumerate all orders of `count` items, including those with ties.

    Returns:
        The rank correlation of each with `order`, `[S]`, and the sign of rank j − rank i of each
            pair i < j, `[pairs, S]`.
    """
    places = np.indices((count,) * count, dtype=np.int8).reshape(count, -1).T
    used = sum((places == place).any(-1).astype(np.int8) for place in range(count))
    places = places[used == places.max(-1) + 1]
    first, second = (np.array(side) for side in zip(*combinations(range(count), 2), strict=True))
    signs = np.ascontiguousarray(np.sign(places[:, second] - places[:, first]).T)
    return _spearman(_ranks(places), order), signs
