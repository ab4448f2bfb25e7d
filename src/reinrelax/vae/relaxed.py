"""The objective of paper A: a VAE with relaxed latents, and the bound of its discrete model."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.latents.base import Latent
from reinrelax.training.learned import Learned
from reinrelax.vae.autoencoder import Autoencoder
from reinrelax.vae.discrete import METRICS, Reconstruction


class RelaxedObjective:
    """The method's training loss, and on test images also the bound with hard codes.

    The metrics `train_*` are the terms of the training loss on the training batches, `test_*` those
    of the bound with hard codes on test images, and `relaxed_*` those of the training loss on test
    images.

    Args:
        model: the replicas of encoder and decoder.
        latent: the latent variables.
    """

    metrics = (*METRICS, "relaxed_reconstruction", "relaxed_kl")

    def __init__(self, model: Autoencoder, latent: Latent) -> None:
        self.model, self.latent = model, latent
        self._learned = Learned(latent.learned)
        self.networks = model.stack.parameters
        self.parameters = [*self.networks, *self._learned.parameters]
        self.grads = [*model.stack.grads, *self._learned.grads]

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        self.model.stack.zero_grad()
        found = self.latent.train(
            self.model.encode(images), Reconstruction(self.model, images), streams
        )
        self._learned.begin(found.variance_loss)
        found.surrogate.mean(-1).sum().backward()
        return found.reconstruction.mean(-1), found.kl.mean(-1)

    @torch.no_grad()
    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        outputs, loss = self.model.encode(images), Reconstruction(self.model, images)
        draws = (self.latent.harden(outputs, streams), self.latent.relaxed(outputs, streams))
        return [term.mean(-1) for code, kl in draws for term in (loss(code), kl)]

    @torch.no_grad()
    def pictures(self, images: Tensor, samples: int, streams: Streams) -> dict[str, Tensor]:
        """Return pixel probabilities `[R, …, 784]` of reconstructions and samples.

        The keys are `hard` and `relaxed`, reconstructions of images `[R, B, 784]`, and `samples`,
        drawn with codes of the discrete prior.
        """
        outputs = self.model.encode(images)
        codes = {
            "hard": self.latent.harden(outputs, streams)[0],
            "relaxed": self.latent.relaxed(outputs, streams)[0],
            "samples": self.latent.prior(samples, streams),
        }
        return {name: self.model.decode(code).sigmoid() for name, code in codes.items()}
