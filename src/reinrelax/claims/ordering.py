"""Judging functions that compare the order of values."""

import numpy as np

from reinrelax.claims.decide import by_groups
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Group, Verdict
from reinrelax.claims.parts import AtLeast, Contrast, Estimate, combination, every, some


def every_below(claim: Claim, evidence: Evidence | Measurements) -> Verdict:
    """Judge whether every `lower` value is below every `higher` value.

    If `by` is given, each difference must be larger than it.
    """
    by = float(claim.parameters.get("by", 0.0))
    what = "every value on the lower side is below every value on the higher side"
    if relative(claim):
        what += ", with margins as shares of the higher value,"
    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: every([part for row in pairs(claim, group, by) for part in row]),
        what + (f" by more than {by:g}" if by else ""),
    )


def best_below(claim: Claim, evidence: Evidence | Measurements) -> Verdict:
    """Judge whether the best `lower` value is below the best `higher` value.

    That is, one value of `lower` must be below all of `higher`.
    """
    return by_groups(
        claim,
        evidence.sample(claim),
        lambda group: some([every(row) for row in pairs(claim, group)]),
        "the lowest on the lower side is below the lowest on the higher side",
    )


def ranked(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the method in `lower` is the `rank`-th lowest.

    Exactly `rank` − 1 of the methods in `higher` must be below it, and the others above.
    """
    rank = int(claim.number("rank"))

    def part(group: Group) -> AtLeast:
        above = pairs(claim, group)[0]
        below = [row[0] for row in pairs(claim, group.exchanged())]
        counted = [AtLeast(above, len(above) - rank + 1), AtLeast(below, rank - 1)]
        return every([own for own in counted if own.needed])

    return by_groups(
        claim, evidence.sample(claim), part, f"exactly {rank - 1} of the others are lower"
    )


def worse_on_test(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether the test value of each method in `lower` is above its train value."""
    return by_groups(
        claim,
        evidence.sample(claim, against="test_nelbo_nats"),
        lambda group: every(
            [
                _pair(train, test, 0.0, claim.smallest, claim)
                for train, test in zip(group.lower, group.higher, strict=True)
            ]
        ),
        "every test value is above its train value",
    )


def relative(claim: Claim) -> bool:
    """Return whether margins are shares of the higher value.

    They are for measurements at several places whose smallest effect of interest is such a share,
    since the sizes of these values can differ by factors of hundreds.
    """
    of_places = claim.query is not None and bool(claim.query.each)
    return of_places and not claim.parameters.get("by") and claim.smallest > 0.0


def pairs(claim: Claim, group: Group, by: float = 0.0, steps: int = 1) -> list[list[Contrast]]:
    """Return the margins by which each of `higher` exceeds each of `lower` plus `by`.

    They are indexed `[lower, higher]`.

    Args:
        steps: the number of steps of the curve that this pair is one step of. The smallest effect
            of interest is that of the whole curve.
    """
    return [
        [
            _pair(low, high, by, group.smallest[i][j] if group.smallest else None, claim, steps)
            for j, high in enumerate(group.higher)
        ]
        for i, low in enumerate(group.lower)
    ]


def _pair(
    low: Estimate, high: Estimate, by: float, smallest: float | None, claim: Claim, steps: int = 1
) -> Contrast:
    margin = combination([(1.0, high), (-1.0, low)], -by)
    if by:
        return Contrast(margin)  # the limit is the smallest effect of interest
    if smallest is not None:
        beyond = combination([(1.0, high), (-1.0, low)], -smallest) if smallest else None
        return Contrast(margin, beyond)
    # A share of the higher value.
    share, unit = claim.smallest / steps, 1.0
    if relative(claim) and high.value and np.isfinite(high.value):
        # The observed value is a constant here: it changes no sign, and so no p-value.
        unit = 1.0 / abs(high.value)
        margin = combination([(unit, high), (-unit, low)])
    left = 1.0 - share if high.value > 0.0 else 1.0 + share
    return Contrast(margin, combination([(unit * left, high), (-unit, low)]) if share else None)
