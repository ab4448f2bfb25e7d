"""Subsets of k categories as latent variables, by Gumbel-top-k (paper A, III.H)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.functions import gumbel, with_gradient_of
from reinrelax.distributions.gumbel_top_k import GumbelTopK
from reinrelax.errors import ConfigError
from reinrelax.latents.base import Latent, noise_for, per_image


class SubsetLatent(Latent):
    """A subset of k of C categories, drawn in order without replacement, as a k-hot code.

    The prior is uniform over ordered subsets. The KL is that of the ordered sample, an upper bound
    of the subset's: the sum of the KL of each pick, given the picks before it, to the uniform
    distribution over the remaining categories. Its mean also depends on the logits through the
    previous picks; the gradient includes the score function of their probability.

    Args:
        tau: temperatures `[R]`.
        k: the number of categories drawn.

    Raises:
        ConfigError: there is more than one latent variable, or k is not below the number of
            categories.
    """

    def __init__(
        self,
        shape: LatentShape,
        seeds: Sequence[int],
        device: torch.device | str,
        *,
        tau: Tensor,
        k: int,
    ) -> None:
        super().__init__(shape, seeds, device)
        if shape.latents != 1 or k >= shape.categories:
            raise ConfigError(
                f"Top-k: one subset of fewer than all categories, such as 20x1, k = 5; got {shape},"
                f" k = {k}"
            )
        self.outputs = self.inputs = shape.categories
        self._tau, self._k = per_image(tau, 2, self.device), k

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        relaxation = self._relaxation(outputs)
        noise = noise_for(relaxation, streams)
        return relaxation.from_noise(noise), self._kl(relaxation.logits, relaxation.indices(noise))

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        relaxation = self._relaxation(outputs)
        noise = noise_for(relaxation, streams)
        return relaxation.harden(noise), self._kl(relaxation.logits, relaxation.indices(noise))

    def prior(self, count: int, streams: Streams) -> Tensor:
        keys = gumbel(self.uniform(count, self.shape.categories, streams=streams))
        return torch.zeros_like(keys).scatter_(-1, keys.topk(self._k).indices, 1.0)

    def _relaxation(self, outputs: Tensor) -> GumbelTopK:
        return GumbelTopK(self._tau, self._k, logits=outputs, validate_args=False)

    def _kl(self, logits: Tensor, picks: Tensor) -> Tensor:
        """Return the sum of the picks' conditional KL, `[R, B]`, with the gradient of its mean."""
        total = torch.zeros_like(logits[..., 0])
        surrogate = log_earlier = total
        left = logits
        for j in range(self._k):
            log_p = log_softmax(left)
            own = (log_p.exp() * log_p).sum(-1) + math.log(self.shape.categories - j)
            total = total + own
            surrogate = surrogate + own + own.detach() * log_earlier
            pick = picks[..., j, None]
            log_earlier = log_earlier + log_p.gather(-1, pick)[..., 0]
            # Not −∞: its product with a probability of zero would be NaN.
            left = left.scatter(-1, pick, -1e9)
        return with_gradient_of(total, surrogate)


top_k = SubsetLatent
