"""REBAR (Tucker et al., 2017): RELAX whose control variate is the loss at a relaxed sample.

>>> import torch
>>> logits, eta = torch.zeros(5, 1, 3, requires_grad=True), torch.ones((), requires_grad=True)
>>> f = lambda one_hot: (one_hot[..., 0, :] * torch.tensor([1.0, 2.0, 5.0])).sum(-1)
>>> estimate = rebar_estimate(logits, f, tau=0.5, eta=eta)
>>> estimate.surrogate.sum().backward()
>>> gradient_of_eta = torch.autograd.grad(estimate.variance_loss.sum(), eta)
"""

from torch import Tensor

from reinrelax.core.numerics import softmax
from reinrelax.core.rng import Streams
from reinrelax.estimators.base import Estimate, score_function
from reinrelax.estimators.losses import Loss, constant, wants_gradient
from reinrelax.estimators.relax import controlled


@score_function(name="REBAR", equation="A, III.L", learns=("eta",))
def rebar_estimate(
    logits: Tensor, f: Loss, streams: Streams, *, tau: Tensor | float, eta: Tensor | float
) -> Estimate:
    """REBAR: (f(D) − η f(w̃)) ∇ log π(D) + η ∇f(w) − η ∇f(w̃), w = softmax(z/τ) and w̃ =
    softmax(z̃/τ).

    A Bernoulli of log-odds a is the two categories (0, a): the difference of two Gumbels is
    logistic. Where τ → ∞, w → 1/C, and the baseline tends to η f(1/C). It tends to MuProp's f(π),
    as the paper says, for Tucker's modified relaxation only, which the paper does not print.
    """
    alone, learn = constant(f), wants_gradient(tau, eta)
    return controlled(logits, f, streams, lambda z: alone(softmax(z / tau)), scale=eta, learn=learn)
