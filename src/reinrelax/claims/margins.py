"""From margins, as observed and as resampled, to a verdict: how all claims but numbers are judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.model import Claim, Floats, Group, Sample, Verdict

# Margins `[1 + S, k]` of a group, as observed in row 0, then as resampled: they are said to be positive.
Margin = Callable[[Group], Floats]
POWER = 0.8
_ROUNDING = 1e-12  # of a value: exact ones scatter no more


def by_margin(claim: Claim, sample: Sample, margin: Margin, what: str, spare: int = 0) -> Verdict:
    """Judge by the probability, over resampled values, that the claim's margin is positive.

    A group holds where all its margins but `spare` are positive; the claim, where enough groups hold. Its own
    margin is the one on which that hangs, and its interval is that of the part that decides as observed: the
    least of several resampled margins lies below it. For the same reason a claim about many places seldom
    holds in resampling; to refute it, enough of its parts must fail, each by itself (see `_refuting`).

    Args:
        claim: what is judged.
        sample: by what.
        margin: of one group.
        what: what is to hold, for the rule in words.
        spare: how many margins of a group need not be positive.
    """
    groups = _margins(sample, margin)
    needed = len(groups) if claim.at_least is None else min(claim.at_least, len(groups))
    margins = _decisive(groups, needed, spare)
    observed, resampled = float(margins[0]), margins[1:]
    part = _deciding(groups, needed, spare)
    interval = stats.percentile_interval(observed, part[1:], claim.rule["level"])
    # Where nothing differs at all, as between two names of the same computation, nothing is ahead.
    equal = bool((margins == 0.0).all())
    probability = 0.0 if equal else stats.probability_positive(resampled)
    refuting = 0.0 if equal else _refuting(groups, needed, spare)
    verdict, reason = sample.premise
    if not verdict:
        verdict = by_probability(probability, refuting, claim.rule)
        if verdict == model.UNDECIDED and probability <= claim.rule["not_reproduced_to"]:
            reason = "P is low because many parts must hold together; too few of them surely fail"
        if np.isnan(probability):
            reason = "a value that is compared is missing or has no interval"
        if sample.diverged:
            reason = f"{sample.diverged} seeds diverged among the runs compared"
            verdict = model.UNDECIDED if verdict == model.REPRODUCED else verdict
    return Verdict(
        claim,
        verdict,
        _in_words(claim, sample, what, several=sum(group.shape[-1] for group in groups) > 1),
        effect=interval.estimate,
        low=interval.low,
        high=interval.high,
        probability=probability,
        refuting=refuting,
        detectable=_detectable(resampled, sample.seeds, claim.rule),
        seeds=sample.seeds,
        diverged=sample.diverged,
        reason=reason,
        jobs=sample.jobs,
    )


def by_probability(probability: float, refuting: float, rule: Mapping[str, float]) -> str:
    """The verdict that the probability of holding, and the one that counts against a claim, give."""
    if probability >= rule["reproduced_from"]:
        return model.REPRODUCED
    return model.NOT_REPRODUCED if refuting <= rule["not_reproduced_to"] else model.UNDECIDED


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
        judged = [v.verdict in model.JUDGED for v in members]
        chances = [v.probability if j else float("nan") for v, j in zip(members, judged, strict=True)]
        refuting = [v.refuting if j else float("nan") for v, j in zip(members, judged, strict=True)]
        held = [1 - p for p in stats.holm([1 - p for p in chances], len(members))]
        failed = stats.holm(refuting, len(members))
        for place, verdict, holds, fails in zip(places, members, held, failed, strict=True):
            out[place] = _corrected(verdict, holds, fails, len(members))
    return out


def _corrected(verdict: Verdict, probability: float, refuting: float, family: int) -> Verdict:
    shown = probability if verdict.probability > 0.5 else refuting
    changes: dict[str, Any] = {"corrected": shown, "family": family}
    if verdict.verdict in (model.REPRODUCED, model.NOT_REPRODUCED):
        new = by_probability(probability, refuting, verdict.claim.rule)
        if new == model.UNDECIDED:
            changes |= {"verdict": new, "reason": "decided by itself, but not among so many of its family"}
    return replace(verdict, **changes)


def _margins(sample: Sample, margin: Margin) -> list[Floats]:
    """Margins of all groups, `[1 + S, k]` each."""
    held = len(sample.groups) - sample.opposite
    out = []
    for index, group in enumerate(sample.groups):
        if index < held:
            out.append(margin(group))
        else:
            # Elsewhere the claim's own sides are exchanged, and it must fail: one margin is not positive.
            own = margin(Group(group.higher, group.lower, group.at))
            out.append(-own.min(-1, keepdims=True))
    return out


def _decisive(groups: Sequence[Floats], needed: int, spare: int) -> Floats:
    """The margin on which the claim hangs `[1 + S]`: of the groups' own ones the `needed`-th largest."""
    if not groups:
        return np.full(1 + stats.RESAMPLES, np.nan)
    own = np.stack([_order(group, spare) for group in groups], -1)
    return _order(own, own.shape[-1] - needed)


