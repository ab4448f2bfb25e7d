"""Judging functions on curves: a monotone trend, and the place of a minimum."""

from itertools import pairwise

from reinrelax.claims.decide import by_groups
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Group, Verdict
from reinrelax.claims.ordering import pairs
from reinrelax.claims.parts import AtLeast, every, some


def trend(claim: Claim, evidence: Measurements) -> Verdict:
    """Judge whether values fall, or rise, at every step along `over`, except at `turns` steps.

    The smallest effect of interest is that of the whole curve; each step has an equal share of it.
    """
    turns = int(claim.parameters.get("turns", 0))
    falls = claim.parameters["direction"] == "falling"

    def part(group: Group) -> AtLeast:
        order = sorted(
            zip(group.at, group.lower, strict=True), key=lambda pair: pair[0], reverse=falls
        )
        along = [value for _, value in order]
        count = len(along) - 1
        steps = [
            pairs(claim, Group([low], [high], at=()), steps=count)[0][0]
            for low, high in pairwise(along)
        ]
        return AtLeast(steps, count - turns)  # undefined if there are too few places

    what = f"the curve is {claim.parameters['direction']} at every step"
    return by_groups(
        claim, evidence.sample(claim), part, what + (f" except {turns}" if turns else "")
    )


def minimum_at(claim: Claim, evidence: Measurements) -> Verdict:
    """Judge whether the curve is lowest between `from` and `to`.

    One value in this range must be below all values outside it.
    """
    low, high = (claim.number(key) for key in ("from", "to"))

    def part(group: Group) -> AtLeast:
        inside = [low - 1e-9 <= at <= high + 1e-9 for at in group.at]
        within, outside = (
            [value for value, own in zip(group.lower, inside, strict=True) if own is side]
            for side in (True, False)
        )
        if not (within and outside):
            return every([])  # nothing to compare with
        return some([every(row) for row in pairs(claim, Group(within, outside, at=()))])

    return by_groups(
        claim, evidence.sample(claim), part, f"the lowest value lies at {low:g} to {high:g}"
    )
