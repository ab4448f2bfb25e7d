"""Independent binary latent variables, relaxed or straight-through (paper A, III.B to III.E)."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.distributions import kl_divergence
from torch.nn.functional import logsigmoid

from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.base import Relaxation
from reinrelax.distributions.hard_concrete import HardConcrete
from reinrelax.distributions.relaxed_bernoulli import RelaxedBernoulli
from reinrelax.distributions.stochastic_times_smooth import StochasticTimesSmooth
from reinrelax.distributions.straight_through_bernoulli import StraightThroughBernoulli
from reinrelax.latents.base import Latent, drawn, per_image


class BernoulliLatent(Latent):
    """Binary latents b ~ Bernoulli(σ(logits)) with the encoder's logits, and prior Bernoulli(½).

    Stochastic Times Smooth has the same hard code, although its training code b √p reveals p and is
    not discrete.

    Args:
        law: a function from logits `[R, B, L]` to the relaxation.
        density_kl: whether the training loss has the KL of the relaxed densities instead of the
            Bernoulli distributions'.
    """

    def __init__(
        self,
        shape: LatentShape,
        seeds: Sequence[int],
        device: torch.device | str,
        law: Callable[[Tensor], Relaxation],
        density_kl: bool = False,
    ) -> None:
        super().__init__(shape, seeds, device)
        self.outputs = self.inputs = shape.latents
        self._law, self._density_kl = law, density_kl

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        law = self._law(outputs)
        if self._density_kl:
            kl = kl_divergence(law, self._law(torch.zeros_like(outputs))).sum(-1)
        else:
            kl = kl_to_fair(outputs)
        return drawn(law, streams), kl

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        noise = streams.uniform_(torch.empty_like(outputs))
        return (noise < outputs.sigmoid()).to(outputs.dtype), kl_to_fair(outputs)

    def prior(self, count: int, streams: Streams) -> Tensor:
        return (self.uniform(count, self.shape.latents, streams=streams) < 0.5).float()


def kl_to_fair(logits: Tensor) -> Tensor:
    """Return KL(Bernoulli(σ(logits)) ‖ Bernoulli(½)), summed over the last axis, nats."""
    p = logits.sigmoid()
    return (p * logsigmoid(logits) + (1 - p) * logsigmoid(-logits) + math.log(2)).sum(-1)


def _tempered(
    law: Callable[..., Relaxation],
    shape: LatentShape,
    seeds: Sequence[int],
    device: torch.device | str,
    *,
    tau: Tensor,
    density_kl: bool = False,
) -> BernoulliLatent:
    temperature = per_image(tau, 3, torch.device(device))
    at_tau = partial(law, temperature, validate_args=False)
    return BernoulliLatent(shape, seeds, device, lambda a: at_tau(logits=a), density_kl)


def _untempered(
    law: Callable[..., Relaxation],
    backward: str,
    shape: LatentShape,
    seeds: Sequence[int],
    device: torch.device | str,
) -> BernoulliLatent:
    with_gradient = partial(law, backward=backward, validate_args=False)
    return BernoulliLatent(shape, seeds, device, lambda a: with_gradient(logits=a))


relaxed_bernoulli = partial(_tempered, RelaxedBernoulli)
relaxed_bernoulli_density = partial(_tempered, RelaxedBernoulli, density_kl=True)
hard_concrete = partial(_tempered, HardConcrete)
straight_through = partial(_untempered, StraightThroughBernoulli, "sigmoid")
straight_through_copy = partial(_untempered, StraightThroughBernoulli, "copy")
stochastic_times_smooth = partial(_untempered, StochasticTimesSmooth, "pathwise")
stochastic_times_smooth_through = partial(_untempered, StochasticTimesSmooth, "straight-through")
