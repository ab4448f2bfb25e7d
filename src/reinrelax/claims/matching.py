"""Judging functions for values known from theory, and for settings that the papers chose."""

from dataclasses import replace

import numpy as np

from reinrelax.claims import model
from reinrelax.claims.decide import by_groups, by_part
from reinrelax.claims.measured import Measurements, estimates
from reinrelax.claims.model import Claim, Verdict
from reinrelax.claims.parts import Contrast, closed, combination, every


def matches(claim: Claim, evidence: Measurements) -> Verdict:
    """Judge whether values match theory within `tolerance` plus `share` of the expected value.

    An interval that contains the expected value confirms nothing, least of all a wide one.
    Therefore two one-sided tests must show that every value lies within the tolerance. A value is
    shown to lie beyond it with Bonferroni's correction for the number of values. If neither is
    shown, values and theory are compatible.
    """
    assert claim.query is not None
    tolerance, share = (_allowed(claim, key) for key in ("tolerance", "share"))
    expected = str(claim.parameters.get("expected", "expected"))
    sample = evidence.sample(claim)
    rows = evidence.rows(claim)
    rows = rows[rows[expected].notna()]
    margins = []
    for estimate, wanted in zip(
        estimates(rows, claim.query), rows[expected].astype(float), strict=True
    ):
        room = tolerance + share * abs(wanted)
        margins += [
            Contrast(closed(combination([(side, estimate)], room - side * wanted)))
            for side in (1.0, -1.0)
        ]
    what = "every value equals the expected one"
    if tolerance or share:
        allowed = [f"{tolerance:g}"] * (tolerance > 0) + [f"{share:.0%} of the expected value"] * (
            share > 0
        )
        what = f"no value differs from the expected one by more than {' plus '.join(allowed)}"
    found = by_part(claim, sample, every(margins), what)
    text = found.rule.replace("neither: undecided", "neither: compatible, which confirms nothing")
    verdict, reason = found.verdict, found.reason
    if not sample.premise[0] and not margins:
        verdict, reason = model.NOT_RUN, "no row states an expected value"
    if verdict == model.UNDECIDED and not np.isnan(found.effect):
        verdict = model.COMPATIBLE
    return replace(found, verdict=verdict, reason=reason, rule=text)


def unrejected(claim: Claim, evidence: Measurements) -> Verdict:
    """Judge whether no test rejects: every p-value is at least `from`, or every z at most `to`.

    A test that does not reject confirms nothing, so the best verdict is compatible.
    """
    sample = evidence.sample(claim)
    ends = [(1.0, "from")] * ("from" in claim.parameters) + [(-1.0, "to")] * (
        "to" in claim.parameters
    )
    found = by_groups(
        claim,
        sample,
        lambda group: every(
            [
                Contrast(closed(combination([(side, value)], -side * claim.number(key))))
                for value in group.lower
                for side, key in ends
            ]
        ),
        "no test rejects",
    )
    limits = " or ".join(
        f"{word} {claim.number(key):g}"
        for word, key in (("below", "from"), ("above", "to"))
        if key in claim.parameters
    )
    verdict = model.COMPATIBLE if found.verdict in (model.REPRODUCED, model.NEAR) else found.verdict
    text = (
        f"not reproduced if a value is {limits}; otherwise compatible: a test that does not reject"
        " confirms nothing."
    )
    # The values are results of tests themselves. Nothing further is tested, so there is no p-value
    # and no interval.
    none = float("nan")
    return replace(
        found,
        verdict=verdict,
        rule=text,
        part=None,
        holding=none,
        failing=none,
        low=none,
        high=none,
    )


def chosen(claim: Claim, evidence: Measurements) -> Verdict:
    """Judge whether the settings that a paper chose are within `to` of the best of a search."""
    most = claim.number("to")
    sample = evidence.sample(claim)
    found = by_groups(
        claim,
        sample,
        lambda group: every(
            [Contrast(combination([(-1.0, value)], most)) for value in group.lower]
        ),
        f"the paper’s point lies within {most:g} of the best of the search",
    )
    rows = evidence.rows(claim)
    if len(rows) and np.isnan(found.effect):
        searched = "points" in rows and bool((rows["points"] > 0).any())
        reason = "the search does not contain the paper’s point" if searched else claim.note
        return replace(found, verdict=model.NOT_RUN, reason=reason)
    return found


def _allowed(claim: Claim, key: str) -> float:
    """Return a tolerance of the claim, or of its file if the claim sets neither of them."""
    if {"tolerance", "share"} & set(claim.parameters):
        return float(claim.parameters.get(key, 0.0))
    return float(claim.rule.get(key, 0.0))
