"""The training loop over replicas, for any objective."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.training.batches import ImagePass
from reinrelax.training.optimizer import ReplicaOptimizer


class Objective(Protocol):
    """An objective to minimise, with the metrics to measure."""

    @property
    def parameters(self) -> Sequence[Tensor]:
        """The tensors `[R, ...]` that the optimizer changes."""

    @property
    def networks(self) -> Sequence[Tensor]:
        """The parameters of the networks, which snapshots keep."""

    @property
    def grads(self) -> Sequence[Tensor]:
        """Tensors of the shapes of `parameters`, to which `step` writes the gradients."""

    @property
    def metrics(self) -> Sequence[str]:
        """The names of the values that `step` returns, followed by those of `evaluate`."""

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        """Compute gradients on a batch `[R, B, 784]`; return means, nats per image, `[R]` each."""

    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        """Return means over a batch of test images, nats per image, `[R]` each."""


@dataclass
class Replicas:
    """The settings of a training, per replica.

    Attributes:
        seeds: the seeds of the random streams, one per replica.
        optimizers: "Adam" or "RAdam", one per replica.
        learning_rates: one per replica.
    """

    seeds: Sequence[int]
    optimizers: Sequence[str]
    learning_rates: Sequence[float]


@dataclass
class History:
    """The measurements so far.

    Attributes:
        diverged: the epoch (from 1) in which a replica's loss became non-finite, or 0, `[R]` int64.
        metrics: for each name, one `[R]` float64 tensor per epoch, nats per image; NaN after a
            replica has diverged.
    """

    diverged: Tensor
    metrics: dict[str, list[Tensor]]

    @property
    def epochs(self) -> int:
        """The number of complete epochs."""
        return len(next(iter(self.metrics.values())))


class Trainer:
    """A trainer of R replicas on one objective, epoch by epoch.

    Every epoch has its own random streams, derived from (seed, purpose, epoch). A resumed training
    therefore continues identically without a saved generator state.

    Args:
        objective: the objective to minimise.
        replicas: the settings per replica.
        train, test: images `[N, 784]` uint8 on the objective's device.
        batch_size: images per step; the last batch of an epoch may be smaller.
        snapshots: epochs after which the networks' parameters are kept; 0 for the initial ones.

    Attributes:
        kept: for each such epoch, the networks' parameters after it, on the CPU.
    """

    def __init__(
        self,
        objective: Objective,
        replicas: Replicas,
        train: Tensor,
        test: Tensor,
        batch_size: int,
        snapshots: Collection[int] = (),
    ) -> None:
        self.objective, self.replicas = objective, replicas
        self.device = train.device
        count = len(replicas.seeds)
        self.optimizer = ReplicaOptimizer.on(
            self.device,
            objective.parameters,
            objective.grads,
            replicas.optimizers,
            replicas.learning_rates,
        )
        self.history = History(
            torch.zeros(count, dtype=torch.int64, device="cpu"),
            {name: [] for name in objective.metrics},
        )
        # 1 if a loss was not finite; float on the device, because the optimizer's kernel reads it.
        self.dead = torch.zeros(count, dtype=torch.float32, device=self.device)
        self.train_images, self.test_images = train, test
        self._train = ImagePass(train, batch_size, count, self._learn)
        self._test = ImagePass(test, batch_size, count, self._measure)
        self._snapshots = frozenset(snapshots)
        self.kept: dict[int, list[Tensor]] = {}
        self._keep()

    def run_epoch(
        self, on_step: Callable[[], Any] = lambda: None, images: int | None = None
    ) -> None:
        """Train one epoch, evaluate on the test images once, and append both to the history.

        Args:
            on_step: a function called after every training step.
            images: the number of training images in the epoch, if not all.
        """
        epoch = self.history.epochs + 1
        self.optimizer.begin_epoch(self._train.steps)
        order = Streams.derive(self.replicas.seeds, "shuffle", epoch).permutations(
            len(self.train_images) if images is None else images
        )
        changed = [*self.objective.parameters, *self.optimizer.state, self.dead]
        train = self._train.run(order, self._streams("noise", epoch), changed, on_step)
        every = torch.arange(len(self.test_images), dtype=torch.int64, device="cpu")
        test = self._test.run(every.expand(len(order), -1), self._streams("test", epoch))
        dead = self.dead.cpu() > 0
        newly = dead & (self.history.diverged == 0)
        self.history.diverged[newly] = epoch
        for name, value in zip(self.objective.metrics, (*train, *test), strict=True):
            self.history.metrics[name].append(value.cpu().masked_fill(dead, torch.nan))
        self._keep()

    def _learn(self, images: Tensor, streams: Streams) -> Tensor:
        found = torch.stack(list(self.objective.step(images, streams)))
        torch.maximum(self.dead, (~torch.isfinite(found.sum(0))).float(), out=self.dead)
        self.optimizer.step(self.dead)
        return found

    def _measure(self, images: Tensor, streams: Streams) -> Tensor:
        return torch.stack(list(self.objective.evaluate(images, streams)))

    def _keep(self) -> None:
        if self.history.epochs in self._snapshots:
            self.kept[self.history.epochs] = [
                p.to("cpu", copy=True) for p in self.objective.networks
            ]

    def _streams(self, *purpose: object) -> Streams:
        return Streams.derive(self.replicas.seeds, *purpose, device=self.device)
