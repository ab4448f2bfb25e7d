"""REBAR's relaxed Bernoulli, whose slope depends on the temperature (Tucker et al., 2017)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, constraints

from reinrelax.distributions.base import Relaxation, logits_of, quantile, register_kl
from reinrelax.distributions.functions import between_ends, logit
from reinrelax.distributions.relaxed_bernoulli import log_density, logistic_kl


class RebarRelaxation(Relaxation):
    """The distribution of z = σ((s · logits + log u − log(1 − u))/τ), s = (τ² + τ + 1)/(τ + 1).

    Here u ~ U(0, 1). For τ → ∞, z tends to σ(logits), the mean of the hard value, not to ½; for τ →
    0 it tends to the hard value.

    Args:
        temperature: τ > 0, broadcasts with the logits.
        probs: P(b = 1), or
        logits: its log-odds.

    >>> RebarRelaxation(1e4, probs=torch.tensor([0.2, 0.7])).rsample((2,)).round(decimals=2)
    tensor([[0.2000, 0.7000],
            [0.2000, 0.7000]])
    """

    arg_constraints: ClassVar = {"logits": constraints.real, "temperature": constraints.positive}
    support = constraints.unit_interval
    logits: Tensor
    temperature: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        probs, logits, temperature = self._enter(
            probs=probs, logits=logits, temperature=temperature
        )
        logits = logits_of(self, probs, logits, validate_args=validate_args)
        super().__init__((), validate_args=validate_args, logits=logits, temperature=temperature)

    @property
    def probs(self) -> Tensor:
        """The probability P(b = 1), which equals P(z > ½) only if it is ½."""
        return self.logits.sigmoid()

    @property
    def steep(self) -> Tensor:
        """The logits s · logits of the relaxed Bernoulli that z follows."""
        tau = self.temperature
        # Computed without τ², which may overflow.
        return (tau + 1 / (tau + 1)) * self.logits

    def from_noise(self, noise: Tensor) -> Tensor:
        return torch.sigmoid((self.steep + logit(noise)) / self.temperature)

    def harden(self, noise: Tensor) -> Tensor:
        return (self.logits + logit(noise) > 0).to(noise.dtype)

    def discrete(self) -> Bernoulli:
        return Bernoulli(logits=self.logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log p(z); a z rounded to 0 or 1 counts as the nearest number between them."""
        return log_density(self._accepted(value), self.steep, self.temperature)

    def cdf(self, value: Tensor) -> Tensor:
        """Return P(z ≤ value), for any number."""
        value = self._accepted(value, "cdf", inside=False)
        return between_ends(value, torch.sigmoid(self.temperature * logit(value) - self.steep))

    def icdf(self, value: Tensor) -> Tensor:
        """Return the z with P(z' ≤ z) = value."""
        return quantile(self, value)


@register_kl(RebarRelaxation, RebarRelaxation)
def _kl_rebar(p: RebarRelaxation, q: RebarRelaxation) -> Tensor:
    """Return the exact KL at equal temperatures.

    z is then the same invertible function of two shifted logistics.
    """
    if not (p.temperature == q.temperature).all():
        raise NotImplementedError(
            "KL of REBAR's relaxations has a closed form at equal temperatures only"
        )
    return logistic_kl(p.steep - q.steep)
