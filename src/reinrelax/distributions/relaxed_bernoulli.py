"""The relaxed Bernoulli, or binary concrete, distribution (Maddison et al., 2017; Jang et al.,
2017).
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, constraints
from torch.nn.functional import softplus

from reinrelax.distributions.base import Relaxation, logits_of, quantile, register_kl
from reinrelax.distributions.functions import between_ends, logit

# Nodes of a midpoint rule on (0, 13), beyond which its integrands are below 1e-17.
_NODES, _STEP = 208, 1 / 16


class RelaxedBernoulli(Relaxation):
    """Gate z = σ((logits + log u − log(1 − u))/τ), u ~ U(0, 1) (A, III.B, whose α is `probs`).

    The distribution of `torch.distributions.RelaxedBernoulli`, with a τ of any shape and a density
    that does not overflow. P(z > ½) = probs at every τ.

    Args:
        temperature: τ > 0, broadcasts with the logits.
        probs: P(b = 1), or
        logits: its log-odds.

    >>> import torch
    >>> gate = RelaxedBernoulli(0.5, probs=torch.tensor([0.2, 0.7]))
    >>> gate.rsample((4,)).shape
    torch.Size([4, 2])
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
        """Probability P(b = 1), `[*batch_shape]`."""
        return self.logits.sigmoid()

    def from_noise(self, noise: Tensor) -> Tensor:
        return torch.sigmoid((self.logits + logit(noise)) / self.temperature)

    def harden(self, noise: Tensor) -> Tensor:
        return (self.logits + logit(noise) > 0).to(noise.dtype)

    def discrete(self) -> Bernoulli:
        return Bernoulli(logits=self.logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density; a z that was rounded to 0 or 1 counts as its nearest neighbour inside."""
        value = self._accepted(value)
        return log_density(value, self.logits, self.temperature)

    def cdf(self, value: Tensor) -> Tensor:
        """Distribution function P(z ≤ value), at any number."""
        value = self._accepted(value, "cdf", inside=False)
        return between_ends(value, torch.sigmoid(self.temperature * logit(value) - self.logits))

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile z with P(z' ≤ z) = value: σ((logits + log value − log(1 − value))/τ)."""
        return quantile(self, value)

    @property
    def mean(self) -> Tensor:
        """Mean E z by the quadrature of `_threshold`."""
        return self._threshold()[0]

    @property
    def variance(self) -> Tensor:
        """Variance E z (1 − E z) − τ f(logits), as σ² = σ − σ′, by the same quadrature."""
        mean, density = self._threshold()
        return (mean * (1 - mean) - self.temperature * density).clamp_min(0)

    def _threshold(self) -> tuple[Tensor, Tensor]:
        """Distribution function and density f of n + τ m at the logits, n and m standard logistic.

        σ(x/τ) = P(τ m < x), so that E z = P(n + τ m < logits). The sum has the characteristic
        function φ(t) = g(t) g(τt) with g(t) = πt / sinh πt, and both values are integrals over
        t > 0 by the inversion formula. The midpoint rule converges on them like e^(−2π/step). The
        absolute error is below 1e-12, or float32's rounding.
        """
        logits, scale = self.logits, self.temperature.detach().clamp_min(1)
        nodes = torch.arange(_NODES, dtype=logits.dtype, device=logits.device).add(0.5) * _STEP
        u = nodes.view(-1, *(1 for _ in logits.shape))
        weight = (
            _over_sinh(u / scale) * _over_sinh(self.temperature * u / scale) * (_STEP / math.pi)
        )
        # Beyond, the mean is 0 or 1 to within e^(−30).
        angle = (logits / scale).clamp(-30, 30) * u
        return 0.5 + (weight * angle.sin() / u).sum(0), (weight * angle.cos()).sum(0) / scale


def _over_sinh(t: Tensor) -> Tensor:
    """Compute πt / sinh πt for t > 0."""
    return math.pi * t / torch.sinh(math.pi * t)


def log_density(z: Tensor, logits: Tensor, temperature: Tensor) -> Tensor:
    """Log density of the binary concrete distribution, of the shape of z.

    Not torch's: e^|logits − τ logit z| overflows in float32 there, beyond 88.
    """
    x = logit(z)
    inner = logits - temperature * x
    # dz/dx = z (1 − z), whose logarithm is −softplus(x) − softplus(−x).
    return temperature.log() + inner - 2 * softplus(inner) + softplus(x) + softplus(-x)


def logistic_kl(shift: Tensor) -> Tensor:
    """KL between standard logistic distributions `shift` apart, Δ coth(Δ/2) − 2; zero is Δ²/6."""
    small = shift.abs() < 0.25
    square = shift.square()
    series = square / 6 * (1 - square / 60 * (1 - square / 42 * (1 - square / 40)))
    away = torch.where(small, torch.ones_like(shift), shift)
    return torch.where(small, series, away / torch.tanh(away / 2) - 2)


@register_kl(RelaxedBernoulli, RelaxedBernoulli)
def _kl_relaxed_bernoulli(p: RelaxedBernoulli, q: RelaxedBernoulli) -> Tensor:
    """Exact at equal temperatures: z is the same invertible function of two shifted logistics."""
    if not (p.temperature == q.temperature).all():
        raise NotImplementedError(
            "KL of relaxed Bernoullis has a closed form at equal temperatures only"
        )
    return logistic_kl(p.logits - q.logits)
