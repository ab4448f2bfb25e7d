"""Judging functions on curves: a monotone trend, and where a minimum lies."""

import numpy as np

from reinrelax.claims.margins import by_margin
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Floats, Group, Verdict


def trend(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether values fall, or rise, at every step along the coordinate but `turns` of them."""
    turns = int(claim.parameters.get("turns", 0))
    sign = -1.0 if claim.parameters["direction"] == "falling" else 1.0

    def margin(group: Group) -> Floats:
        steps = sign * np.diff(group.lower[:, np.argsort(group.at, kind="stable")], axis=-1)
        # Too few places have no trend.
        return steps if steps.shape[-1] > turns else np.full((len(steps), 1 + turns), np.nan)

    what = f"the curve is {claim.parameters['direction']} at every step"
    allowed = f" but {turns}" if turns else ""
    return by_margin(claim, evidence.sample(claim), margin, what + allowed, spare=turns)


def minimum_at(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether the curve is lowest at a place between `from` and `to`; the margin is in its own unit."""
    low, high = (claim.number(key) for key in ("from", "to"))

    def margin(group: Group) -> Floats:
        inside = (low - 1e-9 <= group.at) & (group.at <= high + 1e-9)
        if inside.all() or not inside.any():
            return np.full((len(group.lower), 1), np.nan)  # nothing to compare with
        lowest: Floats = group.lower[:, inside].min(-1, keepdims=True)
        return group.lower[:, ~inside] - lowest

    return by_margin(claim, evidence.sample(claim), margin, f"the lowest value is at {low:g} to {high:g}")
