"""Stochastic gates with clipped Gaussian noise (Yamada et al., 2020)."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, constraints
from torch.special import log_ndtr, ndtr, ndtri

from reinrelax.core.numerics import widened
from reinrelax.distributions.base import Relaxation, check, register_kl


class GaussianGate(Relaxation):
    """The distribution of z = min(1, max(0, μ + σε)), ε ~ N(0, 1).

    The distribution is mixed, with atoms at 0 and 1. `log_prob` is with respect to Lebesgue measure
    plus a unit mass at each end. The μ of Yamada et al. plus ½ is the μ used here.

    Args:
        loc: μ.
        scale: σ > 0; broadcasts with μ.

    >>> gate = GaussianGate(torch.tensor([0.5, 2.0]), 0.5)
    >>> gate.l0_penalty
    tensor([0.8413, 1.0000])
    >>> gate.mean
    tensor([0.5000, 0.9958])
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.unit_interval
    noise_kind = "normal"
    loc: Tensor
    scale: Tensor

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float = 0.5, validate_args: bool | None = None
    ) -> None:
        loc, scale = self._enter(loc=loc, scale=scale)
        super().__init__((), validate_args=validate_args, loc=loc, scale=scale)

    @property
    def l0_penalty(self) -> Tensor:
        """P(z ≠ 0) = Φ(μ/σ), the expected number of open gates."""
        out: Tensor = ndtr(self.loc / self.scale)
        return out

    @property
    def deployed(self) -> Tensor:
        """The deterministic gate for deployment: μ clipped to [0, 1]."""
        return self.loc.clamp(0, 1)

    def from_noise(self, noise: Tensor) -> Tensor:
        return (self.loc + self.scale * noise).clamp(0, 1)

    def harden(self, noise: Tensor) -> Tensor:
        """Return 1 if the gate is closer to open than to closed, otherwise 0."""
        return (self.loc + self.scale * noise > 0.5).to(noise.dtype)

    def discrete(self) -> Bernoulli:
        odds = log_ndtr((self.loc - 0.5) / self.scale) - log_ndtr((0.5 - self.loc) / self.scale)
        return Bernoulli(logits=odds, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log P(z = 0) or log P(z = 1) at the ends, and the log density between them."""
        value = widened(self._accepted(value))
        ends = torch.where(value <= 0, *self._log_atoms())
        return torch.where((value <= 0) | (value >= 1), ends, self._log_density(value))

    def cdf(self, value: Tensor) -> Tensor:
        """Return P(z ≤ value), for any number."""
        value = widened(self._accepted(value, "cdf", inside=False))
        inside = ndtr((value - self.loc) / self.scale)
        return torch.where(value < 0, 0.0, torch.where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        """Return the smallest z with P(z' ≤ z) >= value; 0 and 1 over the atoms' probabilities."""
        value = widened(self._accepted(value, "icdf", inside=False))
        if self._validate_args:
            check(self._name, "value", constraints.unit_interval, value)
        return self.from_noise(ndtri(value))

    @property
    def mean(self) -> Tensor:
        """The mean in closed form."""
        return self._between()[1] + self._log_atoms()[1].exp()

    @property
    def variance(self) -> Tensor:
        """The variance in closed form."""
        return self._between()[2] + self._log_atoms()[1].exp() - self.mean.square()

    def entropy(self) -> Tensor:
        """Return −E log p(z) of both atoms and the density between them, in closed form."""
        atoms = sum(-log_p.exp() * log_p for log_p in self._log_atoms())
        return atoms - self._mean_log_density(self)

    def _log_atoms(self) -> tuple[Tensor, Tensor]:
        """Return log P(z = 0) and log P(z = 1)."""
        return log_ndtr(-self.loc / self.scale), log_ndtr((self.loc - 1) / self.scale)

    def _log_density(self, z: Tensor) -> Tensor:
        """Return the log density between the atoms."""
        x = (z - self.loc) / self.scale
        return -(x.square()) / 2 - self.scale.log() - math.log(2 * math.pi) / 2

    def _between(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return ∫ zᵏ p(z) dz over (0, 1) for k = 0, 1, 2."""
        low, high = -self.loc / self.scale, (1 - self.loc) / self.scale
        # Use the smaller tail, to avoid cancellation.
        mass = torch.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
        at_low, at_high = (torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi) for x in (low, high))
        first = self.loc * mass + self.scale * (at_low - at_high)
        square = self.loc.square() + self.scale.square()
        second = square * mass + self.scale * (self.loc * at_low - (1 + self.loc) * at_high)
        return mass, first, second

    def _mean_log_density(self, law: "GaussianGate") -> Tensor:
        """Return ∫ p log q between the atoms, where q is the density of another gate."""
        mass, first, second = self._between()
        square = second - 2 * law.loc * first + law.loc.square() * mass
        constant = law.scale.log() + math.log(2 * math.pi) / 2
        return -square / (2 * law.scale.square()) - constant * mass


@register_kl(GaussianGate, GaussianGate)
def _kl_gaussian_gate(p: GaussianGate, q: GaussianGate) -> Tensor:
    """Return the exact KL, from the two atoms and the moments of a Gaussian on an interval."""
    pairs = zip(p._log_atoms(), q._log_atoms(), strict=True)
    atoms = sum(log_p.exp() * (log_p - log_q) for log_p, log_q in pairs)
    return atoms + p._mean_log_density(p) - p._mean_log_density(q)
