"""The contract of a VAE's latent variables: relaxed for training, hard for the bound that compares methods.

Both are bounds on the same quantity, the likelihood of a VAE with *discrete* latent variables, or meant to
be: a relaxed sample with the discrete KL, which is what is usually trained, is no bound of anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.base import Relaxation


class Reconstruction(Protocol):
    """−log p(x | z) of a batch's images, nats `[R, B]`, from codes `[R, B, D]`."""

    def __call__(self, codes: Tensor) -> Tensor:
        """With gradients for the decoder."""

    def constant(self, codes: Tensor) -> Tensor:
        """As a function of the codes alone, differentiable in them any number of times."""


@dataclass(frozen=True)
class Pass:
    """One training pass of a batch.

    Attributes:
        reconstruction, kl: terms of the method's own loss, nats per image `[R, B]`, outside the graph.
        surrogate: `[R, B]`, whose gradient is that of the loss, as the method estimates it.
        variance_loss: `[R, B]`, whose gradient is for `Latent.learned` alone, where a control variate is
            learned.
    """

    reconstruction: Tensor
    kl: Tensor
    surrogate: Tensor
    variance_loss: Tensor | None = None


class Latent(ABC):
    """L latent variables of C categories in R replicas.

    Attributes:
        outputs: numbers that the encoder gives an image; `inputs`, D, that the decoder takes.
        learned: what is learned beside the networks, by name: leaves `[R, ...]`.
    """

    outputs: int
    inputs: int

    def __init__(self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str) -> None:
        self.shape, self.replicas = shape, len(seeds)
        self.seeds, self.device = tuple(seeds), torch.device(device)
        self.learned: dict[str, Tensor] = {}

    @abstractmethod
    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        """A draw of the code that training uses, `[R, B, D]`, and the KL term of the own loss, nats per image
        `[R, B]`, from the encoder's outputs `[R, B, outputs]`.
        """

    @abstractmethod
    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        """A draw of the discrete code, `[R, B, D]`, and KL(q(b | x) ‖ p(b)), nats per image `[R, B]`: exact,
        or a random number whose mean is the KL or an upper bound of it.
        """

    @abstractmethod
    def prior(self, count: int, streams: Streams) -> Tensor:
        """Draws from the discrete prior, `[R, count, D]`."""

    def train(self, outputs: Tensor, reconstruction: Reconstruction, streams: Streams) -> Pass:
        """A training pass, here with the gradient that goes through the relaxed code."""
        code, kl = self.relaxed(outputs, streams)
        loss = reconstruction(code)
        return Pass(loss.detach(), kl.detach(), loss + kl)

    def facts(self) -> dict[str, Tensor]:
        """What was learned beside the networks, in the terms of the paper: `[R, ...]`."""
        return {}

    def uniform(self, *shape: int, streams: Streams) -> Tensor:
        """U(0, 1) `[R, *shape]`."""
        return streams.uniform_(torch.empty(self.replicas, *shape, dtype=torch.float32, device=self.device))


def drawn(relaxation: Relaxation, streams: Streams) -> Tensor:
    """A relaxed sample, each replica's from its own stream."""
    return relaxation.from_noise(noise_for(relaxation, streams))


def noise_for(relaxation: Relaxation, streams: Streams) -> Tensor:
    """Noise of one sample, `[R, ...]`."""
    like: Tensor = getattr(relaxation, next(iter(relaxation.arg_constraints)))
    out = torch.empty(relaxation.noise_shape(), dtype=like.dtype, device=like.device)
    return (streams.uniform_ if relaxation.noise_kind == "uniform" else streams.normal_)(out)


def per_image(hyper: Tensor, rank: int, device: torch.device) -> Tensor:
    """A hyper-parameter `[R]` with so many axes, to broadcast over all but the first."""
    return hyper.to(device).view(-1, *(1,) * (rank - 1))
