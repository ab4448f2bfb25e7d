"""Intervals and orderings: against scipy, by simulation with stated rates, and where seeds are too
few.
"""

import numpy as np
import pytest
from scipy import stats as reference

from reinrelax.core import stats


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240)


def test_mean_interval_is_students(rng: np.random.Generator) -> None:
    values = rng.normal(100, 2, size=7)
    expected = reference.ttest_1samp(values, 0).confidence_interval(0.95)
    ours = stats.mean_interval(values)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    assert ours.estimate == pytest.approx(values.mean())


def test_mean_intervals_leave_out_what_is_not_finite(rng: np.random.Generator) -> None:
    values = rng.normal(size=(3, 6))
    gaps = values.copy()
    gaps[1, 2], gaps[2, 0] = np.nan, np.inf
    mean, low, high, count = stats.mean_intervals(gaps)
    assert count.tolist() == [6, 5, 5]
    alone = stats.mean_interval(np.delete(values[1], 2))
    assert (mean[1], low[1], high[1]) == pytest.approx((alone.estimate, alone.low, alone.high))
    whole = stats.mean_interval(values[0])
    assert (mean[0], low[0], high[0]) == pytest.approx((whole.estimate, whole.low, whole.high))


def test_difference_interval_is_welchs(rng: np.random.Generator) -> None:
    ours, theirs = rng.normal(100, 0.3, size=6), rng.normal(101, 1.5, size=10)
    expected = reference.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    found = stats.difference_interval(ours, theirs.mean(), theirs.std(ddof=1), 10)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.estimate == pytest.approx(ours.mean() - theirs.mean())


def test_too_few_seeds_have_no_interval() -> None:
    assert np.isnan(stats.mean_interval([]).estimate)
    one = stats.mean_interval([3.0])
    assert one.estimate == 3.0
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(stats.difference_interval([], 1.0, 0.1, 10).estimate)
    one = stats.difference_interval([3.0], 1.0, 0.1, 10)
    assert one.estimate == 2.0
    assert np.isnan([one.low, one.high]).all()
    assert not one.holds(2.0)
    assert np.isnan(stats.percentile_interval(1.0, np.array([np.nan, 1.0])).low)


def test_equal_seeds_have_an_interval_of_no_width() -> None:
    assert stats.mean_interval([2.0, 2.0, 2.0]) == stats.Interval(2.0, 2.0, 2.0)
    assert stats.difference_interval([2.0, 2.0], 1.0, 0.0, 10) == stats.Interval(1.0, 1.0, 1.0)


def test_intervals_cover_at_their_level(rng: np.random.Generator) -> None:
    """Of 4,000 intervals 95% hold the truth; the count leaves its binomial range once in 10,000."""
    values = rng.normal(5, 1, size=(4000, 5))
    _, low, high, _ = stats.mean_intervals(values)
    published = rng.normal(5, 2, size=(4000, 10))
    welch = [
        stats.difference_interval(ours, theirs.mean(), theirs.std(ddof=1), 10).holds(0.0)
        for ours, theirs in zip(values, published, strict=True)
    ]
    lowest, highest = reference.binom.ppf([0.5e-4, 1 - 0.5e-4], 4000, 0.95)
    assert lowest <= ((low <= 5) & (high >= 5)).sum() <= highest
    assert lowest <= sum(welch) <= highest
    # And it can fail: an interval of the normal quantile for five seeds covers too little.
    narrow = 1.96 * values.std(-1, ddof=1) / np.sqrt(5)
    assert (np.abs(values.mean(-1) - 5) <= narrow).sum() < lowest


