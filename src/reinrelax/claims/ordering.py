"""Judging functions that say who is ahead of whom."""

import numpy as np

from reinrelax.claims.evidence import Evidence
from reinrelax.claims.margins import by_margin
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Floats, Group, Verdict


def every_below(claim: Claim, evidence: Evidence | Measurements) -> Verdict:
    """Whether every value of `lower` is below every one of `higher`, by more than `by` if that is given."""
    by = float(claim.parameters.get("by", 0.0))
    what = "every value on the lower side is below every one on the higher side"
    return by_margin(
        claim,
        evidence.sample(claim),
        lambda group: _pairs(group) - by,
        what + (f" by more than {by:g}" if by else ""),
    )


def best_below(claim: Claim, evidence: Evidence | Measurements) -> Verdict:
    """Whether the best of `lower` is below the best of `higher`."""
    return by_margin(
        claim,
        evidence.sample(claim),
        lambda group: group.higher.min(-1, keepdims=True) - group.lower.min(-1, keepdims=True),
        "the lowest on the lower side is below the lowest on the higher side",
    )


def ranked(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the one of `lower` is the `rank`-th lowest of all."""
    rank = int(claim.number("rank"))

    def margin(group: Group) -> Floats:
        own, others = group.lower[:, 0], np.sort(group.higher, -1)
        ends = np.full((len(own), 1), np.inf)
        fence = np.concatenate([-ends, others, ends], -1)
        return np.stack([own - fence[:, rank - 1], fence[:, rank] - own], -1)

    return by_margin(claim, evidence.sample(claim), margin, f"exactly {rank - 1} of the others are lower")


def worse_on_test(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the test figure of every one of `lower` is above its train figure."""
    return by_margin(
        claim,
        evidence.sample(claim, against="test_nelbo_nats"),
        lambda group: group.higher - group.lower,
        "every test figure is above its train figure",
    )


def _pairs(group: Group) -> Floats:
    """By how much each of `higher` is above each of `lower`."""
    return (group.higher[:, None, :] - group.lower[:, :, None]).reshape(len(group.lower), -1)
