"""Bias and variance of gradient estimates, relative to the exact gradient (B, Appendix C).

Estimates are `[N, B, D]`: N draws for each of B images, D = L·C logits. Intervals come from a
bootstrap over the draws, with batch and parameters fixed, as in the paper. They are centred on the
estimate, because a resampled mean is noisier than the mean itself, which lowers all its cosines.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.special import gammaincc
from torch import Tensor

# The captions of the paper's figures say 1,024 estimates, Appendix C says 1,000.
_FIRST = 1000 / 1024
_LEVEL = 0.95


@dataclass(frozen=True)
class Quantity:
    """A measured number (NaN: undefined) with its 95% bootstrap interval (NaN: none)."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Moments:
    """Means and variances (1/N), `[S, B, D]`, for S sets of draws; the first has each draw once."""

    mean: Tensor
    variance: Tensor
    draws: int


def resampling(draws: int, resamples: int, seed: int, *, like: Tensor) -> Tensor:
    """Return weights of draws per set, `[1 + S, N]`: equal weights, then S bootstrap sets."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(draws, (resamples, draws), generator=generator)
    counts = torch.zeros(resamples, draws).scatter_add_(1, chosen, torch.ones(chosen.shape))
    return torch.cat((torch.ones(1, draws), counts)).div_(draws).to(like)


def moments(estimates: Tensor, weights: Tensor) -> Moments:
    """Return the moments of estimates `[N, B, D]` under weights `[S, N]`."""
    draws, *shape = estimates.shape
    flat = estimates.flatten(1)
    centre = flat.mean(0)
    # Centre first; otherwise the variance would be a small difference of large numbers.
    deviation = flat - centre
    shift = weights @ deviation
    variance = (weights @ deviation.square()).sub_(shift.square())
    return Moments((shift + centre).unflatten(-1, shape), variance.unflatten(-1, shape), draws)


def quantities(estimates: Tensor, truth: Tensor, weights: Tensor) -> list[Quantity]:
    """Return all quantities that are reported for an estimator.

    Args:
        estimates: ĝ, `[N, B, D]`.
        truth: the exact gradient, `[B, D]`.
        weights: of `resampling`, `[1 + S, N]`.

    Returns:
        cosine: Eq. 38 per image, of the mean over the N draws, averaged over images.
        cosine_batch: Eq. 38 of the whole batch as one vector.
        cosine_unlimited: cosine_batch of the mean over infinitely many draws, from ‖ḡ‖² minus its
            expected noise; NaN if ‖ḡ‖² does not exceed its noise.
        cosine_first_1000: cosine of the first 1000/1024 of the draws.
        variance: Eq. 39 and 40 per image, averaged over images.
        std_root: its square root.
        std_relative: norm of the standard deviation over the norm of the mean, whole batch.
        std_image: the same per image, averaged over images, as in the authors' public code.
        relative_bias: ‖E ĝ − ∇‖/‖∇‖, whole batch, from an unbiased estimate of its square; 0 if
            that is negative.
        p_unbiased: the p-value of `p_unbiased`.
    """
    every = moments(estimates, weights)
    mean, variance, draws = every.mean, every.variance, every.draws
    norm, exact = mean.norm(dim=-1), truth.norm(dim=-1)
    inner = (mean * truth).sum(-1)
    noise = variance.sum(-1) / (draws - 1)
    # A resampled mean has the noise of the draws and of the resampling.
    noise[1:] *= 2
    spread = (variance.norm(dim=-1) / norm).mean(-1)
    deviation = variance.sum(-1).sqrt()
    whole = mean.flatten(1).norm(dim=-1)
    squared_bias = (mean - truth).square().sum((-2, -1)) - noise.sum(-1)
    first = estimates[: max(2, round(draws * _FIRST))].mean(0)
    clean = (whole.square() - noise.sum(-1)).clamp_(min=0).sqrt_()
    return [
        with_interval("cosine", (inner / (norm * exact)).mean(-1)),
        with_interval("cosine_batch", inner.sum(-1) / (whole * truth.norm())),
        with_interval("cosine_unlimited", inner.sum(-1) / (clean * truth.norm())),
        Quantity("cosine_first_1000", float(torch.cosine_similarity(first, truth, dim=-1).mean())),
        with_interval("variance", spread),
        with_interval("std_root", spread.sqrt()),
        with_interval("std_relative", variance.sum((-2, -1)).sqrt() / whole),
        with_interval("std_image", (deviation / norm).mean(-1)),
        with_interval(
            "relative_bias", squared_bias, lambda x: math.sqrt(max(x, 0.0)) / float(truth.norm())
        ),
        Quantity("p_unbiased", p_unbiased(estimates, truth)),
    ]


def p_unbiased(estimates: Tensor, truth: Tensor) -> float:
    """Return the p-value of the hypothesis that the estimates are unbiased.

    It is the probability, for unbiased estimates, of a mean at least as far from the exact
    gradient. Then N‖ḡ − ∇‖² is a weighted sum of χ² variables. Its mean tr Σ and variance 2 tr Σ²
    are estimated without bias (Bai and Saranadasa, 1996) and matched by a scaled χ² (Box, 1954).
    Images are independent.

    Args:
        estimates: `[N, B, D]`.
        truth: `[B, D]`.
    """
    draws = len(estimates)
    mean = estimates.double().mean(0)
    deviation = (estimates.double() - mean).transpose(0, 1)
    covariance = deviation.mT @ deviation / (draws - 1)  # [B, D, D]
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
    squares = covariance.square().sum((-2, -1)) - trace.square() / (draws - 1)
    square = float(squares.sum()) * (draws - 1) ** 2 / ((draws - 2) * (draws + 1))
    total = float(trace.sum())
    distance = draws * float((mean - truth).square().sum())
    if total == 0 or square <= 0:
        return float(distance == 0)
    return float(gammaincc(total**2 / square / 2, distance * total / square / 2))


def with_interval(name: str, values: Tensor, show: Callable[[float], float] = float) -> Quantity:
    """Return a quantity from its values in all sets, `[1 + S]`; the first is the estimate."""
    estimate, resampled = values[0], values[1:].double()
    tail = (1 - _LEVEL) / 2
    if not bool(estimate.isfinite()):
        return Quantity(name, math.nan)
    if not bool(resampled.isfinite().all()):
        return Quantity(name, show(float(estimate)))
    low, high = torch.quantile(resampled, resampled.new_tensor([tail, 1 - tail])) - resampled.mean()
    return Quantity(name, *(show(float(x)) for x in (estimate, estimate + low, estimate + high)))
