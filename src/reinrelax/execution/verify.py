"""Verifies published trainings cheaply, by retraining their first epochs.

On a different processor, rounding changes single draws of a discrete variable, and otherwise
identical trainings drift apart. The tolerance for this is measured, not chosen: if a training does
not reproduce the published digits, it is repeated a few times with weights that are perturbed by
one unit in the last place at every step. A published result must lie in the prediction interval of
one more such training (Student's t, with the spread pooled over seeds).
"""

import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from reinrelax.config.load import Config
from reinrelax.core import provenance
from reinrelax.core.stats import Floats
from reinrelax.datasets import data
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.execution import estimates
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells
from reinrelax.results.finished import Finished
from reinrelax.results.packed import opened
from reinrelax.results.read import held, images_of, part

if TYPE_CHECKING:
    from torch import Tensor

# The number of trainings with perturbed weights, and the relative perturbation: one unit in the
# last place of float32.
_TWINS, NUDGE = 3, 2.0**-23
# The probability of reporting a difference for a company whose numbers are correct.
_FALSE_ALARMS = 0.001
# The relative rounding error of summing a result. Perturbed trainings need not show it.
_DIGITS = 2.0**-20


@dataclass(frozen=True)
class Company:
    """Runs of a cell that one job trained together; their rounding depends on each other."""

    cell: Job
    runs: Mapping[str, Finished]

    @property
    def processor(self) -> str:
        """The processor that trained them."""
        return str(next(iter(self.runs.values())).origin.get("processor", "an unknown processor"))


@dataclass(frozen=True)
class Outcome:
    """The outcome of verifying a company.

    Attributes:
        epochs: the number of epochs retrained.
        difference: the largest difference of any result, nats per image.
        allowed: the largest difference that rounding was found to explain, nats per image; 0 if it
            was not measured.
        at: the location of the first difference that rounding does not explain, in words; empty if
            there is none.
    """

    company: Company
    epochs: int
    difference: float
    allowed: float
    at: str

    def describe(self) -> str:
        """Format the outcome as a line."""
        name, epochs = (
            self.company.cell.name,
            f"{self.epochs} of {self.company.cell.first.epochs} epochs",
        )
        what = f"{name}: {epochs}, {len(self.company.runs)} runs"
        if self.at:
            return f"{what}: DIFFER. {self.at}"
        if self.difference:
            return (
                f"{what}: agree within rounding, at most {self.difference:.2g} nats apart; rounding"
                f" explains up to {self.allowed:.2g} (published: {self.company.processor})"
            )
        return f"{what}: agree to the last digit"


def verify(
    config: Config, folder: Path, minutes: float, cores: int, say: Callable[[str], None]
) -> list[Outcome]:
    """Retrain the first epochs of every published training, as many as fit into the time.

    Args:
        config: the configuration of the trainings.
        folder: a published folder, or a results folder.
        minutes: the time, by the estimates of `plan`. A processor of the same name may be a
            different one and take four times as long.
        cores: the number of cores to use.
        say: called with each line as soon as it is available.

    Returns:
        The outcome of each company that was retrained.

    Raises:
        ResultsError: the folder contains no published results, they are damaged, or they were
            computed from other images.
    """
    with opened(folder) as place:
        there = replace(config, results=place.parent, scale=place.name)
        companies = [
            company
            for cell in cells(config).values()
            for company in companies_of(cell, held(there, cell, any_source=True))
        ]
        if not companies:
            raise ResultsError(f"{folder}: contains no trainings of this configuration")
        images = data.prepare(config.dataset)
        if images.sha256 != images_of(place):
            raise ResultsError(
                f"{folder}: its trainings used other images than those available here"
                f" ({images.name}). Set dataset.root or MNIST_ROOT"
            )
    jobs = max(1, cores // config.machine.threads)
    seconds = 60 * minutes * jobs
    chosen = _epochs(companies, estimates.timings_of(config, config.project), seconds)
    say(
        f"{len(chosen)} of {len(companies)} groups of trainings, "
        f"{estimates.duration(min(seconds, sum(cost for _, _, cost in chosen)) / jobs)} at most"
    )
    outcomes = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _prepare, (config.machine.threads, images)) as pool:
        tasks = [pool.submit(_again, company, epochs) for company, epochs, _ in chosen]
        for task in as_completed(tasks):
            outcomes.append(task.result())
            say(outcomes[-1].describe())
    return outcomes


def companies_of(cell: Job, runs: Mapping[str, Finished]) -> Iterator[Company]:
    """Group a cell's runs by the job that trained them."""
    groups: dict[tuple[str, ...], dict[str, Finished]] = {}
    for run_id, run in runs.items():
        job = tuple(str(run.origin.get(name)) for name in ("host", "started", "source_hash"))
        groups.setdefault(job, {})[run_id] = run
    for group in groups.values():
        yield Company(part(cell, group), group)


