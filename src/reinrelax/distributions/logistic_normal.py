"""The logistic-normal distribution: softmax of a Gaussian on the space of logits that sum
to zero.
"""

import math
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Dirichlet, MultivariateNormal, constraints, kl_divergence

from reinrelax.core.numerics import product, product_with_vectors, softmax
from reinrelax.core.rng import traced
from reinrelax.distributions.base import Relaxation, gaussian_log_prob, readable, register_kl
from reinrelax.distributions.functions import log_clamped, one_hot_argmax
from reinrelax.errors import InputError


class LogisticNormal(Relaxation):
    """Probabilities π = softmax(z), z ~ N(μ, Σ) (A, III.I), the other side of the Laplace bridge.

    Softmax does not see the mean of z, so μ and Σ count only on the space of z that sum to zero,
    where Σ must be positive definite; the singular Σ of `laplace_bridge.to_gaussian` is. With an
    orthonormal basis V of that space, y = Vᵀz is Gaussian, and |∂(π_1 … π_{K−1})/∂y| = √K Π_k π_k.
    (The K × K determinant that A prints as Π_k π_k is zero.) The density is with respect to
    Lebesgue measure of K − 1 coordinates.

    Not `torch.distributions.LogisticNormal`, whose Gaussian is diagonal and goes through stick
    breaking.

    Args:
        loc: μ, `[..., K]`.
        covariance_matrix: Σ, `[..., K, K]`.

    >>> from reinrelax.distributions.laplace_bridge import to_gaussian
    >>> LogisticNormal(*to_gaussian(torch.tensor([8.0, 3.0, 2.0]))).rsample((5,)).shape
    torch.Size([5, 3])
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.symmetric,
    }
    support = constraints.simplex
    noise_kind = "normal"
    loc: Tensor
    covariance_matrix: Tensor

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor, validate_args: bool | None = None
    ) -> None:
        loc, covariance_matrix = self._enter(loc=loc, covariance_matrix=covariance_matrix)
        K = loc.shape[-1] if loc.ndim else 0
        if K < 2 or covariance_matrix.shape[-2:] != (K, K):
            raise InputError(
                f"{self._name}: covariance_matrix must be [..., K, K] for loc [..., K], K >= 2; "
                f"got {list(covariance_matrix.shape)} for {list(loc.shape)}"
            )
        super().__init__(
            (K,), validate_args=validate_args, loc=loc, covariance_matrix=covariance_matrix
        )
        self.basis = sum_zero_basis(K, like=self.loc)
        # Of Σ as it was given, not once for each element of the batch.
        reduced = product(product(self.basis.mT, covariance_matrix), self.basis)
        factor, info = torch.linalg.cholesky_ex(reduced)
        if readable(info) and info.any():
            raise InputError(
                f"{self._name}: covariance_matrix must be positive definite on the vectors that sum"
                " to zero"
            )
        self.factor = factor

    @cached_property
    def gaussian(self) -> MultivariateNormal:
        """The distribution of y."""
        return MultivariateNormal(
            product(self.loc, self.basis), scale_tril=self.factor, validate_args=False
        )

    def noise_shape(self, sample_shape: Any = ()) -> torch.Size:
        return torch.Size((*sample_shape, *self.batch_shape, self.loc.shape[-1] - 1))

    def from_noise(self, noise: Tensor) -> Tensor:
        return softmax(self._logits(noise))

    def harden(self, noise: Tensor) -> Tensor:
        """Make the one-hot of the largest coordinate, `[..., K]`."""
        return one_hot_argmax(self._logits(noise).detach())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density, `[...]`; an entry that was rounded to zero counts as the smallest normal
        number.
        """
        value = self._accepted(value)
        log_pi = log_clamped(value)
        log_pi = log_pi.to(torch.promote_types(log_pi.dtype, self.basis.dtype))
        jacobian = log_pi.sum(-1) + math.log(value.shape[-1]) / 2
        return gaussian_log_prob(self.gaussian, product(log_pi, self.basis.to(log_pi))) - jacobian

    def _logits(self, noise: Tensor) -> Tensor:
        """Return z up to its mean: μ + V L n, with Σ = L Lᵀ on the space."""
        return self.loc + product_with_vectors(product(self.basis, self.factor), noise)


def sum_zero_basis(K: int, *, like: Tensor) -> Tensor:
    """An orthonormal basis `[K, K − 1]` of the vectors that sum to zero (Helmert's)."""
    return (_basis if traced() else _kept_basis)(K, like.dtype, like.device)


def _basis(K: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    row = torch.arange(K, dtype=torch.int64, device=device)[:, None]
    column = torch.arange(1, K, dtype=torch.int64, device=device)[None, :]
    raw = torch.where(row < column, 1.0, torch.where(row == column, -column.double(), 0.0))
    return (raw / (column * (column + 1)).double().sqrt()).to(dtype)


_kept_basis = lru_cache(maxsize=16)(_basis)


@register_kl(LogisticNormal, LogisticNormal)
def _kl_logistic_normal(p: LogisticNormal, q: LogisticNormal) -> Tensor:
    """Exact: softmax is invertible on the logits that sum to zero."""
    return kl_divergence(p.gaussian, q.gaussian)


@register_kl(Dirichlet, LogisticNormal)
def _kl_dirichlet_logistic_normal(p: Dirichlet, q: LogisticNormal) -> Tensor:
    """Exact: E log π_k = ψ(α_k) − ψ(α_0), and on the sum-zero space Cov log π is diag ψ′(α)."""
    alpha = p.concentration
    mean_log = alpha.digamma() - alpha.sum(-1, keepdim=True).digamma()
    precision = torch.cholesky_inverse(q.gaussian.scale_tril)
    covariance = product(product(q.basis.mT, torch.diag_embed(torch.polygamma(1, alpha))), q.basis)
    gaussian = (
        q.gaussian.log_prob(product(mean_log, q.basis)) - (precision * covariance).sum((-2, -1)) / 2
    )
    jacobian = mean_log.sum(-1) + math.log(alpha.shape[-1]) / 2
    out: Tensor = jacobian - gaussian - p.entropy()
    return out
