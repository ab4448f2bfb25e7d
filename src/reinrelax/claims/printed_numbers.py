"""Judging functions that compare our values with a printed number by a test of equivalence."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import ndtri

from reinrelax.claims import model
from reinrelax.claims.decide import POWER
from reinrelax.claims.evidence import Evidence, premise
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, PrintedNumber, Verdict
from reinrelax.claims.parts import Estimate, combination, over_seeds
from reinrelax.core import stats

DIVERGED = " Not reproduced if a seed diverged."


def number(claim: Claim, evidence: Evidence) -> Verdict:
    """Compare the mean over seeds of one cell with the number printed for it.

    The printed ± is a standard error, which enters the standard error of the difference.
    """
    assert claim.published is not None  # the schema requires a reference table
    rule, place = claim.rule, (claim.lower[0], claim.places[0])
    values, diverged = evidence.values(place, claim.metric), evidence.diverged(place)
    ours = over_seeds(values)
    delta = combination([(1.0, ours), (-1.0, _published(claim.published))])
    margins = rule["reproduced_within"], rule["near_within"]
    verdict, reason, coverage = of_cell(claim, evidence, delta.interval, *margins)
    needed = 0
    if verdict == model.UNDECIDED:
        needed = seeds_needed(delta, ours, *margins)
        reason = _would_decide(needed)
    limit = f"±{margins[0]:g} nats"
    low, high = delta.interval(coverage)
    return Verdict(
        claim,
        verdict,
        in_words("Δ", limit, f"±{margins[1]:g} nats", rule) + DIVERGED,
        effect=delta.value,
        low=low,
        high=high,
        coverage=coverage,
        smallest=margins[0],
        detectable=_detectable(delta, rule, margins[0]),
        needed=needed,
        seeds=len(values),
        diverged=len(diverged),
        reason=reason,
        jobs=evidence.jobs([place]),
    )


def printed(claim: Claim, evidence: Measurements) -> Verdict:
    """Compare one measurement with the printed number; margins are shares of that number."""
    rule, target = claim.rule, claim.number("printed")
    shares = rule["reproduced_within"], rule["near_within"]
    margins = shares[0] * abs(target), shares[1] * abs(target)
    sample = evidence.sample(claim)
    value = sample.groups[0].lower[0] if sample.groups else Estimate(np.nan, np.nan)
    delta = combination([(1.0, value)], -target)
    verdict, reason = sample.premise
    coverage = 0.95
    if not verdict:
        verdict, coverage = equivalence(delta.interval, *margins, rule["level"])
    within, near = (f"±{share:.0%} of the printed number" for share in shares)
    low, high = delta.interval(coverage)
    return Verdict(
        claim,
        verdict,
        in_words("Δ", within, near, rule),
        effect=delta.value,
        low=low,
        high=high,
        coverage=coverage,
        smallest=margins[0],
        detectable=_detectable(delta, rule, margins[0]),
        seeds=sample.seeds,
        diverged=sample.diverged,
        reason=reason,
        jobs=sample.jobs,
    )


def single_run(claim: Claim, evidence: Evidence) -> Verdict:
    """Judge whether our runs could have produced a number that was printed for one run.

    A positive answer confirms nothing: the less is known, the more numbers are possible.
    """
    place, level = (claim.lower[0], claim.places[0]), claim.rule["level"]
    text = (
        f"compatible, which confirms nothing, if the printed number lies in the {level:.0%}"
        " prediction interval of one more run, computed from our seeds; otherwise not reproduced."
        + DIVERGED
    )
    values, diverged = evidence.values(place, claim.metric), evidence.diverged(place)
    run = stats.prediction_interval(list(values.values()), level)
    target = claim.number("printed")
    verdict, reason = premise(evidence, claim, [place])
    if not verdict:
        held = run.holds(target) and not diverged
        verdict = model.COMPATIBLE if held else model.NOT_REPRODUCED
        reason = f"{len(diverged)} seeds diverged" if diverged else ""
    return Verdict(
        claim,
        verdict,
        text,
        effect=run.estimate - target,
        low=run.low - target,
        high=run.high - target,
        coverage=level,
        seeds=len(values),
        diverged=len(diverged),
        reason=reason,
        jobs=evidence.jobs([place]),
    )


def of_cell(
    claim: Claim,
    evidence: Evidence,
    interval: Callable[[float], tuple[float, float]],
    within: float,
    near: float,
) -> tuple[str, str, float]:
    """Return verdict, reason and coverage of the interval for a claim on a single cell.

    Args:
        interval: returns the interval of the difference from the printed number at a coverage.
        within, near: margins, as in `equivalence`.
    """
    place = claim.lower[0], claim.places[0]
    verdict, reason = premise(evidence, claim, [place])
    if not verdict and (diverged := evidence.diverged(place)):
        verdict = model.NOT_REPRODUCED
        reason = f"{len(diverged)} of {len(evidence.at(place))} seeds diverged"
    if verdict:
        return verdict, reason, 0.95
    verdict, coverage = equivalence(interval, within, near, claim.rule["level"])
    return verdict, "", coverage


def equivalence(
    interval: Callable[[float], tuple[float, float]], within: float, near: float, level: float
) -> tuple[str, float]:
    """Return the verdict on a difference, and the coverage of the interval that gives it.

    By two one-sided tests (Schuirmann, 1987), the difference is reproduced if the interval of
    coverage 2 · level − 1 lies within ± `within`, and near if it lies within ± `near`. It is not
    reproduced if the interval of coverage `level` lies outside ± `within`.
    """
    narrow, wide = round(2 * level - 1, 9), level
    low, high = interval(narrow)
    for verdict, margin in ((model.REPRODUCED, within), (model.NEAR, near)):
        if -margin <= low and high <= margin:
            return verdict, narrow
    low, high = interval(wide)
    return (model.NOT_REPRODUCED if low > within or high < -within else model.UNDECIDED), wide


def seeds_needed(delta: Estimate, ours: Estimate, within: float, near: float) -> int:
    """Return how many of our seeds would decide with probability `POWER`.

    The true difference is assumed to be as observed. To decide means to show either that it lies
    within ± `near` or that it lies outside ± `within`, whichever is easier.

    Returns:
        The number of seeds; 0 if unknown, −1 if no number would decide because the published error
            is too large.
    """
    room = max(near - abs(delta.value), abs(delta.value) - within)
    spread = ours.error**2 * len(ours.seeds)
    theirs = delta.error**2 - ours.error**2
    allowed = (room / float(ndtri(0.95) + ndtri(POWER))) ** 2 - theirs
    if not np.isfinite(allowed):
        return 0
    return int(np.ceil(spread / allowed)) if allowed > 0 else -1


def _published(number: PrintedNumber) -> Estimate:
    return Estimate(number.mean, number.std / np.sqrt(number.seeds), number.seeds - 1.0)


def in_words(what: str, within: str, near: str, rule: Mapping[str, float]) -> str:
    """Return the rule of `equivalence` in words, for the compared quantity `what`."""
    narrow = f"{2 * rule['level'] - 1:.0%}"
    return (
        f"reproduced if the {narrow} interval of {what} lies within {within} (two one-sided tests);"
        f" near if within {near}; not reproduced if the {rule['level']:.0%} interval lies outside"
        f" {within}; otherwise undecided."
    )


def _would_decide(needed: int) -> str:
    if needed < 0:
        return "no number of seeds would decide it: the paper’s own standard error is too large"
    return (
        f"about {needed:,} seeds would decide it if the difference is as observed" if needed else ""
    )


def _detectable(delta: Estimate, rule: Mapping[str, float], within: float) -> float:
    """Return the smallest true difference judged not reproduced with probability `POWER`."""
    low, high = delta.interval(rule["level"])
    half = (high - low) / 2
    return float(within + half + ndtri(POWER) * delta.error) if half > 0 else float("nan")
