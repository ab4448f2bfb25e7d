"""The hard concrete distribution (Louizos et al., 2018)."""

from collections.abc import Callable
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Bernoulli, constraints
from torch.nn.functional import logsigmoid

from reinrelax.core.numerics import widened
from reinrelax.distributions.base import Relaxation, logits_of, quantile, register_kl
from reinrelax.distributions.functions import logit
from reinrelax.distributions.relaxed_bernoulli import log_density

# Gauss–Legendre nodes of mean, variance and KL: as many as keep their error below 1e-9 for β ≤ 100,
# where P(s̄ > x) is a steep step.
_NODES = 512
# Where the standard logistic law has less than 1e-17 of its mass beyond.
_REACH = 40.0


class HardConcrete(Relaxation):
    """Gate z = min(1, max(0, s̄)), s̄ = σ((log α + log u − log(1 − u))/β) (ζ − γ) + γ (A, III.C).

    α is the odds, not the probability: the logits are log α. The distribution is mixed, with atoms
    at 0 and 1, and `log_prob` is with respect to Lebesgue measure plus a unit mass at either end.

    Args:
        temperature: β > 0, broadcasts with the logits.
        probs: α/(1 + α), or
        logits: log α.
        gamma: γ < 0, lower end before clipping.
        zeta: ζ > 1, upper end before clipping.

    >>> gate = HardConcrete(0.5, logits=torch.tensor([0.0, 2.0]))
    >>> gate.l0_penalty
    tensor([0.7683, 0.9608])
    >>> gate.deployed
    tensor([0.5000, 0.9570])
    """

    arg_constraints: ClassVar = {
        "logits": constraints.real,
        "temperature": constraints.positive,
        "gamma": constraints.less_than(0.0),
        "zeta": constraints.greater_than(1.0),
    }
    support = constraints.unit_interval
    logits: Tensor
    temperature: Tensor
    gamma: Tensor
    zeta: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        gamma: Tensor | float = -0.1,
        zeta: Tensor | float = 1.1,
        validate_args: bool | None = None,
    ) -> None:
        probs, logits, temperature, gamma, zeta = self._enter(
            probs=probs, logits=logits, temperature=temperature, gamma=gamma, zeta=zeta
        )
        logits = logits_of(self, probs, logits, validate_args=validate_args)
        super().__init__(
            (),
            validate_args=validate_args,
            logits=logits,
            temperature=temperature,
            gamma=gamma,
            zeta=zeta,
        )

    @property
    def l0_penalty(self) -> Tensor:
        """Chance of an open gate, P(z ≠ 0) = σ(log α − β log(−γ/ζ)), `[*batch_shape]`."""
        return torch.sigmoid(-self._below(torch.zeros_like(self.logits)))

    @property
    def deployed(self) -> Tensor:
        """The gate at deployment, clip(σ(log α)(ζ − γ) + γ): exactly 0 or 1 only where |log α| is
        large.
        """
        return self._stretch(self.logits.sigmoid()).clamp(0, 1)

    def from_noise(self, noise: Tensor) -> Tensor:
        return self._stretch(torch.sigmoid((self.logits + logit(noise)) / self.temperature)).clamp(
            0, 1
        )

    def harden(self, noise: Tensor) -> Tensor:
        return (self.logits + logit(noise) > 0).to(noise.dtype)

    def discrete(self) -> Bernoulli:
        return Bernoulli(logits=self.logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability log P(z = 0) and log P(z = 1) at the ends, log density between them."""
        value = widened(self._accepted(value))
        between = self._log_density(value)
        ends = torch.where(
            value <= 0, logsigmoid(self._below(value)), logsigmoid(-self._below(value))
        )
        return torch.where((value <= 0) | (value >= 1), ends, between)

    def cdf(self, value: Tensor) -> Tensor:
        """Distribution function P(z ≤ value), at any number."""
        value = widened(self._accepted(value, "cdf", inside=False))
        inside = torch.sigmoid(self._below(value))
        return torch.where(value < 0, 0.0, torch.where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest z with P(z' ≤ z) >= value: 0 and 1 over the atoms' probabilities."""
        return quantile(self, value)

    @property
    def mean(self) -> Tensor:
        """Mean E z = ∫₀¹ P(s̄ > x) dx by Gauss–Legendre quadrature."""
        return self._integrate(torch.ones_like)

    @property
    def variance(self) -> Tensor:
        """Variance E z² − (E z)², E z² = ∫₀¹ 2x P(s̄ > x) dx by Gauss–Legendre quadrature."""
        return self._integrate(lambda x: 2 * x) - self.mean.square()

    def _integrate(self, weight: Callable[[Tensor], Tensor]) -> Tensor:
        nodes, weights = _legendre_for(self.logits)
        x = (nodes + 1) / 2
        return (weights / 2 * weight(x) * torch.sigmoid(-self._below(x))).sum(0)

    def _stretch(self, s: Tensor) -> Tensor:
        return s * (self.zeta - self.gamma) + self.gamma

    def _log_density(self, z: Tensor) -> Tensor:
        """Log density between the atoms."""
        width = self.zeta - self.gamma
        return log_density((z - self.gamma) / width, self.logits, self.temperature) - width.log()

    def _below(self, x: Tensor) -> Tensor:
        """Log-odds of s̄ ≤ x, for x from 0 to 1."""
        return self.temperature * logit((x - self.gamma) / (self.zeta - self.gamma)) - self.logits


@cache
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(_NODES)


def _legendre_for(like: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes on (−1, 1) and weights, `[nodes, 1, …]`, for tensors `[...]` like this one."""
    nodes, weights = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in _legendre())
    shape = (-1, *(1,) * like.ndim)
    return nodes.view(shape), weights.view(shape)


@register_kl(HardConcrete, HardConcrete)
def _kl_hard_concrete(p: HardConcrete, q: HardConcrete) -> Tensor:
    """Exact: the two atoms', and ∫ p log(p/q) between them by Gauss–Legendre quadrature over the
    logistic noise of p, where p is the standard logistic density at any β.
    """
    zero = p.logits.new_zeros(torch.broadcast_shapes(p.batch_shape, q.batch_shape))
    one = zero + 1
    atoms = [
        (logsigmoid(sign * p._below(end)), logsigmoid(sign * q._below(end)))
        for sign, end in ((1, zero), (-1, one))
    ]
    low, high = (p._below(end).clamp(-_REACH, _REACH) for end in (zero, one))
    half = (high - low) / 2
    nodes, weights = _legendre_for(zero)
    noise = low + half * (nodes + 1)
    z = p._stretch(torch.sigmoid((p.logits + noise) / p.temperature))
    mass = weights * half * torch.sigmoid(noise) * torch.sigmoid(-noise)
    between = (mass * (p._log_density(z) - q._log_density(z))).sum(0)
    return between + sum(log_p.exp() * (log_p - log_q) for log_p, log_q in atoms)
