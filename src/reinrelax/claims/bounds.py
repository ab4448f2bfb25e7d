"""Judging functions that hold values, or their quotients, against limits."""

from collections.abc import Callable

import numpy as np

from reinrelax.claims.decide import by_groups
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Group, Verdict
from reinrelax.claims.parts import Contrast, Estimate, Part, closed, combination, every


def above(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the mean of every one of `lower` lies above `limit`."""
    limit = claim.number("limit")
    return by_groups(
        claim,
        evidence.sample(claim, worst=-np.inf),
        lambda group: every([_beyond(claim, combination([(1.0, v)], -limit)) for v in group.lower]),
        f"every mean lies above {limit:g}",
    )


def below(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the mean of every one of `lower` lies below `limit`."""
    limit = claim.number("limit")
    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: every([_beyond(claim, combination([(-1.0, v)], limit)) for v in group.lower]),
        f"every mean lies below {limit:g}",
    )


def within(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether every value lies between `from` and `to`."""

    def inside(value: Estimate) -> list[Part]:
        return _ends(claim, lambda end, side: combination([(side, value)], -side * end))

    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: every([part for value in group.lower for part in inside(value)]),
        f"every value lies {_range(claim)}",
    )


def ratio(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether the value of `lower` over that of `higher` lies between `from` and `to`.

    By the sign of `lower` − limit · `higher` (Fieller), which needs no law of a quotient; the margin is
    that over the value of `higher`.
    """

    def part(group: Group) -> Part:
        lower, higher = group.lower[0], group.higher[0]
        unit = 1.0 / higher.value if higher.value else float("nan")
        return every(
            _ends(claim, lambda end, side: combination([(side * unit, lower), (-side * end * unit, higher)]))
        )

    return by_groups(claim, evidence.sample(claim), part, f"the quotient lies {_range(claim)}")


def _ends(claim: Claim, margin: Callable[[float, float], Estimate]) -> list[Part]:
    """How far a value is inside either end of the claim's range, as far as it has one; an end is inside.

    Args:
        claim: names the ends.
        margin: from an end and which side of it is inside, above (1) or below (−1).
    """
    sides = [(key, side) for key, side in (("from", 1.0), ("to", -1.0)) if key in claim.parameters]
    return [_beyond(claim, closed(margin(claim.number(key), side))) for key, side in sides]


def _beyond(claim: Claim, margin: Estimate) -> Contrast:
    smallest = float(claim.parameters.get("smallest", 0.0))
    return Contrast(margin, combination([(1.0, margin)], -smallest) if smallest else None)


def _range(claim: Claim) -> str:
    words = {"from": "at or above", "to": "at or below"}
    ends = [f"{word} {claim.number(key):g}" for key, word in words.items() if key in claim.parameters]
    return " and ".join(ends)
