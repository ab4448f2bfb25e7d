"""Judging functions on what theory gives a value for, and on settings that the papers chose."""

from dataclasses import replace

import numpy as np
import pandas as pd

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.margins import POWER, by_margin
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Floats, Verdict

_LEVEL = 0.95  # of the intervals in the tables


def matches(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether every value is what theory expects: within `tolerance`, or within its interval.

    Intervals are widened for the number of values that are looked at together, by Bonferroni's correction, so
    that all of them hold their expected values with probability `level`.
    """
    assert claim.query is not None
    tolerance = float(claim.parameters.get("tolerance", 0.0))
    expected = str(claim.parameters.get("expected", "expected"))
    text = (
        f"reproduced if every value lies within {tolerance:g} of the expected one, or its interval, widened "
        f"to {claim.rule['level']:.0%} for all together by Bonferroni’s correction, holds that; otherwise "
        "not reproduced. Effect: the largest excess over what is allowed (negative: none)."
    )
    sample = evidence.sample(claim)
    rows = evidence.rows(claim)
    rows = rows[rows[expected].notna()]
    verdict, reason = sample.premise
    effect, detectable = float("nan"), float("nan")
    if len(rows):
        off = np.abs(rows[claim.query.column].to_numpy(float) - rows[expected].to_numpy(float))
        half = _half_widths(claim, rows)
        effect = float(np.max(off - np.maximum(tolerance, half)))
        widest = float(half.max())
        if widest > 0:
            quantile = _quantile(claim.rule["level"], len(rows))
            detectable = widest * (1 + stats.normal_quantile(POWER) / quantile)
    if not verdict and not len(rows):
        verdict, reason = model.NOT_RUN, "no row says what is expected"
    if not verdict:
        unknown = np.isnan(effect)
        verdict = model.UNDECIDED if unknown else model.REPRODUCED if effect <= 0 else model.NOT_REPRODUCED
    return Verdict(
        claim,
        verdict,
        text,
        effect=effect,
        detectable=detectable,
        seeds=sample.seeds,
        diverged=sample.diverged,
        reason=reason,
        jobs=sample.jobs,
    )


def chosen(claim: Claim, evidence: Measurements) -> Verdict:
    """Whether the settings that a paper chose are near the best of a search, within `to`."""
    most = claim.number("to")
    sample = evidence.sample(claim)
    found = by_margin(
        claim,
        sample,
        lambda group: most - group.lower,
        f"the paper’s point lies within {most:g} of the best of the search",
    )
    rows = evidence.rows(claim)
    if len(rows) and np.isnan(found.effect):
        searched = "points" in rows and bool((rows["points"] > 0).any())
        reason = "the search that was run does not hold the paper’s point" if searched else claim.note
        return replace(found, verdict=model.NOT_RUN, reason=reason)
    return found


def _half_widths(claim: Claim, rows: pd.DataFrame) -> Floats:
    """Half of each interval, widened for their number; zero where a value is exact."""
    limits = claim.query.ends(rows.columns) if claim.query else ()
    if not limits:
        return np.zeros(len(rows))
    low, high = (rows[name].to_numpy(float) for name in limits)
    wider = _quantile(claim.rule["level"], len(rows)) / stats.normal_quantile((1 + _LEVEL) / 2)
    return np.asarray(np.nan_to_num((high - low) / 2 * wider, nan=0.0), dtype=np.float64)


def _quantile(level: float, count: int) -> float:
    return stats.normal_quantile(1 - (1 - level) / 2 / count)
