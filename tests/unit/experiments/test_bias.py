"""Bias and variance of gradient estimates: known moments, planted biases, intervals that cover."""

import math

import numpy as np
import pytest
import torch
from scipy import stats as reference
from torch import Tensor

from reinrelax.experiments.gradients import bias

B, D = 20, 12


def problem(seed: int, draws: int, planted: float = 0.0) -> tuple[Tensor, Tensor]:
    """Correlated, skewed estimates `[N, B, D]` of a gradient `[B, D]`, off by `planted` of its
    norm.
    """
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randn(B, D, generator=generator)
    mixing = torch.randn(B, D, D, generator=generator) / 2
    noise = torch.empty(draws, B, D).exponential_(generator=generator) - 1
    offset = torch.randn(B, D, generator=generator)
    mean = truth + planted * truth.norm() * offset / offset.norm()
    return mean + torch.einsum("nbd,bde->nbe", noise, mixing), truth


def found(estimates: Tensor, truth: Tensor, resamples: int = 50) -> dict[str, bias.Quantity]:
    weights = bias.resampling(len(estimates), resamples, 0, like=truth)
    return {quantity.name: quantity for quantity in bias.quantities(estimates, truth, weights)}


def test_quantities_are_those_of_appendix_c() -> None:
    estimates, truth = problem(0, 64)
    mean = estimates.mean(0)
    variance = (estimates**2).mean(0) - mean**2
    spread = (variance.norm(dim=-1) / mean.norm(dim=-1)).mean()
    expected = {
        "cosine": torch.cosine_similarity(mean, truth, dim=-1).mean(),
        "cosine_batch": torch.cosine_similarity(mean.flatten(), truth.flatten(), dim=0),
        "variance": spread,
        "std_root": spread.sqrt(),
        "std_relative": variance.sum().sqrt() / mean.norm(),
        "std_image": (variance.sum(-1).sqrt() / mean.norm(dim=-1)).mean(),
    }
    values = found(estimates, truth)
    for name, value in expected.items():
        assert values[name].value == pytest.approx(float(value), rel=1e-4), name
        assert values[name].low < values[name].value < values[name].high, name


def test_the_bias_is_measured_without_the_noise_of_few_draws() -> None:
    """‖ḡ − ∇‖² less Σ s²/N, whose mean is the squared bias: by hand, and over 300 sets of three
    draws.
    """
    estimates, truth = problem(0, 5, planted=0.8)
    mean, noise = estimates.mean(0), estimates.var(0, correction=1).sum() / 5
    expected = ((mean - truth).square().sum() - noise).sqrt() / truth.norm()
    assert found(estimates, truth)["relative_bias"].value == pytest.approx(
        float(expected), rel=1e-4
    )
    unlimited = (mean * truth).sum() / (mean.square().sum() - noise).sqrt() / truth.norm()
    assert found(estimates, truth)["cosine_unlimited"].value == pytest.approx(
        float(unlimited), rel=1e-4
    )
    draws, truth = problem(1, 900, planted=1.0)
    squares = torch.tensor(
        [found(part, truth, 1)["relative_bias"].value ** 2 for part in draws.split(3)]
    )
    bias_of_mean = float(((draws.mean(0) - truth).norm() / truth.norm()) ** 2)
    error = float(squares.std() / math.sqrt(len(squares)))
    assert float(squares.mean()) == pytest.approx(bias_of_mean, abs=4 * error)
    assert float(draws.var(0).sum() / 3 / truth.square().sum()) > 8 * error  # what noise would add