def test_a_prediction_interval_holds_the_next_value(rng: np.random.Generator) -> None:
    """In 95% of 4,000 cases; the count leaves its binomial range once in 10,000."""
    values = rng.normal(5, 2, size=(4000, 6))
    held = [stats.prediction_interval(row[:5]).holds(row[5]) for row in values]
    lowest, highest = reference.binom.ppf([0.5e-4, 1 - 0.5e-4], 4000, 0.95)
    assert lowest <= sum(held) <= highest
    # And it can fail: the interval of the mean's own spread, without the mean's error.
    half = reference.t.ppf(0.975, 4) * values[:, :5].std(-1, ddof=1)
    assert (np.abs(values[:, 5] - values[:, :5].mean(-1)) <= half).sum() < lowest


def test_a_percentile_interval_leaves_out_equal_tails() -> None:
    found = stats.percentile_interval(0.0, np.arange(1001.0))
    assert (found.low, found.high) == (25, 975)
    found = stats.percentile_interval(0.0, np.arange(1001.0), level=0.8)
    assert (found.low, found.high) == (100, 900)


def test_a_minimum_is_that_of_a_mean_over_the_seeds() -> None:
    """Every seed has its minimum at an end, and the mean of any twenty of them in the middle."""
    curves = np.array([[0.0, 1.0, 9.0], [9.0, 1.0, 0.0]] * 10)
    found = stats.minimum_interval([0.0, 0.5, 1.0], curves)
    assert (found.estimate, found.low, found.high) == (0.5, 0.5, 0.5)


def test_a_minimum_is_resampled_with_whole_curves() -> None:
    places = [0.0, 0.5, 1.0]
    curves = np.array([[2.0, 1.0, 3.0], [12.0, 11.0, 13.0], [7.0, 6.0, 8.0]])
    found = stats.minimum_interval(places, curves)
    assert (found.estimate, found.low, found.high) == (0.5, 0.5, 0.5)
    # Where seeds disagree the interval says so; what diverged is never the lowest.
    curves[0] = [0.0, 1.0, 3.0]
    found = stats.minimum_interval(places, curves)
    assert (found.low, found.high) == (0.0, 0.5)
    curves[1, 1] = np.inf
    assert stats.minimum_interval(places, curves).estimate == 0.0
    assert np.isnan(stats.minimum_interval(places, curves[:1]).low)
    assert np.isnan(stats.minimum_interval(places, np.full((2, 3), np.inf)).estimate)


def test_a_median_lies_between_its_smallest_and_largest_value(rng: np.random.Generator) -> None:
    """Coverage 1 − 2^(1−n), 93.75% at n = 5: of 4,000 samples a count beyond 5 σ = 77 is rarer than
    1e-6.
    """
    found = [stats.median_interval(sample) for sample in rng.exponential(size=(4000, 5))]
    held = sum(interval.holds(np.log(2)) for interval in found)
    assert abs(held - 3750) < 77
    assert found[0].low < found[0].estimate < found[0].high
    assert np.isnan(stats.median_interval([1.0]).low)
    assert np.isnan(stats.median_interval([]).estimate)


def test_the_effect_that_a_study_would_have_shown_in_a_third_of_cases() -> None:
    """Simonsohn's d33: 1.52 standard errors of many; and by simulation of t tests of ten against
    five and of two against two.
    """
    many = stats.smallest_shown((1.0, 1.0), (10**6, 10**6))
    assert many == pytest.approx(1.53 * np.sqrt(2e-6), rel=0.01)
    rng = np.random.default_rng(3)
    for counts in ((10, 5), (2, 2)):
        effect = stats.smallest_shown((1.0, 1.0), counts)
        ours, theirs = (
            rng.normal(mean, 1, (20_000, n)) for mean, n in zip((0, effect), counts, strict=True)
        )
        found = reference.ttest_ind(ours, theirs, axis=-1)
        shown = float(((found.pvalue < 0.05) & (found.statistic < 0)).mean())
        assert shown == pytest.approx(1 / 3, abs=0.014)  # four standard errors
    assert np.isnan(stats.smallest_shown((1.0, np.nan), (10, 10)))
    assert np.isnan(stats.smallest_shown((1.0, 1.0), (10, 1)))
