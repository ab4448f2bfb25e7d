"""Correction for a family of claims: Holm's as a closed test, on both sides, whoever of it
was run.
"""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats as reference

from reinrelax.claims import judge, judge_all
from reinrelax.core import stats
from tests.helpers.claims import claimed, estimate, measured

SIDES = {"lower": ({"who": "a"},), "higher": ({"who": "b"},)}


def closed(p_values: list[float], count: int) -> list[float]:
    """Every p-value's largest Bonferroni p of all sets that it is in, of a family of so many."""
    every = [*p_values, *[1.0] * (count - len(p_values))]
    out = []
    for own in range(len(p_values)):
        others = [place for place in range(count) if place != own]
        sets = [(own, *rest) for size in range(count) for rest in combinations(others, size)]
        out.append(
            max(min(1.0, len(places) * min(every[place] for place in places)) for places in sets)
        )
    return out


@pytest.mark.parametrize("count", [4, 7])
def test_holms_method_is_the_closed_test_of_bonferronis(count: int) -> None:
    """Whatever the order, and with those that are not known as the largest."""
    draw = np.random.default_rng(count)
    for _ in range(50):
        known = (draw.uniform(size=4) ** 3).tolist()
        assert stats.holm(known, count) == pytest.approx(closed(known, count))
        with_gaps = [known[0], float("nan"), *known[1:], float("nan")]
        found = stats.holm(with_gaps, count)
        assert np.isnan([found[1], found[5]]).all()
        assert [found[0], *found[2:5]] == pytest.approx(closed(known, count))


def test_a_family_without_effects_rejects_in_a_twentieth_of_cases() -> None:
    """4,000 families of five uniform p-values; the count leaves its binomial range once in
    10,000.
    """
    draw = np.random.default_rng(1)
    wrong = sum(min(stats.holm(draw.uniform(size=5).tolist(), 5)) <= 0.05 for _ in range(4000))
    lowest, highest = reference.binom.ppf([0.5e-4, 1 - 0.5e-4], 4000, 1 - (1 - 0.05 / 5) ** 5)
    assert lowest <= wrong <= highest


def test_both_sides_are_corrected_for_all_of_a_family_also_for_those_that_were_not_run() -> None:
    """Claims at z of 3, −3, 1 and, on rows that are not there, one that was not run; intervals go
    along.
    """
    rows = [
        estimate(value, 1.0, who=who, at=place)
        for place, z in enumerate((3.0, -3.0, 1.0))
        for who, value in (("a", 0.0), ("b", z * np.sqrt(2)))
    ]
    there = measured(rows)
    family = [
        claimed("less", query={**SIDES, "where": {"at": at}}, family="f", id=str(at))
        for at in range(4)
    ]
    alone = [judge(claim, there) for claim in family]
    found = judge_all(family, {"measurements": there})
    assert [verdict.verdict for verdict in found] == [
        "reproduced",
        "not reproduced",
        "undecided",
        "not run",
    ]
    for side in ("holding", "failing"):
        own = [getattr(verdict, side) for verdict in alone[:3]]
        assert [getattr(verdict, side) for verdict in found[:3]] == pytest.approx(closed(own, 4))
    for verdict, before in zip(found[:3], alone, strict=False):
        assert verdict.family == 4
        assert verdict.low < before.low
        assert verdict.high > before.high
        assert (verdict.holding <= 0.05) == (verdict.low > 0)
        assert (verdict.failing <= 0.05) == (verdict.high < 0)
    # Those that are not of the family stay as they are.
    others = [
        claimed("less", query={**SIDES, "where": {"at": at}}, family="", id=str(at))
        for at in range(3)
    ]
    assert [v.holding for v in judge_all(others, {"measurements": there})] == [
        v.holding for v in alone[:3]
    ]
