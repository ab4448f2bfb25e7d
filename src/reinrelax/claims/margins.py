"""From margins, as observed and as resampled, to a verdict: how all claims but numbers are judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.model import Claim, Floats, Group, Sample, Verdict

# The margin by which a claim holds in a group, `[1 + S]`: positive where it does.
Margin = Callable[[Group], Floats]
POWER = 0.8


def by_margin(claim: Claim, sample: Sample, margin: Margin, what: str) -> Verdict:
    """Judge by the probability, over resampled values, that the margin is positive.

    Args:
        claim: what is judged.
        sample: by what.
        margin: of one group.
        what: what is to hold, for the rule in words.
    """
    margins = _of_all(claim, sample, margin)
    observed, resampled = float(margins[0]), margins[1:]
    interval = stats.percentile_interval(observed, resampled, claim.rule["level"])
    probability = stats.probability_positive(resampled)
    verdict, reason = sample.premise
    if not verdict:
        verdict = by_probability(probability, claim.rule)
        if np.isnan(probability):
            reason = "a value that is compared is missing or has no interval"
        if sample.diverged:
            reason = f"{sample.diverged} seeds diverged among the runs compared"
            verdict = model.UNDECIDED if verdict == model.REPRODUCED else verdict
    return Verdict(
        claim,
        verdict,
        _in_words(claim, sample, what),
        effect=interval.estimate,
        low=interval.low,
        high=interval.high,
        probability=probability,
        detectable=_detectable(resampled, sample.seeds, claim.rule),
        seeds=sample.seeds,
        diverged=sample.diverged,
        reason=reason,
        jobs=sample.jobs,
    )


def by_probability(probability: float, rule: Mapping[str, float]) -> str:
    """The verdict that a probability gives."""
    if probability >= rule["reproduced_from"]:
        return model.REPRODUCED
    return model.NOT_REPRODUCED if probability <= rule["not_reproduced_to"] else model.UNDECIDED


def correct(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts with every family of claims corrected for its size, by Holm's method on both sides.

    Claims of a family that were not run or not tested count as its least certain, so that their absence makes
    no verdict better.
    """
    families: dict[tuple[str, str], list[int]] = {}
    for place, verdict in enumerate(verdicts):
        if verdict.claim.family:
            families.setdefault((verdict.claim.paper, verdict.claim.family), []).append(place)
    out = list(verdicts)
    for places in families.values():
        members = [verdicts[place] for place in places]
        known = [v.probability if v.verdict in model.JUDGED else float("nan") for v in members]
        held = stats.holm([1 - p for p in known], len(members))
        failed = stats.holm(known, len(members))
        for place, verdict, p, for_it, against in zip(places, members, known, held, failed, strict=True):
            corrected = 1 - for_it if p > 0.5 else against
            out[place] = _corrected(verdict, corrected, len(members))
    return out


def _corrected(verdict: Verdict, probability: float, family: int) -> Verdict:
    changes: dict[str, Any] = {"corrected": probability, "family": family}
    if not np.isnan(probability) and verdict.verdict in (model.REPRODUCED, model.NOT_REPRODUCED):
        new = by_probability(probability, verdict.claim.rule)
        if new == model.UNDECIDED:
            changes |= {"verdict": new, "reason": "decided by itself, but not among so many of its family"}
    return replace(verdict, **changes)


def _of_all(claim: Claim, sample: Sample, margin: Margin) -> Floats:
    """The claim's margin: the smallest of those that must be positive, the `at_least`-th largest."""
    if not sample.groups:
        return np.full(1 + stats.RESAMPLES, np.nan)
    held = len(sample.groups) - sample.opposite
    columns = [
        # Elsewhere the claim's own sides are exchanged, and it must fail.
        margin(group) if index < held else -margin(Group(group.higher, group.lower, group.at))
        for index, group in enumerate(sample.groups)
    ]
    margins = np.stack(columns, -1)
    count = len(columns) if claim.at_least is None else min(claim.at_least, len(columns))
    unknown = np.isnan(margins).any(-1)
    return np.where(unknown, np.nan, np.sort(margins, -1)[:, -count])


def _detectable(resampled: Floats, seeds: int, rule: Mapping[str, float]) -> float:
    """The smallest true margin that is called reproduced with probability `POWER`.

    Over few seeds a bootstrap scatters by √((n − 1)/n) too little.
    """
    finite = resampled[np.isfinite(resampled)]
    scatter = float(finite.std()) if len(finite) == len(resampled) else np.nan
    if not scatter > 0:
        return float("nan")
    steps = stats.normal_quantile(rule["reproduced_from"]) + stats.normal_quantile(POWER)
    return steps * scatter * (np.sqrt(seeds / (seeds - 1)) if seeds > 1 else 1.0)


def _in_words(claim: Claim, sample: Sample, what: str) -> str:
    rule, count = claim.rule, len(sample.groups)
    where = ""
    if count > 1:
        needed = count if claim.at_least is None else claim.at_least
        where = f" at {'all' if needed == count else f'{needed} or more'} of {count} places"
    source = (
        "over resampled seeds"
        if claim.query is None
        else "values taken as independent and normal, with their intervals"
    )
    diverged = (
        " A diverged seed counts as infinitely far on the wrong side where it should be lower and is left "
        "out where it should be higher; with one, at best undecided."
        if claim.query is None
        else ""
    )
    family = (
        " P is corrected for the number of claims in its family by Holm’s method." if claim.family else ""
    )
    return (
        f"P = probability, {source}, that {what}{where}: reproduced if P ≥ {rule['reproduced_from']:g}, not "
        f"reproduced if P ≤ {rule['not_reproduced_to']:g}, otherwise undecided.{diverged}{family}"
    )
