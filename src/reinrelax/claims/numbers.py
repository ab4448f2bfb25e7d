"""Judging functions that hold ours against a printed number, by a test of equivalence."""

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

DIVERGED = " A diverged seed: not reproduced."


def number(claim: Claim, evidence: Evidence) -> Verdict:
    """Hold the mean over seeds of one cell against the number printed for it.

    The printed ± is a standard error: it is one of the difference, too.
    """
    assert claim.published is not None  # the schema asks for a reference table
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
    """Hold one measurement against the printed number, within a share of that."""
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
    """Whether a number of one run, as printed, is one that our runs could have given.

    That it could have been is no confirmation: the less is known, the more numbers could.
    """
    place, level = (claim.lower[0], claim.places[0]), claim.rule["level"]
    text = (
        f"compatible if the printed number lies in the {level:.0%} prediction interval of one more"
        " run, from our seeds, which confirms nothing; otherwise not reproduced." + DIVERGED
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
    """The verdict on what the seeds of a claim's only cell give, its reason, and its interval's
    coverage.

    Args:
        interval: of what is compared with the printed number, of a coverage; `within`, `near`: as
            of `equivalence`.
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
    """The verdict on a difference, by its intervals, and the coverage of the one that gives it.

    By two one-sided tests (Schuirmann, 1987): reproduced if the interval of coverage 2 · level − 1
    lies within ± `within`, near if within ± `near`; not reproduced if the interval of coverage
    `level` lies outside ± `within`.
    """
    narrow, wide = round(2 * level - 1, 9), level
    low, high = interval(narrow)
    for verdict, margin in ((model.REPRODUCED, within), (model.NEAR, near)):
        if -margin <= low and high <= margin:
            return verdict, narrow
    low, high = interval(wide)
    return (model.NOT_REPRODUCED if low > within or high < -within else model.UNDECIDED), wide


def seeds_needed(delta: Estimate, ours: Estimate, within: float, near: float) -> int:
    """How many seeds of ours would decide with probability `POWER`, were the difference as
    observed.

    Either that it lies within ± `near` or that it lies outside ± `within`, whichever is the easier.

    Returns:
        −1 where no number would, because the published error is too large.
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
    """The rule of `equivalence`, of what is compared."""
    narrow = f"{2 * rule['level'] - 1:.0%}"
    return (
        f"reproduced if the {narrow} interval of {what} lies within {within} (two one-sided tests);"
        f" near if within {near}; not reproduced if the {rule['level']:.0%} interval lies outside"
        f" {within}; otherwise undecided."
    )


def _would_decide(needed: int) -> str:
    if needed < 0:
        return "no number of seeds would decide: the paper’s own standard error is too large"
    return f"about {needed:,} seeds would decide, were the difference as observed" if needed else ""


def _detectable(delta: Estimate, rule: Mapping[str, float], within: float) -> float:
    """The smallest true difference that is called not reproduced with probability `POWER`."""
    low, high = delta.interval(rule["level"])
    half = (high - low) / 2
    return float(within + half + ndtri(POWER) * delta.error) if half > 0 else float("nan")
