"""Intervals over seeds and corrections for multiple tests; NaN if there are too few seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import fdtri, nctdtr, stdtrit

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; `low` and `high` are NaN if there is no interval."""

    estimate: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Check whether `value` lies in the interval; False if the interval is NaN."""
        return self.low <= value <= self.high


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the Student-t interval of the mean of `values` `[n]`, ignoring non-finite ones."""
    estimate, low, high, _ = mean_intervals(
        np.asarray(values, dtype=np.float64).reshape(1, -1), level
    )
    return Interval(float(estimate[0]), float(low[0]), float(high[0]))


def mean_intervals(values: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats, Floats, Counts]:
    """Return Student-t intervals of the means along the last axis, ignoring non-finite values.

    Args:
        values: `[..., n]`.
        level: coverage.

    Returns:
        Mean (NaN for n = 0), lower and upper end (NaN for n < 2) and n, each `[...]`.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    count = finite.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite, values, 0.0).sum(-1) / count
        squares = (np.where(finite, values - mean[..., None], 0.0) ** 2).sum(-1)
        error = np.sqrt(squares / (count - 1) / count)
        half = stdtrit(np.where(count > 1, count - 1, np.nan), (1 + level) / 2) * error
    return mean, mean - half, mean + half, count


def prediction_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the prediction interval of one more value, given normal `values` `[n]`.

    mean ± t_{n−1} s √(1 + 1/n).
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 2:
        return Interval(float(values.mean()) if n else np.nan, np.nan, np.nan)
    half = float(stdtrit(n - 1, (1 + level) / 2) * values.std(ddof=1) * np.sqrt(1 + 1 / n))
    return Interval(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def difference_interval(
    values: ArrayLike, mean: float, std: float, count: int, level: float = 0.95
) -> Interval:
    """Return the Welch interval of the mean of `values` `[n]` minus a published mean.

    Δ ± t_ν √(s²/n + std²/count), with ν by Welch and Satterthwaite.

    Args:
        values: our values, one per seed; finite.
        mean, std: the published mean and standard deviation over seeds.
        count: the number of seeds behind the published mean.
        level: coverage.
    """
    ours = np.asarray(values, dtype=np.float64)
    if len(ours) == 0:
        return Interval(np.nan, np.nan, np.nan)
    difference = float(ours.mean() - mean)
    if len(ours) < 2 or count < 2:
        return Interval(difference, np.nan, np.nan)
    parts = np.array([ours.var(ddof=1) / len(ours), std**2 / count])
    variance = parts.sum()
    if variance == 0:
        return Interval(difference, difference, difference)
    freedom = variance**2 / (parts**2 / (len(ours) - 1, count - 1)).sum()
    half = float(stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance))
    return Interval(difference, difference - half, difference + half)


def interval_of(mean: float, std: float, count: int, level: float = 0.95) -> Interval:
    """Return the Student-t interval of a published mean with `std` over `count` seeds."""
    if count < 2:
        return Interval(mean, np.nan, np.nan)
    half = float(stdtrit(count - 1, (1 + level) / 2) * std / np.sqrt(count))
    return Interval(mean, mean - half, mean + half)


def spread_ratio_interval(
    values: ArrayLike, std: float, count: int, level: float = 0.95
) -> Interval:
    """Return the ratio of the standard deviation of `values` `[n]` to a published one.

    The interval is the F interval for two normal samples,
    s/std · [F_{n−1, count−1}(1 − α/2)^−½, F_{count−1, n−1}(1 − α/2)^½] at level 1 − α.

    Args:
        values: our values, one per seed; finite.
        std: the published standard deviation over seeds, with count − 1 degrees of freedom.
        count: the number of seeds behind the published standard deviation.
        level: coverage.
    """
    ours = np.asarray(values, dtype=np.float64)
    if len(ours) < 2 or count < 2 or std == 0:
        return Interval(np.nan, np.nan, np.nan)
    ratio, upper = float(ours.std(ddof=1)) / std, (1 + level) / 2
    freedom = (len(ours) - 1, count - 1)
    low, high = (float(np.sqrt(fdtri(*pair, upper))) for pair in (freedom, freedom[::-1]))
    return Interval(ratio, ratio / low, ratio * high)


def smallest_shown(
    stds: tuple[float, float], counts: tuple[int, int], power: float = 1 / 3
) -> float:
    """Return the difference of two means that a two-sided t test at 5% detects with this power.

    With a power of 1/3 this is the effect below which a study of this size is uninformative
    (Simonsohn, 2015: small telescopes): 1.52 standard errors if these are known exactly.

    Args:
        stds, counts: the standard deviations and sizes of both samples.
        power: the probability of detection.

    Returns:
        NaN if a standard deviation is NaN or a count is below 2.
    """
    if min(counts) < 2 or np.isnan(stds).any():
        return float("nan")
    error = float(np.sqrt(sum(std**2 / count for std, count in zip(stds, counts, strict=True))))
    return error * _noncentrality(sum(counts) - 2, power)


@cache
def _noncentrality(freedom: int, power: float) -> float:
    limit = stdtrit(freedom, 0.975)

    return float(brentq(lambda shift: 1 - nctdtr(freedom, shift, limit) - power, 0.0, 10.0))


def percentile_interval(estimate: float, resampled: Floats, level: float = 0.95) -> Interval:
    """Return the percentile bootstrap interval of `estimate` from `resampled` `[resamples]`."""
    if len(resampled) == 0 or np.isnan(resampled).any():
        return Interval(estimate, np.nan, np.nan)
    # This method selects values instead of interpolating between them, so infinite values are safe.
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], method="inverted_cdf")
    return Interval(estimate, float(low), float(high))


def holm(p_values: Sequence[float], count: int) -> list[float]:
    """Correct the p-values of a family by Holm's step-down method; NaN stays NaN.

    The probability of rejecting any true null hypothesis of the family is at most the level, under
    any dependence.

    Args:
        p_values: the p-values; NaN where unknown.
        count: the size of the family; unknown p-values count as the largest.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if not np.isnan(p))
    out, largest = [float("nan")] * len(p_values), 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (count - rank) * p))
        out[place] = largest
    return out


