"""Judging functions that compare values, or their ratios, with limits."""

from collections.abc import Callable

import numpy as np

from reinrelax.claims.decide import by_groups
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Group, Verdict
from reinrelax.claims.parts import Contrast, Estimate, Part, closed, combination, every

# Key of an end of a range to its inner side: above (1) or below (−1).
_SIDES = {"from": 1.0, "to": -1.0}


def above(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the mean of each method in `lower` is above `limit`."""
    limit = claim.number("limit")
    return by_groups(
        claim,
        evidence.sample(claim, worst=-np.inf),
        lambda group: every([_beyond(claim, combination([(1.0, v)], -limit)) for v in group.lower]),
        f"every mean lies above {limit:g}",
    )


def below(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the mean of each method in `lower` is below `limit`."""
    limit = claim.number("limit")
    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: every([_beyond(claim, combination([(-1.0, v)], limit)) for v in group.lower]),
        f"every mean lies below {limit:g}",
    )


def within(claim: Claim, evidence: Measurements) -> Verdict:
    """Judge whether every value lies between `from` and `to`."""

    def inside(value: Estimate) -> list[Contrast]:
        return _ends(claim, lambda end, side: combination([(side, value)], -side * end))

    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: every([part for value in group.lower for part in inside(value)]),
        f"every value lies {_range(claim)}",
    )


def ratio(claim: Claim, evidence: Evidence | Measurements) -> Verdict:
    """Judge whether every ratio of a `lower` to a `higher` value lies between `from` and `to`.

    The test uses the sign of `lower` − limit · `higher` (Fieller), so it does not need the
    distribution of a ratio. The margin is this difference divided by the value of `higher`. A ratio
    that is within the range by less than `smallest`, also a ratio, is near. If the range itself
    says which values count as equal, such as 0.9 to 1.1, `smallest` is 0.
    """

    def inside(lower: Estimate, higher: Estimate) -> list[Contrast]:
        unit = 1.0 / higher.value if higher.value else float("nan")
        return _ends(
            claim,
            lambda end, side: combination([(side * unit, lower), (-side * end * unit, higher)]),
        )

    def part(group: Group) -> Part:
        return every(
            [own for low in group.lower for high in group.higher for own in inside(low, high)]
        )

    return by_groups(claim, evidence.sample(claim), part, f"the quotient lies {_range(claim)}")


def _ends(claim: Claim, margin: Callable[[float, float], Estimate]) -> list[Contrast]:
    """Return how far a value is inside each end of the claim's range.

    An exact value at an end is inside, unless the claim has a smallest effect of interest.

    Args:
        claim: names the ends, `from` and `to`; one may be missing.
        margin: returns the margin for an end and its inner side: above (1) or below (−1).
    """
    smallest = claim.smallest
    ends = [(claim.number(key), side) for key, side in _SIDES.items() if key in claim.parameters]
    if not smallest:
        return [Contrast(closed(margin(end, side))) for end, side in ends]
    return [Contrast(margin(end, side), margin(end + side * smallest, side)) for end, side in ends]


def _beyond(claim: Claim, margin: Estimate) -> Contrast:
    smallest = claim.smallest
    return Contrast(margin, combination([(1.0, margin)], -smallest) if smallest else None)


def _range(claim: Claim) -> str:
    words = {"from": "at or above", "to": "at or below"}
    ends = [
        f"{word} {claim.number(key):g}" for key, word in words.items() if key in claim.parameters
    ]
    return " and ".join(ends)