def _epochs(
    companies: Sequence[Company], timings: Sequence[estimates.Timing], seconds: float
) -> list[tuple[Company, int, float]]:
    """Choose the companies and the number of epochs to retrain in the given seconds, with costs.

    All companies are retrained for the same number of epochs. If not even one epoch of all fits,
    only the cheapest are. Costs include the perturbed trainings if another processor was used.
    """
    here = provenance.describe("cpu")["processor"]

    def cost(company: Company, epochs: int) -> float:
        whole = estimates.training_seconds(company.cell, timings)
        times = 1 if company.processor == here else 1 + _TWINS
        return estimates.STARTUP_SECONDS + times * whole * epochs / company.cell.first.epochs

    def planned(epochs: int) -> list[tuple[Company, int, float]]:
        numbers = ((company, min(epochs, company.cell.first.epochs)) for company in companies)
        return [(company, number, cost(company, number)) for company, number in numbers]

    epochs, most = 1, max(company.cell.first.epochs for company in companies)
    while epochs < most and sum(cost for *_, cost in planned(epochs + 1)) <= seconds:
        epochs += 1
    chosen: list[tuple[Company, int, float]] = []
    spent = 0.0
    for one in sorted(planned(epochs), key=lambda one: one[2]):
        spent += one[2]
        if spent <= seconds or not chosen:
            chosen.append(one)
    return chosen


_images: Images | None = None


def _prepare(threads: int, images: Images) -> None:
    """Prepare a worker process to train on these images."""
    global _images
    import torch

    from reinrelax.training.process import prepare_process

    torch.set_num_threads(threads)
    prepare_process()
    _images = images


def _again(company: Company, epochs: int) -> Outcome:
    """Retrain the first epochs of a company and compare them with the published ones."""
    assert _images is not None
    images = _images
    return compared(company, lambda twin: retrained(company, images, epochs, twin), epochs)


def retrained(company: Company, images: Images, epochs: int, twin: int) -> Mapping[str, Finished]:
    """Retrain the first epochs of a company; perturb the weights if `twin` is not 0."""
    from reinrelax.experiments.training import finished_runs, make_trainer

    runs = company.cell.runs
    trainer = make_trainer(runs, images, "cpu")
    nudge = _nudging(trainer.objective.parameters, twin) if twin else lambda: None
    for _ in range(epochs):
        trainer.run_epoch(nudge)
    return finished_runs(trainer, runs, images, {})


def _nudging(parameters: Sequence["Tensor"], twin: int) -> Callable[[], None]:
    """Return a function that multiplies each weight by 1 ± `NUDGE`, with new signs per call."""
    import torch

    generator = torch.Generator().manual_seed(twin)
    largest, shifts = max(weights.numel() for weights in parameters), 4096
    signs = torch.randint(0, 2, (largest + shifts,), generator=generator, device="cpu") * 2 - 1
    factors = (1 + NUDGE * signs).to(torch.float32)

    def nudge() -> None:
        for weights in parameters:
            start = int(torch.randint(0, shifts, (), generator=generator, device="cpu"))
            with torch.no_grad():
                weights.mul_(factors[start : start + weights.numel()].view_as(weights))

    return nudge


def compared(
    company: Company, train: Callable[[int], Mapping[str, Finished]], epochs: int
) -> Outcome:
    """Retrain the first epochs of a company and compare them with the published ones.

    Args:
        company: the company.
        train: a function that trains them and returns the runs by run_id; its argument is 0, or 1,
            2, … for a perturbed training.
        epochs: the number of epochs.
    """
    runs = company.cell.runs
    names = list(company.runs[runs[0].run_id].results)

    def results(found: Mapping[str, Finished]) -> Floats:
        """Return the first epochs' results `[run, epoch, column]`; NaN for a missing column."""
        absent = [math.nan] * epochs
        every = [
            [found[run.run_id].results.get(name, absent)[:epochs] for name in names] for run in runs
        ]
        return np.array(every).transpose(0, 2, 1)

    published, now = results(company.runs), results(train(0))
    differences = np.abs(published - now)
    differences[np.isnan(published) & np.isnan(now)] = 0
    worst = math.inf if np.isnan(differences).any() else float(differences.max())
    if worst == 0:
        return Outcome(company, epochs, 0.0, 0.0, "")
    anew = np.stack([now, *(results(train(twin)) for twin in range(1, _TWINS + 1))])
    # Pool over the seeds of a setting, which have the same spread; the spread depends on the
    # temperature.
    settings = [replace(run, seed=0) for run in runs]
    alike = np.array([[one == other for other in settings] for one in settings], dtype=np.float64)
    seeds = alike.sum(axis=1)
    spread = np.sqrt(np.tensordot(alike / seeds[:, None], anew.var(axis=0, ddof=1), axes=1))
    level = 1 - _FALSE_ALARMS / (2 * published.size)
    width = stdtrit(_TWINS * seeds, level) * math.sqrt(1 + 1 / len(anew))
    middle = anew.mean(axis=0)
    allowed: Floats = np.maximum(width[:, None, None] * spread, _DIGITS * np.abs(middle))
    outside = ~(np.abs(published - middle) <= allowed) & (differences != 0)
    at = ""
    if outside.any():
        run, epoch, column = (int(index[0]) for index in np.nonzero(outside))
        at = (
            f"{runs[run].run_id} (seed {runs[run].seed}), epoch {epoch + 1}, {names[column]}:"
            f" published {published[run, epoch, column]:.10g}, now {now[run, epoch, column]:.10g};"
            f" rounding explains {allowed[run, epoch, column]:.2g}"
        )
    return Outcome(company, epochs, worst, float(np.nanmax(allowed)), at)
