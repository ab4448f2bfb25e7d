"""Paper A's objective: a VAE with relaxed latent variables, and the bound of its discrete counterpart."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reinrelax.latents.base import Latent
from reinrelax.models.vae import Autoencoder
from reinrelax.rng import Streams
from reinrelax.training.discrete import METRICS


class RelaxedObjective:
    """The method's own loss on the training batches as trained; on test images the bound with hard codes
    (`test`), and the own loss (`relaxed`).

    Args:
        model: the replicas of encoder and decoder.
        latent: what is between them.
    """

    metrics = (*METRICS, "relaxed_reconstruction", "relaxed_kl")

    def __init__(self, model: Autoencoder, latent: Latent) -> None:
        self.model, self.latent = model, latent
        self._leaves = list(latent.learned.values())
        for leaf in self._leaves:
            leaf.grad = torch.zeros_like(leaf)
        self._leaf_grads = [leaf.grad for leaf in self._leaves if leaf.grad is not None]
        # The optimizer changes a leaf in place, beside the graph.
        self.parameters = [*model.stack.parameters, *(leaf.detach() for leaf in self._leaves)]
        self.grads = [*model.stack.grads, *self._leaf_grads]

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        self.model.stack.zero_grad()
        for grad in self._leaf_grads:
            grad.zero_()
        found = self.latent.train(self.model.encode(images), _Loss(self.model, images), streams)
        if found.variance_loss is not None:
            learned = torch.autograd.grad(found.variance_loss.mean(-1).sum(), self._leaves, retain_graph=True)
            for grad, value in zip(self._leaf_grads, learned, strict=True):
                grad.copy_(value)
        found.surrogate.mean(-1).sum().backward()
        return found.reconstruction.mean(-1), found.kl.mean(-1)

    @torch.no_grad()
    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        outputs, loss = self.model.encode(images), _Loss(self.model, images)
        draws = (self.latent.harden(outputs, streams), self.latent.relaxed(outputs, streams))
        return [term.mean(-1) for code, kl in draws for term in (loss(code), kl)]

    @torch.no_grad()
    def pictures(self, images: Tensor, samples: int, streams: Streams) -> dict[str, Tensor]:
        """Pixel probabilities `[R, …, 784]`: `hard` and `relaxed` reconstructions of images `[R, B, 784]`,
        and `samples` of the discrete prior.
        """
        outputs = self.model.encode(images)
        codes = {
            "hard": self.latent.harden(outputs, streams)[0],
            "relaxed": self.latent.relaxed(outputs, streams)[0],
            "samples": self.latent.prior(samples, streams),
        }
        return {name: self.model.decode(code).sigmoid() for name, code in codes.items()}


class _Loss:
    """Reconstruction loss of these images, as latent variables see it."""

    def __init__(self, model: Autoencoder, images: Tensor) -> None:
        self._model, self._images = model, images

    def __call__(self, codes: Tensor) -> Tensor:
        return self._model.reconstruction(self._images, codes)

    def constant(self, codes: Tensor) -> Tensor:
        return self._model.reconstruction_of_codes(self._images, codes)