def test_resampled_moments_are_those_of_the_draws_repeated() -> None:
    estimates, truth = problem(3, 6)
    weights = bias.resampling(6, 4, 0, like=truth)
    found = bias.moments(estimates, weights)
    for row, mean, variance in zip(weights, found.mean, found.variance, strict=True):
        repeated = estimates.repeat_interleave((row * 6).round().long(), 0)
        assert len(repeated) == 6
        torch.testing.assert_close(mean, repeated.mean(0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(variance, repeated.var(0, correction=0), rtol=1e-4, atol=1e-5)


def test_the_interval_without_noise_takes_off_that_of_resampling_too() -> None:
    """A resampled mean of N draws has the noise of N draws twice over: written plainly."""
    estimates, truth = problem(4, 40)
    weights = bias.resampling(40, 200, 0, like=truth)
    quantities = {entry.name: entry for entry in bias.quantities(estimates, truth, weights)}
    cosines = []
    for times, row in enumerate(weights):
        repeated = estimates.repeat_interleave((row * 40).round().long(), 0)
        mean, noise = repeated.mean(0), repeated.var(0, correction=0).sum() / 39
        square = mean.square().sum() - (2 if times else 1) * noise
        cosines.append(float((mean * truth).sum() / square.sqrt() / truth.norm()))
    low, high = np.quantile(cosines[1:], [0.025, 0.975]) - np.mean(cosines[1:]) + cosines[0]
    found = quantities["cosine_unlimited"]
    assert (found.low, found.value, found.high) == pytest.approx((low, cosines[0], high), rel=1e-4)


def test_the_p_value_of_no_bias_is_the_scaled_chi_squares_of_matched_moments() -> None:
    """One image, written with numpy's covariance and scipy's χ²."""
    estimates, truth = (part[..., :1, :].double() for part in problem(2, 9, planted=0.3))
    n, values = 9, estimates[:, 0].numpy()
    covariance = np.cov(values.T)
    square = (
        (np.sum(covariance**2) - np.trace(covariance) ** 2 / (n - 1))
        * (n - 1) ** 2
        / (n - 2)
        / (n + 1)
    )
    scale, freedom = square / np.trace(covariance), np.trace(covariance) ** 2 / square
    distance = n * float(((estimates.mean(0) - truth) ** 2).sum())
    expected = float(reference.chi2.sf(distance / scale, freedom))
    assert bias.p_unbiased(estimates, truth) == pytest.approx(expected, rel=1e-6)
    assert 1e-6 < expected < 0.999


def test_first_thousand_leaves_out_the_rest() -> None:
    estimates, truth = problem(0, 1024)
    spoiled = estimates.clone()
    spoiled[1000:] = 1e3
    assert (
        found(spoiled, truth)["cosine_first_1000"] == found(estimates, truth)["cosine_first_1000"]
    )
    assert found(spoiled, truth)["cosine"].value < found(estimates, truth)["cosine"].value


def test_unlimited_draws_take_the_noise_off_the_cosine() -> None:
    """The plain cosine of 64 draws is low by 1/√(1 + R²/N); the corrected one is that of many
    draws.
    """
    estimates, truth = problem(0, 200_000)
    limit = torch.cosine_similarity(estimates.mean(0).flatten(), truth.flatten(), dim=0)
    sets = [found(part, truth, resamples=20) for part in estimates[: 40 * 64].split(64)]
    corrected, plain = (
        torch.tensor([one[f"cosine_{name}"].value for one in sets])
        for name in ("unlimited", "batch")
    )
    error = float(corrected.std() / math.sqrt(len(corrected)))
    assert abs(float(corrected.mean() - limit)) < 4 * error
    assert float(limit - plain.mean()) > 10 * error


@pytest.mark.slow
def test_an_unbiased_estimator_is_called_biased_at_the_stated_rate() -> None:
    """1,000 problems of 128 draws: nominal 5% within [3.3%, 7.1%], nominal 1% at most 2.2%.

    Those are the 99.8% limits of the binomial, with 0.1 points more for the upper ones, since a
    mixture of χ² of skewed estimates is only matched in two moments.
    """
    p = torch.tensor([bias.p_unbiased(*problem(seed, 128)) for seed in range(1000)])
    assert 0.033 <= float((p < 0.05).float().mean()) <= 0.073
    assert float((p < 0.01).float().mean()) <= 0.022


@pytest.mark.slow
def test_a_planted_bias_is_found_and_measured() -> None:
    """5% of the gradient's norm, with noise of 4.6 times it a draw: found in at least 95% of 200
    problems.
    """
    measured = [problem(seed, 1024, planted=0.05) for seed in range(200)]
    p = torch.tensor([bias.p_unbiased(*one) for one in measured])
    assert float((p < 0.05).float().mean()) >= 0.95
    values = torch.tensor(
        [found(*one, resamples=20)["relative_bias"].value for one in measured[:50]]
    )
    assert float(values.mean()) == pytest.approx(0.05, abs=4 * float(values.std()) / math.sqrt(50))


@pytest.mark.slow
def test_intervals_cover_what_they_are_about() -> None:
    """95% intervals of 100 sets of 200 draws cover the quantity's mean over sets in at least 88 of
    them.

    That is what they are about: a quantity as defined on so many draws. `cosine_unlimited` alone is
    about infinitely many. Below 88 is a 1 in 500 event at 95%, and the bootstrap is a little short
    at this size.
    """
    estimates, truth = problem(3, 200_000)
    limit = float(torch.cosine_similarity(estimates.mean(0).flatten(), truth.flatten(), dim=0))
    sets = [found(part, truth, resamples=200) for part in estimates[:20_000].split(200)]
    for name in ("cosine", "cosine_unlimited", "variance", "std_relative"):
        target = (
            sum(one[name].value for one in sets) / len(sets)
            if name != "cosine_unlimited"
            else limit
        )
        assert sum(one[name].low <= target <= one[name].high for one in sets) >= 88, name


def test_no_noise_and_no_bias() -> None:
    truth = torch.randn(B, D)
    values = found(truth.expand(8, B, D), truth)
    assert values["cosine"].value == pytest.approx(1.0)
    assert values["variance"].value == pytest.approx(0.0, abs=1e-10)
    assert values["relative_bias"].value == 0.0
    assert found(truth.expand(8, B, D) + 1, truth)["p_unbiased"].value == 0.0


def test_resampling_weights_are_shares_of_draws() -> None:
    weights = bias.resampling(50, 30, 4, like=torch.zeros(()))
    assert weights.shape == (31, 50)
    torch.testing.assert_close(weights.sum(-1), torch.ones(31))
    assert (weights[0] == weights[0, 0]).all()
    torch.testing.assert_close(weights * 50, (weights * 50).round())
    assert torch.equal(weights, bias.resampling(50, 30, 4, like=torch.zeros(())))
    assert not torch.equal(weights, bias.resampling(50, 30, 5, like=torch.zeros(())))
