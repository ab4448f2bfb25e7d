"""The Laplace bridge from Dirichlet to logistic-normal, and back (MacKay, 1998; Hobbhahn et al.,
2022).

Taken in the basis of the logits z, the Dirichlet density has a mode and a Hessian there in closed
form.

>>> import torch
>>> alpha = torch.tensor([2.0, 3.0, 5.0])
>>> mu, sigma = to_gaussian(alpha)
>>> to_dirichlet(mu, sigma.diagonal())
tensor([2.0000, 3.0000, 5.0000])
>>> printed_inverse(mu, sigma.diagonal())
tensor([4.4823, 4.3300, 3.7194])

From law to law:

>>> from torch.distributions import Dirichlet
>>> dirichlet_of(logistic_normal_of(Dirichlet(alpha))).concentration
tensor([2.0000, 3.0000, 5.0000])
"""

import torch
from torch import Tensor
from torch.distributions import Dirichlet

from reinrelax.core.numerics import product
from reinrelax.distributions.logistic_normal import LogisticNormal


def to_gaussian(concentration: Tensor) -> tuple[Tensor, Tensor]:
    """Mean μ `[..., K]` and covariance Σ `[..., K, K]` of the logits for α `[..., K]` (A, III.I).

    Σ is a covariance, and singular: the logits sum to zero, and so does each row.
    """
    K = concentration.shape[-1]
    log_alpha, inverse = concentration.log(), concentration.reciprocal()
    mu = log_alpha - log_alpha.mean(-1, keepdim=True)
    mean = inverse.mean(-1)[..., None, None]
    off = (inverse[..., :, None] + inverse[..., None, :] - mean) / K
    return mu, torch.diag_embed(inverse) - off


def to_dirichlet(mu: Tensor, variance: Tensor) -> Tensor:
    """Concentration α `[..., K]` from μ and the diagonal of Σ, both `[..., K]`: the inverse of
    `to_gaussian`.

    α_k = (1 − 2/K + e^{μ_k}/K² Σ_l e^{−μ_l})/Σ_kk, which solves Σ_kk = (1 − 2/K)/α_k + K⁻² Σ_l
    1/α_l.
    """
    K = mu.shape[-1]
    return (1 - 2 / K + _ratios(mu) / K**2) / variance


def printed_inverse(mu: Tensor, variance: Tensor) -> Tensor:
    """The inverse as A, III.I prints it, with an exponent −1 and 2/K²: not the inverse of the
    forward map.
    """
    K = mu.shape[-1]
    return 1 / (variance * (1 - 2 / K + 2 * _ratios(mu) / K**2))


def logistic_normal_of(law: Dirichlet) -> LogisticNormal:
    """The logistic-normal law on the other side of the bridge."""
    return LogisticNormal(*to_gaussian(law.concentration), validate_args=law._validate_args)


def dirichlet_of(law: LogisticNormal) -> Dirichlet:
    """The Dirichlet law on the other side of the bridge: of all of Σ, that on the logits that sum
    to zero is taken, of which again the diagonal.
    """
    loc = law.loc - law.loc.mean(-1, keepdim=True)
    # VVᵀ takes the mean away.
    centre = product(law.basis, law.basis.mT)
    covariance = product(product(centre, law.covariance_matrix), centre)
    concentration = to_dirichlet(loc, covariance.diagonal(dim1=-2, dim2=-1))
    return Dirichlet(concentration.to(law.dtype), validate_args=law._validate_args)


def _ratios(mu: Tensor) -> Tensor:
    """Σ_l e^{μ_k − μ_l}, `[..., K]`."""
    return (mu[..., :, None] - mu[..., None, :]).exp().sum(-1)