def median_interval(values: ArrayLike) -> Interval:
    """Return the median of `values` `[n]`, with their minimum and maximum as its interval.

    For any continuous distribution the interval contains the median with probability 1 − 2^(1−n):
    94% at n = 5, 75% at n = 3. A bootstrap of this few values does not reach its nominal coverage.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return Interval(np.nan, np.nan, np.nan)
    low, high = (values.min(), values.max()) if len(values) > 1 else (np.nan, np.nan)
    return Interval(float(np.median(values)), float(low), float(high))


def minimum_interval(
    places: ArrayLike,
    curves: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the place of the minimum of the mean curve, with its bootstrap percentile interval.

    Whole curves are resampled, so an offset of a seed at all places does not move the minimum.

    Args:
        places: the places `[P]`.
        curves: `[S, P]`, one row per seed; infinite where it diverged.
        resamples, seed: the number of bootstrap samples and the seed that draws them.
        level: coverage.
    """
    places, curves = np.asarray(places, dtype=np.float64), np.asarray(curves, dtype=np.float64)
    seeds = len(curves)
    if seeds == 0 or not np.isfinite(curves.mean(0)).any():
        return Interval(np.nan, np.nan, np.nan)
    estimate = float(places[curves.mean(0).argmin()])
    if seeds < 2:
        return Interval(estimate, np.nan, np.nan)
    drawn = np.random.default_rng(seed).integers(seeds, size=(resamples, seeds))
    means = curves[drawn].mean(1)
    return percentile_interval(estimate, places[means.argmin(-1)], level)
