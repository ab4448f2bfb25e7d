"""One-hot latents by decoupled Straight-Through Gumbel-Softmax (paper A, III.K); their prior."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reinrelax.core.numerics import kl_to_uniform
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.base import Relaxation
from reinrelax.distributions.decoupled import DecoupledStraightThroughGumbelSoftmax
from reinrelax.distributions.functions import gumbel, one_hot_argmax
from reinrelax.latents.base import Latent, drawn, noise_for, per_image


class DecoupledLatent(Latent):
    """One-hot latents with the encoder's logits, and the uniform prior.

    The forward pass is discrete, so the training loss is the bound with hard codes.

    Args:
        tau_forward, tau_backward: temperatures `[R]`; `tau_forward` has no effect.
    """

    def __init__(
        self,
        shape: LatentShape,
        seeds: Sequence[int],
        device: torch.device | str,
        *,
        tau_forward: Tensor,
        tau_backward: Tensor,
    ) -> None:
        super().__init__(shape, seeds, device)
        self.outputs = self.inputs = shape.latents * shape.categories
        self._forward, self._backward = (
            per_image(t, 3, self.device) for t in (tau_forward, tau_backward)
        )

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        return drawn(self.relaxation(outputs), streams).flatten(2), kl_to_uniform(
            self._logits(outputs)
        )

    def relaxation(self, outputs: Tensor) -> Relaxation:
        """Return the distribution of the relaxed sample."""
        return DecoupledStraightThroughGumbelSoftmax(
            self._backward,
            logits=self._logits(outputs),
            temperature_forward=self._forward,
            validate_args=False,
        )

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        relaxation = self.relaxation(outputs)
        code = relaxation.harden(noise_for(relaxation, streams))
        return code.flatten(2), kl_to_uniform(self._logits(outputs))

    def prior(self, count: int, streams: Streams) -> Tensor:
        return one_hot_prior(self, count, streams)

    def _logits(self, outputs: Tensor) -> Tensor:
        return outputs.view(*outputs.shape[:-1], self.shape.latents, self.shape.categories)


def one_hot_prior(latent: Latent, count: int, streams: Streams) -> Tensor:
    """Draw uniform one-hot codes, flattened to `[R, count, L·C]`."""
    u = latent.uniform(count, latent.shape.latents, latent.shape.categories, streams=streams)
    return one_hot_argmax(gumbel(u)).flatten(2)


decoupled = DecoupledLatent
