"""Invertible Gaussian (paper A, III.G) and logistic-normal latents (paper A, III.I) on the simplex.

Their hard code is the largest coordinate, that is, the argmax of independent Gaussians.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import softplus
from torch.special import log_ndtr, ndtri

from reinrelax.core.numerics import softmax
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.functions import one_hot_argmax
from reinrelax.distributions.invertible_gaussian import InvertibleGaussian
from reinrelax.latents.base import Latent, drawn, per_image
from reinrelax.latents.categorical import one_hot_prior

# Nodes of the quadrature of P(argmax = k), and its range in standard deviations.
_NODES, _REACH = 64, 8.0
# A substitute for standard deviations of zero, and the limit of scores divided by it.
_TINY, _FAR = 1e-12, 1e4
# Log concentrations are limited to ±_SPAN.
_SPAN = 8.0


class LargestGaussian(Latent):
    """One-hot codes of the largest of C independent Gaussians, with the uniform prior."""

    @abstractmethod
    def scores(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations of the Gaussians, both `[R, B, L, C]`."""

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        mean, std = self.scores(outputs)
        code = one_hot_argmax(mean + std * streams.normal_(torch.empty_like(mean)))
        log_q = log_prob_largest(mean, std, code.argmax(-1, keepdim=True))
        return code.flatten(2), (log_q + math.log(self.shape.categories)).sum(-1)

    def prior(self, count: int, streams: Streams) -> Tensor:
        return one_hot_prior(self, count, streams)


def log_prob_largest(mean: Tensor, std: Tensor, index: Tensor) -> Tensor:
    """Return log P(argmax = k) of independent Gaussians, `[...]`.

    The integral over the k-th Gaussian runs over the part of its mass where it can be the largest.
    The logarithm is therefore as accurate for an unlikely k as for a likely one.

    Args:
        mean, std: `[..., C]`; standard deviations may be zero.
        index: k, `[..., 1]` int64.
    """
    nodes, weights = (torch.as_tensor(a, dtype=mean.dtype, device=mean.device) for a in _legendre())
    own_mean, own_std = mean.gather(-1, index), std.gather(-1, index)
    low = (mean - _REACH * std).amax(-1, keepdim=True)
    width = (own_mean + _REACH * own_std - low).clamp_min(_TINY)
    y = low + width * (nodes + 1) / 2  # [..., nodes]
    density = Normal(own_mean, own_std.clamp_min(_TINY), validate_args=False).log_prob(y)
    spread = (density + (width * weights / 2).log() + _log_below(y, mean, std, index)).logsumexp(-1)
    fixed = _log_below(own_mean, mean, std, index)[..., 0]
    return torch.where(own_std[..., 0] > 0, spread, fixed)


def _log_below(y: Tensor, mean: Tensor, std: Tensor, index: Tensor) -> Tensor:
    """Return log P(all but the k-th are below y), for y `[..., N]`."""
    gap = (y[..., None, :] - mean[..., None]) / std.clamp_min(_TINY)[..., None]  # [..., C, N]
    others = torch.ones_like(mean).scatter_(-1, index, 0.0)
    out: Tensor = (log_ndtr(gap.clamp(-_FAR, _FAR)) * others[..., None]).sum(-2)
    return out


@cache
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(_NODES)


class InvertibleGaussianLatent(LargestGaussian):
    """softmax++ of K − 1 Gaussians at temperature τ, with the prior N(μ₀, 1).

    The paper gives no prior. This one makes all categories equally likely: the last category's
    score is zero, so all others must be negative with probability 1/K. Hence Φ(−μ₀)^(K − 1) = 1/K.

    Args:
        tau: temperatures `[R]`.
    """

    def __init__(
        self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str, *, tau: Tensor
    ) -> None:
        super().__init__(shape, seeds, device)
        K = shape.categories
        self.outputs, self.inputs = 2 * shape.latents * (K - 1), shape.latents * K
        self._tau = per_image(tau, 3, self.device)
        share = torch.tensor(K ** (-1 / (K - 1)), dtype=torch.float64, device="cpu")
        self._prior_mean = -float(ndtri(share))

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        return drawn(self.relaxation(outputs), streams).flatten(2), self.kl(outputs)

    def relaxation(self, outputs: Tensor) -> InvertibleGaussian:
        """Return the distribution of the relaxed sample."""
        mean, std = self._parameters(outputs)
        return InvertibleGaussian(self._tau, mean, std, validate_args=False)

    def kl(self, outputs: Tensor) -> Tensor:
        """Return the KL of the Gaussians to the prior, nats per image `[R, B]`."""
        mean, std = self._parameters(outputs)
        square = std.square() + (mean - self._prior_mean).square()
        return (square / 2 - 0.5 - std.log()).sum((-2, -1))

    def scores(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = self._parameters(outputs)
        last = torch.zeros_like(mean[..., :1])
        return torch.cat((mean, last), -1), torch.cat((std, last), -1)

    def _parameters(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = outputs.unflatten(
            -1, (2, self.shape.latents, self.shape.categories - 1)
        ).unbind(-3)
        return mean + self._prior_mean, softplus(raw + math.log(math.e - 1)) + 1e-4


class LogisticNormalLatent(LargestGaussian):
    """Gaussian logits by the Laplace bridge of Dirichlet(α), with that of Dirichlet(1) as prior.

    The encoder gives α. The bridge's covariance is diag(1/α), projected to logits that sum to zero.
    softmax(log α + n/√α) with n ~ N(0, I) has the same distribution, because softmax ignores a
    common shift.
    """

    def __init__(
        self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str
    ) -> None:
        super().__init__(shape, seeds, device)
        self.outputs = self.inputs = shape.latents * shape.categories

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        log_alpha, std = self.scores(outputs)
        sample = softmax(log_alpha + std * streams.normal_(torch.empty_like(std)))
        return sample.flatten(2), self.kl(outputs)

    def kl(self, outputs: Tensor) -> Tensor:
        """Return the KL of the Gaussians to the prior, nats per image `[R, B]`.

        Both are on logits that sum to zero, where the prior is N(0, I). With P the projection to
        them and D = diag(1/α): tr PDP = (1 − 1/K) Σ 1/α, and det PDP = Π(1/α) Σ α / K.
        """
        log_alpha, _ = self.scores(outputs)
        K = log_alpha.shape[-1]
        centred = log_alpha - log_alpha.mean(-1, keepdim=True)
        trace = (1 - 1 / K) * (-log_alpha).exp().sum(-1)
        log_det = log_alpha.logsumexp(-1) - math.log(K) - log_alpha.sum(-1)
        return (trace + centred.square().sum(-1) - (K - 1) - log_det).sum(-1) / 2

    def scores(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        raw = outputs.unflatten(-1, (self.shape.latents, self.shape.categories))
        log_alpha = _SPAN * torch.tanh(raw / _SPAN)
        return log_alpha, (-log_alpha / 2).exp()


invertible_gaussian = InvertibleGaussianLatent
logistic_normal = LogisticNormalLatent
