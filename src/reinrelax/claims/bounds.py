"""Judging functions that hold values, or their quotients, against limits."""

import numpy as np

from reinrelax.claims.evidence import Evidence
from reinrelax.claims.margins import by_margin
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Floats, Group, Verdict


def above(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the mean of every one of `lower` lies above `limit`."""
    limit = claim.number("limit")
    return by_margin(
        claim,
        evidence.sample(claim, worst=-np.inf),
        lambda group: group.lower - limit,
        f"every mean lies above {limit:g}",
    )


def below(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the mean of every one of `lower` lies below `limit`."""
    limit = claim.number("limit")
    return by_margin(
        claim,
        evidence.sample(claim),
        lambda group: limit - group.lower,
        f"every mean lies below {limit:g}",
    )


def within(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether every value lies between `from` and `to`."""
    return by_margin(
        claim,
        evidence.sample(claim),
        lambda group: _inside(group.lower, claim),
        f"every value lies {_range(claim)}",
    )


def ratio(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether the value of `lower` over that of `higher` lies between `from` and `to`."""

    def margin(group: Group) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return _inside(group.lower / group.higher, claim)

    return by_margin(claim, evidence.sample(claim), margin, f"the quotient lies {_range(claim)}")


def _inside(values: Floats, claim: Claim) -> Floats:
    """How far values are inside the claim's range; a bound that is not given is nowhere.

    A value on a bound is inside.
    """
    low, high = (float(claim.parameters.get(*end)) for end in (("from", -np.inf), ("to", np.inf)))
    room = np.minimum(values - low, high - values)
    return np.where(room == 0.0, np.finfo(float).tiny, room)


def _range(claim: Claim) -> str:
    words = {"from": "at or above", "to": "at or below"}
    ends = [f"{word} {claim.number(key):g}" for key, word in words.items() if key in claim.parameters]
    return " and ".join(ends)
