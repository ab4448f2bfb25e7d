"""The training loop of the discrete VAE over replicas."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from reinrelax.estimators.base import Estimator, draw
from reinrelax.models.vae import DiscreteVAE, kl_to_uniform
from reinrelax.rng import Streams
from reinrelax.training.optimizer import ReplicaOptimizer

METRICS = ("train_reconstruction", "train_kl", "test_reconstruction", "test_kl")


@dataclass
class Replicas:
    """Per-replica settings of a training.

    Attributes:
        seeds: which streams each replica draws from.
        optimizers: "Adam" or "RAdam".
        learning_rates: one a replica.
        hyper: hyper-parameters of the estimator by name: a tensor `[R]` for τ, η and β, a number for counts.
    """

    seeds: Sequence[int]
    optimizers: Sequence[str]
    learning_rates: Sequence[float]
    hyper: dict[str, Tensor | int]


@dataclass
class History:
    """What was measured so far.

    Attributes:
        metrics: name to one `[R]` float64 tensor an epoch, nats per image; NaN once a replica has diverged.
        diverged: epoch (from 1) in which a replica's loss stopped being finite, 0 while it has not,
            `[R]` int64.
    """

    diverged: Tensor
    metrics: dict[str, list[Tensor]] = field(default_factory=lambda: {name: [] for name in METRICS})

    @property
    def epochs(self) -> int:
        """How many epochs are complete."""
        return len(self.metrics[METRICS[0]])


class Trainer:
    """Trains R replicas of one latent shape with one estimator, epoch by epoch.

    Every epoch draws from streams of its own, named (seed, purpose, epoch), so that a resumed training needs
    no generator state to go on as if it had not stopped.

    Args:
        model: the replicas.
        estimator: how the gradient passes the discrete codes.
        replicas: settings, one a replica.
        train, test: images `[N, 784]` uint8 on the model's device.
        batch_size: images a step; the last batch of an epoch may be smaller.
        snapshots: epochs after which the parameters are kept, 0 for the initial ones.

    Attributes:
        kept: epoch to the parameters after it, on the CPU.
    """

    def __init__(
        self,
        model: DiscreteVAE,
        estimator: Estimator,
        replicas: Replicas,
        train: Tensor,
        test: Tensor,
        batch_size: int,
        snapshots: Collection[int] = (),
    ) -> None:
        self.model, self.estimator, self.replicas = model, estimator, replicas
        self.train_images, self.test_images, self.batch_size = train, test, batch_size
        self.device = train.device
        self.optimizer = ReplicaOptimizer(
            model.stack.parameters, model.stack.grads, replicas.optimizers, replicas.learning_rates
        )
        count = len(replicas.seeds)
        self.history = History(torch.zeros(count, dtype=torch.int64))
        # 1 where a loss was not finite: on the device, as a float, for the optimizer's kernel to read.
        self.dead = torch.zeros(count, device=self.device)
        self._hyper = {
            name: value.to(self.device).view(count, 1, 1, 1) if isinstance(value, Tensor) else value
            for name, value in replicas.hyper.items()
        }

        self._snapshots = frozenset(snapshots)
        self.kept: dict[int, list[Tensor]] = {}
        self._keep()

    def run_epoch(self, on_step: Callable[[], Any] = lambda: None) -> None:
        """Train one epoch, evaluate on the test images once, and append both to the history."""
        epoch = self.history.epochs + 1
        noise = self._streams("noise", epoch)
        order = Streams.derive(self.replicas.seeds, "shuffle", epoch).permutations(len(self.train_images))
        train = _Mean(len(self.replicas.seeds), self.device)
        for images in self._batches(self.train_images, order.to(self.device)):
            train.add(*self._step(images, noise), weight=images.shape[1])
            on_step()
        test = self._evaluate(self._streams("test", epoch))
        dead = self.dead.cpu() > 0
        newly = dead & (self.history.diverged == 0)
        self.history.diverged[newly] = epoch
        for name, value in zip(METRICS, (*train.means(), *test.means()), strict=True):
            self.history.metrics[name].append(value.cpu().masked_fill(dead, torch.nan))
        self._keep()

    def _keep(self) -> None:
        if self.history.epochs in self._snapshots:
            self.kept[self.history.epochs] = [p.to("cpu", copy=True) for p in self.model.stack.parameters]

    def _step(self, images: Tensor, noise: Streams) -> tuple[Tensor, Tensor]:
        """One update on images `[R, B, 784]`; mean reconstruction and KL, nats per image, `[R]` each."""
        self.model.stack.zero_grad()
        logits = self.model.encode(images)
        estimate = self.estimator.surrogate(
            logits, lambda codes: self.model.reconstruction(images, codes), noise, **self._hyper
        )
        kl = kl_to_uniform(logits).mean(-1)
        (estimate.surrogate.mean(-1) + kl).sum().backward()
        reconstruction, kl = estimate.loss.mean(-1), kl.detach()
        torch.maximum(self.dead, (~torch.isfinite(reconstruction + kl)).float(), out=self.dead)
        self.optimizer.step(self.dead)
        return reconstruction, kl

    @torch.no_grad()
    def _evaluate(self, noise: Streams) -> "_Mean":
        """One sampled pass over the test images."""
        mean = _Mean(len(noise), self.device)
        order = torch.arange(len(self.test_images), device=self.device).expand(len(noise), -1)
        for images in self._batches(self.test_images, order):
            logits = self.model.encode(images)
            reconstruction = self.model.reconstruction(images, draw(logits, noise).one_hot)
            mean.add(reconstruction.mean(-1), kl_to_uniform(logits).mean(-1), weight=images.shape[1])
        return mean

    def _batches(self, images: Tensor, order: Tensor) -> Iterator[Tensor]:
        """Images `[R, B, 784]` float32 in [0, 1], gathered by index, in the order `[R, N]`."""
        for index in order.split(self.batch_size, dim=1):
            rows = images.index_select(0, index.flatten()).view(*index.shape, -1)
            yield rows.to(torch.float32).div_(255)

    def _streams(self, *purpose: object) -> Streams:
        return Streams.derive(self.replicas.seeds, *purpose, device=self.device)


class _Mean:
    """Weighted running mean of the two terms of the negative ELBO, `[R]` each, in float64 on the device."""

    def __init__(self, replicas: int, device: torch.device) -> None:
        self._sums = torch.zeros(2, replicas, dtype=torch.float64, device=device)
        self._weight = 0

    def add(self, reconstruction: Tensor, kl: Tensor, weight: int) -> None:
        self._sums += torch.stack((reconstruction, kl)).double() * weight
        self._weight += weight

    def means(self) -> Tensor:
        return self._sums / self._weight
