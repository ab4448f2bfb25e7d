"""Discrete latents with score-function gradients: RELAX (paper A, III.J), REBAR (III.L), REINFORCE.

Codes are binary for two categories and one-hot for more.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from reinrelax.core.numerics import kl_to_uniform, softmax
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.functions import gumbel, one_hot_argmax
from reinrelax.estimators.base import Estimate, draw
from reinrelax.estimators.relax import controlled, network, residual
from reinrelax.estimators.score import reinforce as reinforce_estimator
from reinrelax.latents.base import Latent, Reconstruction, TrainingStep, per_image

# The initial temperature of RELAX's relaxation.
_TAU = 0.5


class ScoreLatent(Latent):
    """Discrete latents with the encoder's logits and a uniform prior; the loss is the bound."""

    def __init__(
        self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str
    ) -> None:
        super().__init__(shape, seeds, device)
        binary = shape.categories == 2
        self.outputs = self.inputs = shape.latents * (1 if binary else shape.categories)

    @abstractmethod
    def estimate(
        self, logits: Tensor, reconstruction: Reconstruction, streams: Streams
    ) -> Estimate:
        """Estimate the gradient of the expected reconstruction at logits `[R, B, L, C]`."""

    def train(
        self, outputs: Tensor, reconstruction: Reconstruction, streams: Streams
    ) -> TrainingStep:
        logits = self._logits(outputs)
        kl = kl_to_uniform(logits)
        found = self.estimate(logits, reconstruction, streams)
        return TrainingStep(
            found.loss.detach(), kl.detach(), found.surrogate + kl, found.variance_loss
        )

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        return self.harden(outputs, streams)

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        logits = self._logits(outputs)
        return self.code(draw(logits, streams).one_hot), kl_to_uniform(logits)

    def prior(self, count: int, streams: Streams) -> Tensor:
        u = self.uniform(count, self.shape.latents, self.shape.categories, streams=streams)
        return self.code(one_hot_argmax(gumbel(u)))

    def code(self, sample: Tensor) -> Tensor:
        """Convert points of the simplex `[R, B, L, C]` to decoder inputs `[R, B, D]`."""
        return sample[..., 1] if self.shape.categories == 2 else sample.flatten(2)

    def _logits(self, outputs: Tensor) -> Tensor:
        if self.shape.categories == 2:
            return torch.stack((torch.zeros_like(outputs), outputs), -1)
        return outputs.view(*outputs.shape[:-1], self.shape.latents, self.shape.categories)


class ReinforceLatent(ScoreLatent):
    """REINFORCE without a baseline, as the reference for RELAX and REBAR."""

    def estimate(
        self, logits: Tensor, reconstruction: Reconstruction, streams: Streams
    ) -> Estimate:
        return reinforce_estimator.surrogate(
            logits, lambda z: reconstruction(self.code(z)), streams
        )


class RebarLatent(ScoreLatent):
    """REBAR with a learned η per replica and a fixed temperature of the relaxation.

    Args:
        tau: the temperature λ `[R]`.
    """

    def __init__(
        self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str, *, tau: Tensor
    ) -> None:
        super().__init__(shape, seeds, device)
        self._tau = per_image(tau, 4, self.device)
        self.learned["eta"] = torch.ones(
            self.replicas, dtype=torch.float32, device=self.device, requires_grad=True
        )

    def estimate(
        self, logits: Tensor, reconstruction: Reconstruction, streams: Streams
    ) -> Estimate:
        return controlled(
            logits,
            lambda z: reconstruction(self.code(z)),
            streams,
            lambda keys: reconstruction.constant(self.code(softmax(keys / self._tau))),
            scale=self.learned["eta"].view(-1, 1, 1, 1),
            learn=True,
        )

    def facts(self) -> dict[str, Tensor]:
        return {"eta": self.learned["eta"].detach()}


class RelaxLatent(ScoreLatent):
    """RELAX with c_φ(z) = f(softmax(z/λ)) + r_φ(softmax(z/λ)), with learned λ and network r_φ.

    r_φ is initialised to zero, so training starts as REBAR with η = 1.
    """

    def __init__(
        self, shape: LatentShape, seeds: Sequence[int], device: torch.device | str
    ) -> None:
        super().__init__(shape, seeds, device)
        log_tau = torch.full((self.replicas,), math.log(_TAU), dtype=torch.float32, device="cpu")
        start = {"log_tau": log_tau, **network(self.inputs, Streams.derive(seeds, "control"))}
        self.learned |= {
            name: value.to(self.device).requires_grad_() for name, value in start.items()
        }

    def estimate(
        self, logits: Tensor, reconstruction: Reconstruction, streams: Streams
    ) -> Estimate:
        tau = self.learned["log_tau"].exp().view(-1, 1, 1, 1)

        def control(keys: Tensor) -> Tensor:
            code = self.code(softmax(keys / tau))
            return reconstruction.constant(code) + residual(code, self.learned)

        return controlled(
            logits, lambda z: reconstruction(self.code(z)), streams, control, learn=True
        )

    def facts(self) -> dict[str, Tensor]:
        return {"tau": self.learned["log_tau"].detach().exp()}


reinforce = ReinforceLatent
rebar = RebarLatent
relax = RelaxLatent
