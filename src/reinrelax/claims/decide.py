"""Verdict, interval and power of a claim from its parts, for all claims except numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reinrelax.claims import model
from reinrelax.claims.model import Claim, Group, Resampled, Verdict
from reinrelax.claims.parts import AtLeast, Part, opposite, undefined
from reinrelax.core import stats

POWER = 0.8


def by_groups(claim: Claim, sample: Resampled, part: Callable[[Group], Part], what: str) -> Verdict:
    """Judge a claim that must hold in all groups of a sample, or in `at_least` of them.

    Args:
        claim: the claim to judge.
        sample: its evidence.
        part: returns the margin of one group.
        what: the statement that must hold for each group, for the rule in words.
    """
    held = len(sample.groups) - sample.opposite
    parts = [part(group) for group in sample.groups[:held]]
    parts += [opposite(part(group)) for group in sample.groups[held:]]
    needed = len(parts) if claim.at_least is None else min(claim.at_least, len(parts))
    return by_part(claim, sample, AtLeast(parts, needed), what)


def by_part(claim: Claim, sample: Resampled, part: Part, what: str) -> Verdict:
    """Judge a margin by two one-sided tests.

    One tests whether the margin is positive, the other whether it is below the smallest effect of
    interest.

    Args:
        claim: the claim to judge.
        sample: its evidence; only premise, seeds, diverged seeds and jobs are read.
        part: the margin.
        what: the statement that must hold, for the rule in words.
    """
    verdict, reason = sample.premise
    words = _in_words(claim, sample, what)
    if verdict == model.NOT_RUN:
        return Verdict(claim, verdict, words, reason=reason, jobs=sample.jobs)
    holding, failing = part.holding, part.failing
    if not verdict:
        verdict, reason = _decided(holding, failing, claim.rule, sample)
        if missing := undefined(part):
            some = (
                f"{missing} of the values compared are undefined and count neither for nor against"
            )
            reason = "; ".join(filter(None, (reason, some)))
    return replace(
        _bounded(claim, part, verdict, 1.0, 1.0),
        rule=words,
        holding=holding,
        failing=failing,
        seeds=sample.seeds,
        diverged=sample.diverged,
        reason=reason,
        jobs=sample.jobs,
        part=part,
    )


def correct(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Correct the verdicts of each family of claims for its size, by Holm's method on both sides.

    Claims of a family that were not run or not tested count as the least certain ones, so their
    absence improves no verdict. Intervals are widened to match the corrected p-values.
    """
    families: dict[tuple[str, str], list[int]] = {}
    for place, verdict in enumerate(verdicts):
        if verdict.claim.family:
            families.setdefault((verdict.claim.paper, verdict.claim.family), []).append(place)
    out = list(verdicts)
    for places in families.values():
        members = [verdicts[place] for place in places]
        sides = []
        for side in ("holding", "failing"):
            own = [getattr(v, side) if v.verdict in model.JUDGED else float("nan") for v in members]
            sides.append(stats.holm(own, len(members)))
        for place, verdict, holding, failing in zip(places, members, *sides, strict=True):
            out[place] = _corrected(verdict, holding, failing, len(members))
    return out


def _decided(
    holding: float, failing: float, rule: Mapping[str, float], sample: Resampled | None = None
) -> tuple[str, str]:
    """Return the verdict by the p-values of both tests, and a reason if these do not explain it."""
    holds, fails = holding <= _level(rule), failing <= rule["not_reproduced_to"]
    if sample and sample.diverged and holds:
        return model.UNDECIDED, f"{sample.diverged} seeds diverged among the runs compared"
    if holds and fails:
        return model.NEAR, "it holds, but by less than the smallest effect of interest"
    if holds:
        return model.REPRODUCED, ""
    if fails:
        return model.NOT_REPRODUCED, ""
    unknown = np.isnan(holding) or np.isnan(failing)
    return (
        model.UNDECIDED,
        "one of the compared values is missing or has no interval" if unknown else "",
    )


def _corrected(verdict: Verdict, holding: float, failing: float, family: int) -> Verdict:
    changes: dict[str, Any] = {"holding": holding, "failing": failing, "family": family}
    if verdict.verdict not in model.JUDGED or verdict.part is None:
        return replace(
            verdict, **(changes if verdict.verdict in model.JUDGED else {"family": family})
        )
    factors = (_factor(holding, verdict.holding, family), _factor(failing, verdict.failing, family))
    if verdict.verdict in (model.REPRODUCED, model.NEAR, model.NOT_REPRODUCED):
        new, reason = _decided(holding, failing, verdict.claim.rule)
        if new != verdict.verdict:
            alone = "decided on its own, but not after correction for the size of its family"
            changes |= {"verdict": new, "reason": alone if new == model.UNDECIDED else reason}
    bounded = _bounded(
        verdict.claim, verdict.part, changes.get("verdict", verdict.verdict), *factors
    )
    ends = {
        name: getattr(bounded, name) for name in ("effect", "low", "high", "smallest", "detectable")
    }
    return replace(verdict, **changes, **ends)


def _factor(corrected: float, alone: float, family: int) -> float:
    """Return the factor by which a p-value was multiplied; the family's size if it is unknown."""
    return corrected / alone if 0 < alone < 1 and corrected < 1 else float(family)


def _bounded(claim: Claim, part: Part, verdict: str, holding: float, failing: float) -> Verdict:
    """Return a verdict with its effect and interval.

    The lower end is positive exactly when the claim is shown to hold. The upper end is below the
    smallest effect of interest exactly when the claim is shown to fail.

    Args:
        holding, failing: factors by which the p-values of the two sides were multiplied.
    """
    alphas = _level(claim.rule) / holding, claim.rule["not_reproduced_to"] / failing
    effect, low, high = part.estimate, part.low(alphas[0]), part.high(alphas[1])
    excess = part.excess(alphas[1])
    smallest = high - excess if np.isfinite(excess) and np.isfinite(high) else 0.0
    return Verdict(
        claim,
        verdict,
        "",
        effect=effect,
        low=low,
        high=high,
        smallest=float(smallest),
        detectable=part.detectable(alphas[0], POWER),
    )


def _level(rule: Mapping[str, float]) -> float:
    return 1.0 - rule["reproduced_from"]


def _in_words(claim: Claim, sample: Resampled, what: str) -> str:
    rule, count = claim.rule, sample.places
    where = ""
    if count > 1:
        needed = count if claim.at_least is None else claim.at_least
        where = f" at {'all' if needed == count else f'{needed} or more'} of {count} places"
    by = (
        "t tests, paired by seed"
        if claim.query is None
        else "tests of the values and their standard errors"
    )
    diverged = " At best undecided if a seed diverged." if claim.query is None else ""
    family = (
        " p and the interval are corrected for the claim’s family by Holm’s method."
        if claim.family
        else ""
    )
    return (
        f"Statement: {what}{where}. Tested by one-sided {by}: reproduced if the opposite is"
        f" rejected at p ≤ {_level(rule):g}; not reproduced if the statement itself, with the"
        " smallest effect of interest if one is set, is rejected at p ≤"
        f" {rule['not_reproduced_to']:g}; both: near; neither: undecided. Several parts are"
        f" combined by partial conjunction.{diverged}{family}"
    )
