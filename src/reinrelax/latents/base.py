"""The interface of a VAE's latent variables: relaxed codes for training, hard codes for the bound.

Methods are compared by the hard codes' bound on the likelihood of a VAE with *discrete* latent
variables. The training loss is often not a bound on any likelihood: it usually combines a relaxed
sample with the KL of the discrete distributions.
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
    """The reconstruction loss −log p(x | z) of a batch, nats `[R, B]`, from codes `[R, B, D]`."""

    def __call__(self, codes: Tensor) -> Tensor:
        """Compute it with gradients for the decoder."""

    def constant(self, codes: Tensor) -> Tensor:
        """Compute it as a function of the codes alone, infinitely differentiable in them."""


@dataclass(frozen=True)
class TrainingStep:
    """The result of a training pass on a batch.

    Attributes:
        reconstruction, kl: the terms of the training loss, nats per image `[R, B]`, detached.
        surrogate: `[R, B]`, whose gradient is the method's estimate of the loss's gradient.
        variance_loss: `[R, B]`, whose gradient is for `Latent.learned` only; None unless a control
            variate is learned.
    """

    reconstruction: Tensor
    kl: Tensor
    surrogate: Tensor
    variance_loss: Tensor | None = None


class Latent(ABC):
    """L latent variables of C categories in R replicas.

    Attributes:
        outputs: the number of encoder outputs per image.
        inputs: the number of decoder inputs per image, D.
        learned: parameters learned in addition to the networks, by name: leaves `[R, ...]`.
    """

    outputs: int
    inputs: int

    def __init__(
        self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str
    ) -> None:
        self.shape, self.replicas = shape, len(seeds)
        self.seeds, self.device = tuple(seeds), torch.device(device)
        self.learned: dict[str, Tensor] = {}

    @abstractmethod
    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        """Draw the code that training uses, given the encoder's outputs `[R, B, outputs]`.

        Returns:
            The code `[R, B, D]`, and the KL term of the training loss, nats per image `[R, B]`.
        """

    @abstractmethod
    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        """Draw the discrete code, given the encoder's outputs `[R, B, outputs]`.

        Returns:
            The code `[R, B, D]`, and KL(q(b | x) ‖ p(b)), nats per image `[R, B]`: the exact value,
            or a random one whose mean is the KL or an upper bound of it.
        """

    @abstractmethod
    def prior(self, count: int, streams: Streams) -> Tensor:
        """Draw codes from the discrete prior, `[R, count, D]`."""

    def train(
        self, outputs: Tensor, reconstruction: Reconstruction, streams: Streams
    ) -> TrainingStep:
        """Run a training pass; the default gradient is the one through the relaxed code."""
        code, kl = self.relaxed(outputs, streams)
        loss = reconstruction(code)
        return TrainingStep(loss.detach(), kl.detach(), loss + kl)

    def facts(self) -> dict[str, Tensor]:
        """Return the learned quantities other than the networks, as in the paper, `[R, ...]`."""
        return {}

    def uniform(self, *shape: int, streams: Streams) -> Tensor:
        """Draw U(0, 1) noise `[R, *shape]`."""
        return streams.uniform_(
            torch.empty(self.replicas, *shape, dtype=torch.float32, device=self.device)
        )


def drawn(relaxation: Relaxation, streams: Streams) -> Tensor:
    """Draw a relaxed sample, each replica from its own stream."""
    return relaxation.from_noise(noise_for(relaxation, streams))


def noise_for(relaxation: Relaxation, streams: Streams) -> Tensor:
    """Draw the noise of one sample, `[R, ...]`."""
    like: Tensor = getattr(relaxation, next(iter(relaxation.arg_constraints)))
    out = torch.empty(relaxation.noise_shape(), dtype=like.dtype, device=like.device)
    return (streams.uniform_ if relaxation.noise_kind == "uniform" else streams.normal_)(out)


def per_image(hyper: Tensor, rank: int, device: torch.device) -> Tensor:
    """Reshape a hyper-parameter `[R]` to `rank` axes, to broadcast over all but the first."""
    return hyper.to(device).view(-1, *(1,) * (rank - 1))
