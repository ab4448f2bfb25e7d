"""What claims are made of: bounds and p-values say the same, and are those of known tests."""

import numpy as np
import pytest
from scipy import stats as reference

from reinrelax.claims.parts import (
    AtLeast,
    Contrast,
    Estimate,
    Part,
    combination,
    every,
    opposite,
    over_seeds,
    undefined,
)
from reinrelax.claims.ranks import Ranking
from reinrelax.claims.spread import Deviations

NAN = float("nan")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def seeds(values: np.ndarray) -> Estimate:
    return over_seeds(dict(enumerate(values.tolist())))


def test_estimates_of_the_same_seeds_are_paired_and_others_are_welchs(
    rng: np.random.Generator,
) -> None:
    one, other = rng.normal(0.0, 1.0, 8), rng.normal(0.5, 3.0, 8)
    paired = Contrast(combination([(1.0, seeds(other)), (-1.0, seeds(one))]))
    expected = reference.ttest_rel(other, one, alternative="greater")
    assert paired.holding == pytest.approx(expected.pvalue)
    assert paired.low(0.05) == pytest.approx(expected.confidence_interval(0.95).low)
    apart = over_seeds({seed + 100: value for seed, value in enumerate(other[:5].tolist())})
    welch = Contrast(combination([(1.0, apart), (-1.0, seeds(one))]))
    expected = reference.ttest_ind(other[:5], one, equal_var=False, alternative="greater")
    assert welch.holding == pytest.approx(expected.pvalue)
    assert welch.failing == pytest.approx(1 - expected.pvalue)


def test_one_result_under_two_names_differs_from_itself_by_nothing() -> None:
    twice = combination([(1.0, Estimate(3.0, 0.5)), (-1.0, Estimate(3.0, 0.5))])
    assert (twice.value, twice.error) == (0.0, 0.0)
    assert (Contrast(twice).holding, Contrast(twice).failing) == (1.0, 0.0)
    part = combination([(0.9, Estimate(3.0, 0.5)), (-1.0, Estimate(3.0, 0.5))])
    assert (part.value, part.error) == (pytest.approx(-0.3), pytest.approx(0.05))


def _leaf(rng: np.random.Generator) -> Part:
    kind = rng.integers(4)
    if kind == 0:
        return Contrast(Estimate(float(rng.normal()), float(rng.choice([0.0, 0.3])), 9.0))
    if kind == 1:
        margin = Estimate(
            float(rng.normal(0.3)), float(rng.choice([0.4, 0.02])), float(rng.integers(2, 20))
        )
        return Contrast(margin, combination([(1.0, margin)], -0.5))
    if kind == 2:
        return Deviations(seeds(rng.normal(0, 2, 9)), seeds(rng.normal(0, 1, 7)), 1.5)
    return Ranking([seeds(rng.normal(k, 1.0, 6)) for k in range(4)], range(4), 0.5, [0.1] * 6)


def _tree(rng: np.random.Generator) -> Part:
    count = int(rng.integers(1, 5))
    parts = [
        AtLeast([_leaf(rng) for _ in range(2)], int(rng.integers(1, 3)))
        if rng.random() < 0.3
        else _leaf(rng)
        for _ in range(count)
    ]
    return AtLeast(parts, int(rng.integers(1, count + 1)))


def test_a_verdict_never_contradicts_its_interval(rng: np.random.Generator) -> None:
    """Whatever a claim is made of, at every level: p ≤ α for it just where its interval begins
    above zero.
    """
    both = set()
    for _ in range(200):
        part = _tree(rng) if rng.random() < 0.8 else _leaf(rng)
        for alpha in (0.01, 0.05, 0.2):
            low, high, excess = part.low(alpha), part.high(alpha), part.excess(alpha)
            assert (part.holding <= alpha) == (low > 0)
            assert (part.failing <= alpha) == (excess < 0)
            assert low <= part.estimate <= high
            assert excess <= high
            both.add((low > 0, excess < 0))
    assert len(both) == 4


def test_partial_conjunction_both_ways() -> None:
    parts = [Contrast(Estimate(value, 1.0)) for value in (5.0, 2.5, 1.0, -3.0)]
    tails = [reference.norm.sf(value) for value in (5.0, 2.5, 1.0, -3.0)]
    two = AtLeast(parts, 2)
    assert two.estimate == 2.5
    assert two.holding == pytest.approx(3 * tails[1])
    assert two.failing == pytest.approx(min(1.0, 2 * sorted(1 - t for t in tails)[2]))
    assert every(parts).holding == pytest.approx(tails[3])
    assert every(parts).failing == pytest.approx(4 * (1 - tails[3]))
    # Not two of four is three of four that fail.
    assert opposite(two).holding == pytest.approx(two.failing)
    assert opposite(two).low(0.05) == pytest.approx(-two.high(0.05))


def test_an_undefined_part_counts_neither_for_nor_against() -> None:
    gone, ahead, behind = (Contrast(Estimate(value, 0.1)) for value in (NAN, 1.0, -1.0))
    assert AtLeast([ahead, ahead, gone], 2).holding < 0.001
    assert every([ahead, ahead, gone]).holding == 1.0
    assert every([ahead, behind, gone]).failing < 0.001
    assert AtLeast([behind, behind, gone], 2).failing < 0.001
    assert AtLeast([ahead, behind, gone], 2).failing == 1.0
    assert np.isnan(every([gone]).holding)
    assert undefined(AtLeast([ahead, gone, every([ahead, gone])], 1)) == 2
    assert np.isnan(every([]).holding)


def test_what_is_equal_is_refuted_by_the_smallest_effect_alone() -> None:
    margin = Estimate(0.0, 0.1)
    assert Contrast(margin).failing == pytest.approx(0.5)
    assert Contrast(margin, combination([(1.0, margin)], -0.5)).failing < 1e-6
    # An exact margin of that effect is not below it.
    exact = Estimate(0.5)
    assert Contrast(exact, combination([(1.0, exact)], -0.5)).failing == 1.0


def test_a_ranking_that_seeds_tell_apart_is_known_and_one_of_ties_is_refuted(
    rng: np.random.Generator,
) -> None:
    apart = [seeds(rng.normal(10.0 * k, 1.0, 10)) for k in range(5)]
    known = Ranking(apart, range(5), 0.8)
    assert known.low(0.05) == pytest.approx(known.high(0.05)) == pytest.approx(0.2)
    assert known.holding < 1e-4
    assert Ranking(apart[::-1], range(5), 0.8).failing < 1e-4
    equal = [seeds(rng.normal(0.0, 0.01, 10)) for _ in range(5)]
    assert Ranking(equal, range(5), 0.8).failing > 0.05
    assert Ranking(equal, range(5), 0.8, [1.0] * 10).failing < 1e-4


def test_deviations_are_compared_by_f(rng: np.random.Generator) -> None:
    one, other = rng.normal(0, 3, 10), rng.normal(0, 1, 8)
    part = Deviations(seeds(one), seeds(other), 1.0)
    ratio = one.var(ddof=1) / other.var(ddof=1)
    assert part.estimate == pytest.approx(np.log(ratio) / 2)
    assert part.holding == pytest.approx(reference.f.sf(ratio, 9, 7))
