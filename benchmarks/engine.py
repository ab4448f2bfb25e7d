"""Speed of the replica engine: against a plain PyTorch loop and against the matrix-product bound, in one run.

    python benchmarks/engine.py             the comparison, on the 8x4 VAE with two threads
    python benchmarks/engine.py --timings   one thread, every estimator and latent shape, into
                                            benchmarks/microseconds_per_image.csv, which `make plan` reads

Needs MNIST under MNIST_ROOT or data/. Nothing else should be running.
"""

import argparse
import csv
import multiprocessing
import multiprocessing.pool
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
import yaml
from torch import Tensor, nn

from reinrelax import config as configuration
from reinrelax import data, estimators, images, runs
from reinrelax.experiments import relaxations, vae
from reinrelax.experiments.provenance import describe, peak_memory_mb
from reinrelax.experiments.training import prepare_process
from reinrelax.run import Run
from reinrelax.training.products import prefer_onednn

ROOT = Path(__file__).parents[1]
MNIST_ROOT = Path(os.environ.get("MNIST_ROOT") or ROOT / "data")
EPOCH = 60_000
ROUNDS = 2
COMPARED = {"ReinMax": {"tau": 1.3}, "Gumbel-Rao": {"tau": 0.5, "draws": 100}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--timings", action="store_true", help="renew benchmarks/microseconds_per_image.csv")
    parser.add_argument("--images", type=int, default=EPOCH, help="images an epoch is measured on")
    parser.add_argument("--replicas", type=int, default=10)
    options = parser.parse_args()
    facts = describe("cpu")
    print(f"{facts['processor']}, torch {facts['torch']}, commit {facts['commit']}")
    with tempfile.TemporaryDirectory() as folder:
        everything = data.mnist(MNIST_ROOT)
        prepared = replace(everything, train=everything.train[: options.images], test=everything.test[:100])
        images.save(prepared, Path(folder))
        if options.timings:
            with worker() as pool:
                pool.apply(write_timings, (Path(folder),))
        else:
            compare(Path(folder), options.images, options.replicas)


def worker() -> multiprocessing.pool.Pool:
    """A process of its own: memory and floating-point settings of one case do not reach another."""
    return multiprocessing.get_context("spawn").Pool(1)


def compare(folder: Path, count: int, replicas: int) -> None:
    """Print seconds per replica and epoch of 60,000 images: plain loop, engine, bound."""
    threads = min(2, os.cpu_count() or 1)
    print(f"8x4, {threads} threads, {replicas} replicas; seconds per replica and epoch of {EPOCH:,} images,")
    print(f"median of {ROUNDS} interleaved epochs of {count:,}, each after one to warm up")
    with ExitStack() as stack:
        cases: dict[str, multiprocessing.pool.Pool] = {}
        for name, start in {
            "BLAS": (Bound, replicas, False),
            "oneDNN": (Bound, replicas, True),
            **{f"plain {name}": (PlainLoop, name, count) for name in COMPARED},
            **{f"engine {name}": (Engine, name, folder, replicas) for name in COMPARED},
        }.items():
            cases[name] = stack.enter_context(worker())
            cases[name].apply(prepare, (threads, *start))
        # Every case once a round, so that a slow minute of the machine slows them all; the first warms up.
        rounds = [
            {name: case.apply(epoch_seconds) for name, case in cases.items()} for _ in range(ROUNDS + 1)
        ]
        memory = {name: cases[f"engine {name}"].apply(peak_memory_mb) for name in COMPARED}
    times = {name: statistics.median(r[name] for r in rounds[1:]) for name in cases}
    bound = min(times["BLAS"], times["oneDNN"])
    for library in ("BLAS", "oneDNN"):
        print(f"{'float32 matrix products, ' + library:34} {times[library]:6.2f}")
    for name in COMPARED:
        plain, engine = times[f"plain {name}"], times[f"engine {name}"]
        ratio = f"{plain / engine:.2f}x faster, {engine / bound:.2f}x the bound, {memory[name]:.0f} MB"
        print(f"{'plain PyTorch loop, ' + name:34} {plain:6.2f}")
        print(f"{'engine, ' + name:34} {engine:6.2f}   {ratio}")
    for shape in ("16x12", "64x8"):
        with worker() as pool:
            pool.apply(prepare, (threads, Engine, "Gumbel-Rao", folder, replicas, shape, 1000))
            pool.apply(epoch_seconds)
            print(f"{f'engine, Gumbel-Rao at {shape}':34} {pool.apply(peak_memory_mb):10.0f} MB at most")


_case: "Bound | PlainLoop | Engine"


def prepare(threads: int, kind: Callable[..., "Bound | PlainLoop | Engine"], *arguments: object) -> None:
    """In a worker: make the case that `epoch_seconds` times."""
    global _case
    torch.set_num_threads(threads)
    _case = kind(*arguments)


def epoch_seconds() -> float:
    return _case.epoch_seconds()


class PlainLoop:
    """One run as a user would write it; the estimator is this package's."""

    def __init__(self, name: str, images: int) -> None:
        self.estimator, self.hyper = estimators.get(name), COMPARED[name]
        dataset = torchvision.datasets.MNIST(MNIST_ROOT, transform=torchvision.transforms.ToTensor())
        subset = torch.utils.data.Subset(dataset, range(images))
        self.loader = torch.utils.data.DataLoader(subset, batch_size=100, shuffle=True)
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 32)
        )
        self.decoder = nn.Sequential(
            nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784)
        )
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=5e-4)

    def epoch_seconds(self) -> float:
        start, seen = time.perf_counter(), 0
        for pixels, _ in self.loader:
            loss = self.loss(pixels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            seen += len(pixels)
        return (time.perf_counter() - start) * EPOCH / seen

    def loss(self, pixels: Tensor) -> Tensor:
        logits = self.encoder(pixels).view(-1, 4, 8)
        codes = self.estimator(logits, **self.hyper)  # type: ignore[operator]
        out = self.decoder(codes.flatten(1))
        reconstruction = F.binary_cross_entropy_with_logits(out, pixels.flatten(1), reduction="sum") / len(
            pixels
        )
        q = logits.softmax(-1)
        total: Tensor = reconstruction + (q * (q * 8 + 1e-10).log()).sum((-1, -2)).mean()
        return total


class Engine:
    """The same training in the replica engine."""

    def __init__(
        self, name: str, folder: Path, replicas: int, shape: str = "8x4", count: int | None = None
    ) -> None:
        prepare_process()
        prepared = images.load(folder)
        prepared = replace(prepared, train=prepared.train[:count])
        self.trainer = vae.make_trainer(
            [a_run(name, shape, seed) for seed in range(replicas)], prepared, "cpu"
        )
        self.replicas, self.images = replicas, len(prepared.train)

    def epoch_seconds(self) -> float:
        start = time.perf_counter()
        self.trainer.run_epoch()
        return (time.perf_counter() - start) * EPOCH / self.images / self.replicas


class Bound:
    """The batched float32 products of the 8x4 VAE's training step, and nothing else."""

    def __init__(self, replicas: int, onednn: bool) -> None:
        if onednn and not prefer_onednn():
            print("oneDNN does not multiply in float32 here: both bounds are BLAS")
        self.replicas, self.products = replicas, list[tuple[Tensor, Tensor, Tensor]]()
        for index, (a, b) in enumerate(pairwise((784, 512, 256, 32, 256, 512, 784))):
            x, w, y = (torch.randn(replicas, *shape) for shape in ((100, a), (a, b), (100, b)))
            self.products += [(x, w, torch.empty_like(y)), (x.mT, y, torch.empty_like(w))]
            if index:
                self.products.append((y, w.mT, torch.empty_like(x)))

    def epoch_seconds(self, steps: int = 60) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            for left, right, out in self.products:
                torch.bmm(left, right, out=out)
        return (time.perf_counter() - start) / steps * EPOCH / 100 / self.replicas


def write_timings(folder: Path) -> None:
    """Microseconds per replica and image of each estimator and shape, and of each kind of latent variables:
    K = 100, three replicas, one thread.
    """
    path = ROOT / "benchmarks/microseconds_per_image.csv"
    prepare_process()
    torch.set_num_threads(1)
    prepared = images.load(folder)
    few = replace(prepared, train=prepared.train[:1500])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["estimator", "latent", "draws", "microseconds_per_image"])
        for cell in runs.cells(paper()).values():
            if cell.first.experiment not in ("elbo", "relaxations"):
                continue
            experiment = relaxations if cell.first.experiment == "relaxations" else vae
            table = [replace(cell.first, seed=seed) for seed in range(3)]
            trainer = experiment.make_trainer(table, few, "cpu")
            trainer.run_epoch()
            start = time.perf_counter()
            trainer.run_epoch()
            cost = 1e6 * (time.perf_counter() - start) / 3 / len(few.train)
            name, shape, draws = (
                cell.first.estimator,
                cell.first.shape,
                dict(cell.first.hyper).get("draws", 0),
            )
            writer.writerow([name, shape, draws, f"{cost:.1f}"])
            print(f"{name:32} {shape!s:6} {cost:8.1f} µs", flush=True)


def a_run(name: str, shape: str, seed: int) -> Run:
    """A run of Tables 2 and 3 at paper scale."""
    wanted = ("elbo", name, shape, seed)
    table = runs.run_table(paper())
    return next(r for r in table if (r.experiment, r.estimator, str(r.shape), r.seed) == wanted)


def paper() -> configuration.Config:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    raw["experiments"]["elbo"].update(seeds=10, epochs=160, draws=100)
    return configuration.load(raw, ROOT)


if __name__ == "__main__":
    main()