def _deciding(groups: Sequence[Floats], needed: int, spare: int) -> Floats:
    """The part `[1 + S]` on which the claim hangs as observed."""
    if not groups or min(group.shape[-1] for group in groups) <= spare:
        return np.full(1 + stats.RESAMPLES, np.nan)
    parts = [group[:, np.argsort(group[0])[spare]] for group in groups]
    return parts[int(np.argsort([part[0] for part in parts])[-needed])]


def _order(values: Floats, place: int) -> Floats:
    """In each row of `[S, n]` the value that so many others are below; NaN where one is, or there is none."""
    if place >= values.shape[-1]:
        return np.full(len(values), np.nan)
    return np.where(np.isnan(values).any(-1), np.nan, np.sort(values, -1)[:, place])


def _refuting(groups: Sequence[Floats], needed: int, spare: int) -> float:
    """The probability that counts against a claim: of its parts failing, corrected for their number.

    That at least u of n statements fail has the p-value (n − u + 1) p_(u), where p_(u) is the u-th smallest
    of theirs (Benjamini and Heller, 2008). It is taken over the margins of a group, then over the groups.
    """
    own = [
        _partial([stats.probability_positive(column[1:]) for column in group.T], group.shape[-1] - spare)
        for group in groups
    ]
    return _partial(own, needed)


def _partial(p_values: Sequence[float], needed: int) -> float:
    """Against `needed` of these statements: that so many fail that the rest is too few."""
    failing = len(p_values) - needed + 1
    if needed < 1 or not p_values or np.isnan(p_values).any():
        return float("nan")
    return min(1.0, needed * sorted(p_values)[failing - 1])


def _detectable(resampled: Floats, seeds: int, rule: Mapping[str, float]) -> float:
    """The smallest true margin that is called reproduced with probability `POWER`.

    Over few seeds a bootstrap scatters by √((n − 1)/n) too little.
    """
    if not np.isfinite(resampled).all():
        return float("nan")
    scatter = float(resampled.std())
    if scatter <= _ROUNDING * abs(float(resampled.mean())):
        return float("nan")
    steps = stats.normal_quantile(rule["reproduced_from"]) + stats.normal_quantile(POWER)
    return steps * scatter * (np.sqrt(seeds / (seeds - 1)) if seeds > 1 else 1.0)


def _in_words(claim: Claim, sample: Sample, what: str, several: bool) -> str:
    rule, count = claim.rule, len(sample.groups)
    where = ""
    if count > 1:
        needed = count if claim.at_least is None else claim.at_least
        where = f" at {'all' if needed == count else f'{needed} or more'} of {count} places"
    source = "over resampled seeds" if claim.query is None else "each value normal, with its interval"
    parts = " by parts that fail each by itself, corrected for their number" if several else ""
    diverged = " With a diverged seed: at best undecided." if claim.query is None else ""
    family = " P is corrected for its family by Holm’s method." if claim.family else ""
    return (
        f"P = probability, {source}, that {what}{where}: reproduced if P ≥ {rule['reproduced_from']:g}, not "
        f"reproduced if P ≤ {rule['not_reproduced_to']:g}{parts}, otherwise undecided.{diverged}{family}"
    )
