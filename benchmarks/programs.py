"""The programs that are timed, each in a separate process."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from benchmarks.bounds import BATCH, Products, operands, synchronize
from benchmarks.cases import Case
from reinrelax import estimators
from reinrelax.config.run import Run
from reinrelax.core.provenance import peak_memory_mb
from reinrelax.datasets import images
from reinrelax.experiments.discrete_vae import measure as vae
from reinrelax.experiments.relaxed_vae import measure as relaxations
from reinrelax.training.process import prepare_process
from reinrelax.training.products import prefer_onednn

# Untimed steps at the start, in which memory is allocated, and the minimum number of timed steps.
WARM_UP, LEAST = 3, 4


@dataclass(frozen=True)
class Source:
    """The images of the programs, and the number that is timed.

    Attributes:
        prepared: the folder of prepared images, for the engine.
        mnist: torchvision's folder, for the plain loop.
        count: the approximate number of timed images, summed over replicas.
        device: "cpu" or "cuda".
    """

    prepared: Path
    mnist: Path
    count: int
    device: str


@dataclass(frozen=True)
class Timing:
    """Seconds per image and replica, and the peak memory of the process, or of the GPU."""

    seconds: float
    memory_mb: float


class Stopwatch:
    """A stopwatch that times `steps` steps after `WARM_UP` untimed ones."""

    def __init__(self, steps: int, device: str) -> None:
        self.steps, self._device = steps, device
        self._done, self._marks = 0, list[float]()

    def __call__(self) -> None:
        """Count a step; call this after each one."""
        self._done += 1
        if self._done in (WARM_UP, WARM_UP + self.steps):
            synchronize(self._device)
            self._marks.append(time.perf_counter())

    @property
    def total(self) -> int:
        """The number of steps to run."""
        return WARM_UP + self.steps

    @property
    def seconds(self) -> float:
        """The time of one step in seconds."""
        start, end = self._marks
        return (end - start) / self.steps


def measure(job: Case | Products, runs: Sequence[Run], source: Source) -> Timing:
    """Time a bound, or a case with its runs; permanently changes settings of the process."""
    torch.set_num_threads(job.threads)
    if isinstance(job, Products):
        return _products(job, source)
    return _plain(runs[0], source) if job.program == "plain" else _engine(job.program, runs, source)


def _products(job: Products, source: Source) -> Timing:
    if job.library == "oneDNN" and not prefer_onednn(advantage=0):
        return Timing(float("nan"), float("nan"))
    watch = _watch(job.replicas, BATCH, source)
    products = operands(job.latent, job.replicas, source.device)
    for _ in range(watch.total):
        for left, right, out in products:
            torch.bmm(left, right, out=out)
        watch()
    return _timing(watch, job.replicas, BATCH, source)


def _engine(program: str, runs: Sequence[Run], source: Source) -> Timing:
    prepare_process()
    size = runs[0].batch_size
    watch = _watch(len(runs), size, source)
    prepared = images.load(source.prepared)
    prepared = replace(prepared, train=prepared.train[: watch.total * size])
    make_trainer = relaxations.make_trainer if program == "relaxed" else vae.make_trainer
    make_trainer(runs, prepared, source.device).run_epoch(watch)
    return _timing(watch, len(runs), size, source)


def _plain(run: Run, source: Source) -> Timing:
    """Time a training on 8x4 as a user would write it, with this package's estimator."""
    estimator = estimators.get(run.estimator)
    watch = _watch(1, BATCH, source)
    dataset = torchvision.datasets.MNIST(source.mnist, transform=torchvision.transforms.ToTensor())
    subset = torch.utils.data.Subset(dataset, range(watch.total * BATCH))
    loader = torch.utils.data.DataLoader(subset, batch_size=BATCH, shuffle=True)
    encoder = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Linear(256, 32),
    ).to(source.device)
    decoder = nn.Sequential(
        nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784)
    ).to(source.device)
    optimizer = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()], lr=run.learning_rate
    )

    def loss_of(pixels: Tensor) -> Tensor:
        logits = encoder(pixels).view(-1, 4, 8)
        codes = estimator(logits, **dict(run.hyper))  # type: ignore[operator]
        out = decoder(codes.flatten(1))
        summed = F.binary_cross_entropy_with_logits(out, pixels.flatten(1), reduction="sum")
        q = logits.softmax(-1)
        total: Tensor = summed / len(pixels) + (q * (q * 8 + 1e-10).log()).sum((-1, -2)).mean()
        return total

    for pixels, _ in loader:
        loss = loss_of(pixels.to(source.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        watch()
    return _timing(watch, 1, BATCH, source)


def _watch(replicas: int, batch: int, source: Source) -> Stopwatch:
    return Stopwatch(max(LEAST, source.count // (replicas * batch)), source.device)


def _timing(watch: Stopwatch, replicas: int, batch: int, source: Source) -> Timing:
    memory = (
        torch.cuda.max_memory_allocated() / 1e6 if source.device == "cuda" else peak_memory_mb()
    )
    return Timing(watch.seconds / batch / replicas, memory)
