"""The training loop over replicas, for any objective."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from reinrelax.rng import Streams
from reinrelax.training.optimizer import ReplicaOptimizer


class Objective(Protocol):
    """What a training minimises and what is measured of it."""

    @property
    def parameters(self) -> Sequence[Tensor]:
        """Tensors `[R, ...]` that the optimizer changes."""

    @property
    def grads(self) -> Sequence[Tensor]:
        """Tensors of the same shapes, where `step` leaves the gradients."""

    @property
    def metrics(self) -> Sequence[str]:
        """Names of what `step` and then `evaluate` return."""

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        """Gradients on a batch `[R, B, 784]`; means over the batch, nats per image, `[R]` each."""

    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        """Means over a batch of test images, nats per image, `[R]` each."""


@dataclass
class Replicas:
    """Per-replica settings of a training.

    Attributes:
        seeds: which streams each replica draws from.
        optimizers: "Adam" or "RAdam".
        learning_rates: one a replica.
    """

    seeds: Sequence[int]
    optimizers: Sequence[str]
    learning_rates: Sequence[float]


@dataclass
class History:
    """What was measured so far.

    Attributes:
        diverged: epoch (from 1) in which a replica's loss stopped being finite, 0 while it has not,
            `[R]` int64.
        metrics: name to one `[R]` float64 tensor an epoch, nats per image; NaN once a replica has diverged.
    """

    diverged: Tensor
    metrics: dict[str, list[Tensor]]

    @property
    def epochs(self) -> int:
        """How many epochs are complete."""
        return len(next(iter(self.metrics.values())))


class Trainer:
    """Trains R replicas towards one objective, epoch by epoch.

    Every epoch draws from streams of its own, named (seed, purpose, epoch), so that a resumed training needs
    no generator state to go on as if it had not stopped.

    Args:
        objective: what is minimised.
        replicas: settings, one a replica.
        train, test: images `[N, 784]` uint8 on the objective's device.
        batch_size: images a step; the last batch of an epoch may be smaller.
        snapshots: epochs after which the parameters are kept, 0 for the initial ones.

    Attributes:
        kept: epoch to the parameters after it, on the CPU.
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
        self.train_images, self.test_images, self.batch_size = train, test, batch_size
        self.device = train.device
        self.optimizer = ReplicaOptimizer(
            objective.parameters, objective.grads, replicas.optimizers, replicas.learning_rates
        )
        count = len(replicas.seeds)
        self.history = History(
            torch.zeros(count, dtype=torch.int64), {name: [] for name in objective.metrics}
        )
        # 1 where a loss was not finite: on the device, as a float, for the optimizer's kernel to read.
        self.dead = torch.zeros(count, device=self.device)
        self._snapshots = frozenset(snapshots)
        self.kept: dict[int, list[Tensor]] = {}
        self._keep()

    def run_epoch(self, on_step: Callable[[], Any] = lambda: None) -> None:
        """Train one epoch, evaluate on the test images once, and append both to the history."""
        epoch = self.history.epochs + 1
        noise = self._streams("noise", epoch)
        order = Streams.derive(self.replicas.seeds, "shuffle", epoch).permutations(len(self.train_images))
        train, test = _Mean(), _Mean()
        for images in self._batches(self.train_images, order.to(self.device)):
            found = torch.stack(list(self.objective.step(images, noise)))
            torch.maximum(self.dead, (~torch.isfinite(found.sum(0))).float(), out=self.dead)
            self.optimizer.step(self.dead)
            train.add(found, weight=images.shape[1])
            on_step()
        noise = self._streams("test", epoch)
        order = torch.arange(len(self.test_images), device=self.device).expand(len(noise), -1)
        for images in self._batches(self.test_images, order):
            test.add(torch.stack(list(self.objective.evaluate(images, noise))), weight=images.shape[1])
        dead = self.dead.cpu() > 0
        newly = dead & (self.history.diverged == 0)
        self.history.diverged[newly] = epoch
        for name, value in zip(self.objective.metrics, (*train.means(), *test.means()), strict=True):
            self.history.metrics[name].append(value.cpu().masked_fill(dead, torch.nan))
        self._keep()

    def _keep(self) -> None:
        if self.history.epochs in self._snapshots:
            self.kept[self.history.epochs] = [p.to("cpu", copy=True) for p in self.objective.parameters]

    def _batches(self, images: Tensor, order: Tensor) -> Iterator[Tensor]:
        """Images `[R, B, 784]` float32 in [0, 1], gathered by index, in the order `[R, N]`."""
        for index in order.split(self.batch_size, dim=1):
            rows = images.index_select(0, index.flatten()).view(*index.shape, -1)
            yield rows.to(torch.float32).div_(255)

    def _streams(self, *purpose: object) -> Streams:
        return Streams.derive(self.replicas.seeds, *purpose, device=self.device)


class _Mean:
    """Weighted running mean of quantities `[K, R]`, in float64 on their device."""

    def __init__(self) -> None:
        self._sums: Tensor | float = 0.0
        self._weight = 0

    def add(self, values: Tensor, weight: int) -> None:
        self._sums = self._sums + values.double() * weight
        self._weight += weight

    def means(self) -> Tensor:
        return torch.as_tensor(self._sums / self._weight)
