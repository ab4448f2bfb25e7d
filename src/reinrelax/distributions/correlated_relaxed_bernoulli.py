"""Relaxed Bernoullis coupled by a Gaussian copula (Lee et al., 2022)."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, constraints, kl_divergence
from torch.special import ndtri

from reinrelax.core.numerics import product_with_vectors
from reinrelax.distributions.base import (
    Relaxation,
    gaussian_log_prob,
    logits_of,
    readable,
    register_kl,
)
from reinrelax.distributions.functions import logit
from reinrelax.distributions.relaxed_bernoulli import log_density
from reinrelax.errors import InputError

# Log-odds of U at which its normal score is cut off, 8.7 standard deviations out.
_LIMIT = 40.0


class CorrelatedRelaxedBernoulli(Relaxation):
    """Gates z = σ((logits + log U − log(1 − U))/τ), U = Φ(n), n ~ N(0, R) (A, III.F).

    Each z_k is relaxed Bernoulli. R is the correlation of the Gaussian scores, not of the gates:
    P(z_j > ½, z_k > ½) is the bivariate normal orthant probability P(n_j > −Φ⁻¹(p_j), n_k >
    −Φ⁻¹(p_k)).

    Args:
        temperature: τ > 0, `[...]`.
        probs: P(b_k = 1), `[..., d]`, or
        logits: its log-odds.
        correlation: R, `[..., d, d]`, or
        cholesky: its lower Cholesky factor.

    >>> R = torch.tensor([[1.0, 0.8], [0.8, 1.0]])
    >>> gates = CorrelatedRelaxedBernoulli(0.5, probs=torch.tensor([0.3, 0.3]), correlation=R)
    >>> gates.rsample((4,)).shape, gates.log_prob(gates.sample()).shape
    (torch.Size([4, 2]), torch.Size([]))
    """

    arg_constraints: ClassVar = {
        "logits": constraints.real_vector,
        "temperature": constraints.positive,
        "cholesky": constraints.corr_cholesky,
    }
    support = constraints.independent(constraints.unit_interval, 1)
    noise_kind = "normal"
    logits: Tensor
    temperature: Tensor
    cholesky: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        correlation: Tensor | None = None,
        cholesky: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        probs, logits, temperature, correlation, cholesky = self._enter(
            probs=probs,
            logits=logits,
            temperature=temperature,
            correlation=correlation,
            cholesky=cholesky,
        )
        logits = logits_of(self, probs, logits, validate_args=validate_args)
        if (correlation is None) == (cholesky is None):
            raise InputError(f"{self._name}: give either correlation or cholesky")
        if correlation is not None:
            cholesky = _factor(correlation)
        assert cholesky is not None
        d = logits.shape[-1] if logits.ndim else 0
        if cholesky.ndim < 2 or cholesky.shape[-2:] != (d, d):
            name = "cholesky" if correlation is None else "correlation"
            shape = list(cholesky.shape)
            raise InputError(
                f"{self._name}: {name} must be [..., {d}, {d}] as the logits; got {shape}"
            )
        super().__init__(
            (d,),
            validate_args=validate_args,
            proven=() if correlation is None else ("cholesky",),
            logits=logits,
            temperature=temperature,
            cholesky=cholesky,
        )

    def from_noise(self, noise: Tensor) -> Tensor:
        return torch.sigmoid(self._perturbed(noise) / self.temperature[..., None])

    def harden(self, noise: Tensor) -> Tensor:
        return (self._perturbed(noise) > 0).to(noise.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Joint log density: the marginals', and that of the copula at the normal scores; an entry
        that was rounded to 0 or 1 counts as its nearest neighbour inside.
        """
        value = self._accepted(value)
        tau = self.temperature[..., None]
        odds = (tau * logit(value) - self.logits).clamp(-_LIMIT, _LIMIT)
        # By the lower tail, where a float is exact: Φ⁻¹(u) = −Φ⁻¹(1 − u).
        below = odds < 0
        tail = ndtri(torch.sigmoid(torch.where(below, odds, -odds)))
        scores = torch.where(below, tail, -tail)
        apart = -(scores**2) / 2 - math.log(math.sqrt(2 * math.pi))
        copula: Tensor = gaussian_log_prob(self._normal(), scores) - apart.sum(-1)
        return copula + log_density(value, self.logits, tau).sum(-1)

    def _perturbed(self, noise: Tensor) -> Tensor:
        scores = product_with_vectors(self.cholesky, noise)
        # By the lower tail: a float32 Φ(6) is one.
        below = scores < 0
        tail = torch.erfc(torch.where(below, scores, -scores) * -math.sqrt(0.5)) / 2
        tail = tail.clamp_min(torch.finfo(tail.dtype).tiny)
        odds = tail.log() - torch.log1p(-tail)
        return self.logits + torch.where(below, odds, -odds)

    def _normal(self) -> MultivariateNormal:
        return MultivariateNormal(
            torch.zeros_like(self.logits), scale_tril=self.cholesky, validate_args=False
        )


def _factor(correlation: Tensor) -> Tensor:
    """The Cholesky factor of a correlation matrix `[..., d, d]`, checked wherever its values are
    known: it costs nothing.
    """
    name = "CorrelatedRelaxedBernoulli: correlation"
    if correlation.ndim < 2 or correlation.shape[-1] != correlation.shape[-2]:
        raise InputError(f"{name} must be a square matrix; got {list(correlation.shape)}")
    tolerance = 100 * torch.finfo(correlation.dtype).eps
    factor: Tensor
    if not readable(correlation):
        factor = torch.linalg.cholesky(correlation)
        return factor
    if not torch.allclose(correlation, correlation.mT, rtol=0, atol=tolerance):
        raise InputError(f"{name} must be symmetric")
    diagonal = correlation.diagonal(dim1=-2, dim2=-1)
    if not torch.allclose(diagonal, torch.ones_like(diagonal), rtol=0, atol=tolerance):
        raise InputError(f"{name} must have a unit diagonal; got {diagonal.flatten().tolist()[:4]}")
    factor, info = torch.linalg.cholesky_ex(correlation)
    if info.any():
        lowest = torch.linalg.eigvalsh(correlation).min().item()
        raise InputError(
            f"{name} must be positive definite; its smallest eigenvalue is {lowest:.3g}"
        )
    return factor


@register_kl(CorrelatedRelaxedBernoulli, CorrelatedRelaxedBernoulli)
def _kl_correlated(p: CorrelatedRelaxedBernoulli, q: CorrelatedRelaxedBernoulli) -> Tensor:
    """Exact where only R differs: the relaxed gates are then the same function of the normal
    scores.
    """
    if not ((p.temperature == q.temperature).all() and (p.logits == q.logits).all()):
        raise NotImplementedError(
            "KL of correlated gates has a closed form only where no more than R differs"
        )
    return kl_divergence(p._normal(), q._normal())
