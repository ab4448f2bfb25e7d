"""The objective of paper B: the negative ELBO of a discrete VAE, with an estimator's gradient."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.numerics import kl_to_uniform
from reinrelax.core.rng import Streams
from reinrelax.estimators.base import Estimator, draw
from reinrelax.training.learned import Learned
from reinrelax.vae.autoencoder import Autoencoder, DiscreteVAE

# The terms of a negative ELBO. Paper A's VAEs report them too.
METRICS = ("train_reconstruction", "train_kl", "test_reconstruction", "test_kl")


class Reconstruction:
    """The reconstruction loss `[R, B]` at codes: with gradients for the decoder, or `constant`."""

    def __init__(self, model: Autoencoder, images: Tensor) -> None:
        self._model, self._images = model, images

    def __call__(self, codes: Tensor) -> Tensor:
        return self._model.reconstruction(self._images, codes)

    def constant(self, codes: Tensor) -> Tensor:
        return self._model.reconstruction_of_codes(self._images, codes)


class DiscreteObjective:
    """The negative ELBO (paper B, Eq. 21).

    It reports reconstruction and KL during training (on the training batches) and on a test pass.

    Args:
        model: the replicas of the VAE.
        estimator: the gradient estimator for the discrete codes.
        hyper: the estimator's hyper-parameters by name: a tensor `[R]` for τ, η and β, a number for
            counts.
    """

    metrics = METRICS

    def __init__(
        self, model: DiscreteVAE, estimator: Estimator, hyper: dict[str, Tensor | int]
    ) -> None:
        self.model, self.estimator = model, estimator
        device = model.stack.parameters[0].device
        self._hyper: dict[str, Any] = {
            name: value.to(device).view(-1, 1, 1, 1) if isinstance(value, Tensor) else value
            for name, value in hyper.items()
        }
        start = estimator.at_start(self._hyper, model.shape, Streams.derive(model.seeds, "control"))
        self._leaves = {name: value.to(device).requires_grad_() for name, value in start.items()}
        self._learned = Learned(self._leaves)
        self.networks = model.stack.parameters
        self.parameters = [*self.networks, *self._learned.parameters]
        self.grads = [*model.stack.grads, *self._learned.grads]

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        self.model.stack.zero_grad()
        logits = self.model.encode(images)
        estimate = self.estimator.surrogate(
            logits,
            Reconstruction(self.model, images),
            streams,
            **self.estimator.learned(self._hyper, self._leaves),
        )
        self._learned.begin(estimate.variance_loss)
        kl = kl_to_uniform(logits).mean(-1)
        (estimate.surrogate.mean(-1) + kl).sum().backward()
        return estimate.loss.mean(-1), kl.detach()

    @torch.no_grad()
    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        logits = self.model.encode(images)
        reconstruction = self.model.reconstruction(images, draw(logits, streams).one_hot)
        return reconstruction.mean(-1), kl_to_uniform(logits).mean(-1)
