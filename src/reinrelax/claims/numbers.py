"""Judging functions that hold ours against a printed number."""

from collections.abc import Mapping

import numpy as np

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.evidence import Evidence, premise
from reinrelax.claims.margins import POWER
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Verdict


def number(claim: Claim, evidence: Evidence) -> Verdict:
    """Hold the mean over seeds of one cell against the number printed for it.

    The paper does not say what its ± is. Read as the standard deviation over its seeds it gives the narrowest
    interval of the difference of all readings, and so makes "reproduced" hardest.
    """
    assert claim.published is not None  # the schema asks for a reference table
    rule, place = claim.rule, (claim.lower[0], claim.places[0])
    text = (
        f"reproduced if |Δ| ≤ {rule['reproduced_within']:g} nats or 0 lies in the {rule['level']:.0%} "
        f"interval of Δ; near if |Δ| ≤ {rule['near_within']:g} nats; otherwise not reproduced. "
        "A diverged seed: not reproduced."
    )
    values, diverged = evidence.values(place, claim.metric), evidence.diverged(place)
    delta = stats.difference_interval(
        list(values.values()),
        claim.published.mean,
        claim.published.plus_minus,
        int(rule["published_seeds"]),
        rule["level"],
    )
    verdict, reason = premise(evidence, claim, [place])
    if not verdict and diverged:
        verdict = model.NOT_REPRODUCED
        reason = f"{len(diverged)} of {len(values) + len(diverged)} seeds diverged"
    elif not verdict:
        verdict = _by_difference(delta, rule, rule["reproduced_within"], rule["near_within"])
    return Verdict(
        claim,
        verdict,
        text,
        effect=delta.estimate,
        low=delta.low,
        high=delta.high,
        detectable=_detectable(delta, rule, rule["reproduced_within"]),
        seeds=len(values),
        diverged=len(diverged),
        reason=reason,
        jobs=evidence.jobs([place]),
    )


def printed(claim: Claim, evidence: Measurements) -> Verdict:
    """Hold one measurement against the printed number, within a share of that."""
    rule, target = claim.rule, claim.number("printed")
    reproduced, near = (rule[key] * abs(target) for key in ("reproduced_within", "near_within"))
    text = (
        f"reproduced if within {rule['reproduced_within']:.0%} of the printed number, or if that lies in the "
        f"{rule['level']:.0%} interval; near if within {rule['near_within']:.0%}; otherwise not reproduced."
    )
    sample = evidence.sample(claim)
    values = sample.groups[0].lower[:, 0] if sample.groups else np.full(1 + stats.RESAMPLES, np.nan)
    delta = stats.percentile_interval(float(values[0]) - target, values[1:] - target, rule["level"])
    verdict, reason = sample.premise
    if not verdict:
        verdict = _by_difference(delta, rule, reproduced, near)
    return Verdict(
        claim,
        verdict,
        text,
        effect=delta.estimate,
        low=delta.low,
        high=delta.high,
        detectable=_detectable(delta, rule, reproduced),
        seeds=sample.seeds,
        diverged=sample.diverged,
        reason=reason,
        jobs=sample.jobs,
    )


def single_run(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether a number of one run, as printed, is one that our runs could have given."""
    place, level = (claim.lower[0], claim.places[0]), claim.rule["level"]
    text = (
        f"reproduced if the printed number lies in the {level:.0%} prediction interval of one more run, "
        "from our seeds; otherwise not reproduced. A diverged seed: not reproduced."
    )
    values, diverged = evidence.values(place, claim.metric), evidence.diverged(place)
    run = stats.prediction_interval(list(values.values()), level)
    target = claim.number("printed")
    verdict, reason = premise(evidence, claim, [place])
    if not verdict:
        held = run.holds(target) and not diverged
        verdict = model.REPRODUCED if held else model.NOT_REPRODUCED
        reason = f"{len(diverged)} seeds diverged" if diverged else ""
    delta = stats.Interval(run.estimate - target, run.low - target, run.high - target)
    return Verdict(
        claim,
        verdict,
        text,
        effect=delta.estimate,
        low=delta.low,
        high=delta.high,
        detectable=_detectable(delta, claim.rule, 0.0),
        seeds=len(values),
        diverged=len(diverged),
        reason=reason,
        jobs=evidence.jobs([place]),
    )


def _by_difference(
    delta: stats.Interval, rule: Mapping[str, float], reproduced_within: float, near_within: float
) -> str:
    if abs(delta.estimate) <= reproduced_within or delta.holds(0.0):
        return model.REPRODUCED
    if np.isnan(delta.estimate):
        return model.UNDECIDED
    return model.NEAR if abs(delta.estimate) <= near_within else model.NOT_REPRODUCED


def _detectable(delta: stats.Interval, rule: Mapping[str, float], within: float) -> float:
    """The smallest true difference that is found, and not called reproduced, with probability `POWER`."""
    half = (delta.high - delta.low) / 2
    ends = stats.normal_quantile((1 + rule["level"]) / 2), stats.normal_quantile(POWER)
    found = max(half * (1 + ends[1] / ends[0]), within + half * ends[1] / ends[0])
    return found if half > 0 else float("nan")
