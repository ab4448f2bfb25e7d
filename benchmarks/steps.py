"""Measure where the time of a training step goes: matrix products, Adam, and everything else.

    python -m benchmarks.steps                          ReinMax on 8x4, one thread; write
                                                        benchmarks/results/steps.csv
    python -m benchmarks.steps --replicas 1 --steps 20  run a quick check; write nothing

MNIST must be in MNIST_ROOT or data/. Run nothing else on the machine meanwhile.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import pandas as pd
import torch

from benchmarks.bounds import BATCH, copy_bandwidth, operands
from benchmarks.cases import ROOT, Case
from reinrelax.core import files, records
from reinrelax.core.provenance import describe
from reinrelax.datasets import data
from reinrelax.datasets.images import Images
from reinrelax.experiments.cost.figures import RESULTS
from reinrelax.experiments.discrete_vae import measure as vae
from reinrelax.experiments.record import describe_device
from reinrelax.training.loop import Trainer
from reinrelax.training.process import prepare_process
from reinrelax.vae import autoencoder

REPLICAS, STEPS = (1, 2, 5, 20), 60
_LATENT, _WARM_UP = "8x4", 3
# Value, gradient and two moments are read; all but the gradient are written.
_BYTES_PER_PARAMETER = 7 * 4


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; write the table of a complete run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.steps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--replicas", type=int, nargs="+", default=REPLICAS, help="numbers of models per job"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps per number")
    options = parser.parse_args(arguments)
    if min(options.replicas) < 1 or options.steps < 1:
        parser.error("--replicas and --steps must be at least 1")
    torch.set_num_threads(1)
    prepare_process()
    images = data.mnist(data.root_of(ROOT / "data"))
    table = pd.DataFrame(measured(images, options.replicas, options.steps))
    facts = {**describe(describe_device("cpu")), "bytes_per_second": copy_bandwidth("cpu")}
    print(f"{facts['processor']}, torch {facts['torch']}, one thread, ReinMax on {_LATENT}")
    print(f"copy within memory: {facts['bytes_per_second'] / 1e9:.1f} GB/s, read and written")
    print(shown(table))
    if (tuple(options.replicas), options.steps) == (REPLICAS, STEPS):
        path = ROOT / RESULTS / "steps.csv"
        files.write_text(path, table.to_csv(index=False, lineterminator="\n", float_format="%.4g"))
        records.write(path.with_suffix(".json"), facts, [path])


class Phases:
    """Stopwatches of which one runs at a time: a phase within another stops the outer one."""

    def __init__(self) -> None:
        self.seconds = dict[str, float]()
        self._running = ["rest"]
        self._since = time.perf_counter()

    def _lap(self) -> None:
        now = time.perf_counter()
        name = self._running[-1]
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of a block as this phase's."""
        self._lap()
        self._running.append(name)
        yield
        self._lap()
        self._running.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted as this phase's."""

        def call(*arguments: Any, **named: Any) -> Any:
            with self.phase(name):
                return function(*arguments, **named)

        return call

    def take(self) -> dict[str, float]:
        """Return the seconds since the last call, and start again at zero."""
        self._lap()
        out, self.seconds = self.seconds, {}
        return out


def measured(images: Images, numbers: Iterable[int], steps: int) -> Iterator[dict[str, Any]]:
    """Yield a row per number of replicas and phase, with the median milliseconds of a step.

    The products of the networks are measured alone, as in the bound; `networks` is what the passes
    through the networks take beyond them.
    """
    for replicas in numbers:
        trainer = vae.make_trainer(Case("ReinMax", _LATENT, replicas, 1, 0).runs, images, "cpu")
        found = _steps(trainer, steps)
        whole = median(sum(step.values()) for step in found)
        phases = {name: median(step[name] for step in found) for name in found[0]}
        products = _products(replicas, steps)
        rows = {
            "products": products,
            "networks": phases["networks"] - products,
            **{name: phases[name] for name in ("Adam", "estimator", "loss", "images")},
            "rest": phases["rest"],
        }
        count = sum(p.numel() for p in trainer.objective.parameters)
        for name, seconds in rows.items():
            yield {
                "replicas": replicas,
                "phase": name,
                "milliseconds": 1e3 * seconds,
                "of_products": seconds / products,
                "step_of_products": whole / products,
                "gigabytes_per_second": (
                    count * _BYTES_PER_PARAMETER / seconds / 1e9 if name == "Adam" else None
                ),
            }


def _steps(trainer: Trainer, steps: int) -> list[dict[str, float]]:
    """Return the seconds of each phase of each step, after those that allocate memory."""
    phases, found = Phases(), list[dict[str, float]]()
    objective: Any = trainer.objective
    passes: Any = trainer._train
    passes.batch = phases.timed("images", passes.batch)
    model, estimator = objective.model, objective.estimator
    for name in ("encode", "decode"):
        setattr(model, name, phases.timed("networks", getattr(model, name)))
    function, backward = estimator.function, torch.Tensor.backward
    likelihood: Any = vars(autoencoder)["bernoulli_nll"]
    optimizer: Any = trainer.optimizer
    optimizer.step = phases.timed("Adam", optimizer.step)
    try:
        estimator.function = phases.timed("estimator", function)
        estimator.sample = phases.timed("estimator", estimator.sample)
        vars(autoencoder)["bernoulli_nll"] = phases.timed("loss", likelihood)
        # The pass back through loss and estimator is small beside that through the networks.
        torch.Tensor.backward = phases.timed("networks", backward)  # type: ignore[method-assign]
        trainer.run_epoch(lambda: found.append(phases.take()), images=(steps + _WARM_UP) * BATCH)
    finally:
        estimator.function = function
        vars(autoencoder)["bernoulli_nll"] = likelihood
        del estimator.sample
        torch.Tensor.backward = backward  # type: ignore[method-assign]
    return found[_WARM_UP:]


def _products(replicas: int, steps: int) -> float:
    """Return the seconds of a step's matrix products, by the library that trains."""
    products, times = operands(_LATENT, replicas), []
    for _ in range(_WARM_UP + steps):
        start = time.perf_counter()
        for left, right, out in products:
            torch.bmm(left, right, out=out)
        times.append(time.perf_counter() - start)
    return median(times[_WARM_UP:])


def shown(table: pd.DataFrame) -> str:
    """Format the table as text: milliseconds of a step by phase, and the ratio to the products."""
    wide = table.pivot_table(index="replicas", columns="phase", values="milliseconds", sort=False)
    wide["step / products"] = table.groupby("replicas")["step_of_products"].first()
    wide["Adam GB/s"] = table.groupby("replicas")["gigabytes_per_second"].first()
    return wide.round(2).to_string()


if __name__ == "__main__":
    main()
