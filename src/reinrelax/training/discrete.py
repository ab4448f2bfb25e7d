"""Paper B's objective: the negative ELBO of a discrete VAE, its gradient by one of the estimators."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reinrelax.estimators.base import Estimator, draw
from reinrelax.models.vae import DiscreteVAE
from reinrelax.numerics import kl_to_uniform
from reinrelax.rng import Streams

# Of any negative ELBO, on which the two terms of paper A's are measured too.
METRICS = ("train_reconstruction", "train_kl", "test_reconstruction", "test_kl")


class DiscreteObjective:
    """Negative ELBO (B, Eq. 21); its terms on the training batches as trained, and on one test pass.

    Args:
        model: the replicas.
        estimator: how the gradient passes the discrete codes.
        hyper: hyper-parameters of the estimator by name: a tensor `[R]` for τ, η and β, a number for counts.
    """

    metrics = METRICS

    def __init__(self, model: DiscreteVAE, estimator: Estimator, hyper: dict[str, Tensor | int]) -> None:
        self.model, self.estimator = model, estimator
        self.parameters, self.grads = model.stack.parameters, model.stack.grads
        device = self.parameters[0].device
        self._hyper = {
            name: value.to(device).view(-1, 1, 1, 1) if isinstance(value, Tensor) else value
            for name, value in hyper.items()
        }

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        self.model.stack.zero_grad()
        logits = self.model.encode(images)
        estimate = self.estimator.surrogate(
            logits, lambda codes: self.model.reconstruction(images, codes), streams, **self._hyper
        )
        kl = kl_to_uniform(logits).mean(-1)
        (estimate.surrogate.mean(-1) + kl).sum().backward()
        return estimate.loss.mean(-1), kl.detach()

    @torch.no_grad()
    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        logits = self.model.encode(images)
        reconstruction = self.model.reconstruction(images, draw(logits, streams).one_hot)
        return reconstruction.mean(-1), kl_to_uniform(logits).mean(-1)
