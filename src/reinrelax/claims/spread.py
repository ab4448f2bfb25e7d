"""The judging function on how much runs scatter over seeds."""

from dataclasses import replace

import numpy as np

from reinrelax import stats
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.margins import by_margin
from reinrelax.claims.model import Claim, Floats, Group, Verdict


def scatters_more(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the standard deviation of `higher` is more than `times` the median of those of `lower`."""
    times, place = claim.number("times"), claim.places[0]
    sample = evidence.sample(claim)
    generator = np.random.default_rng(0)

    def deviations(methods: tuple[str, ...]) -> Floats:
        return np.stack(
            [_deviations(evidence.values((m, place), claim.metric), generator) for m in methods], -1
        )

    group = Group(
        deviations(claim.lower), deviations(claim.higher), np.arange(len(claim.lower), dtype=np.float64)
    )

    def margin(group: Group) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(group.higher / np.median(group.lower, -1, keepdims=True) / times)

    what = f"the standard deviation over seeds is more than {times:g} times the others’ median (margin: log)"
    return by_margin(claim, replace(sample, groups=[group]), margin, what)


def _deviations(values: dict[int, float], generator: np.random.Generator) -> Floats:
    """Standard deviation over seeds `[1 + S]`: as observed, then over resampled seeds."""
    held = np.array(list(values.values()))
    if len(held) < 2:
        return np.full(1 + stats.RESAMPLES, np.nan)
    drawn = held[generator.integers(len(held), size=(stats.RESAMPLES, len(held)))]
    return np.concatenate([[held.std(ddof=1)], drawn.std(-1, ddof=1)])
