"""A cheap check of dear results: the first epochs of published trainings, trained anew and compared."""

import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from reinrelax import data, plan
from reinrelax.config import Config
from reinrelax.errors import ResultsError
from reinrelax.experiments.finished import Finished
from reinrelax.images import Images
from reinrelax.published import opened
from reinrelax.results import held, images_of, part
from reinrelax.runs import Cell, cells

# Nats per image by which a training of the same numbers may differ on another processor: after its first
# epoch, and how many times that after each further one. Chosen, not measured: far above what rounding has
# been seen to do in hundreds of steps (tests/workflow/test_reproducibility.py), far below seeds' scatter.
_ROUNDING, _GROWTH = 0.05, 2.0


@dataclass(frozen=True)
class Company:
    """Runs of a cell that one job trained side by side: their numbers depend on their company by rounding."""

    cell: Cell
    runs: Mapping[str, Finished]


@dataclass(frozen=True)
class Outcome:
    """What came of a company.

    Attributes:
        epochs: how many were trained anew.
        difference: the largest of all results, nats per image.
        at: where the first difference that rounding does not explain is, in words; empty if there is none.
    """

    company: Company
    epochs: int
    difference: float
    at: str

    def describe(self) -> str:
        """A line for a person."""
        name, epochs = self.company.cell.name, f"{self.epochs} of {self.company.cell.first.epochs} epochs"
        what = f"{name}: {epochs}, {len(self.company.runs)} runs"
        if self.at:
            return f"{what}: DIFFER. {self.at}"
        if self.difference:
            there = next(iter(self.company.runs.values())).origin.get("processor", "an unknown processor")
            return f"{what}: agree within rounding, {self.difference:.2g} nats at most (published: {there})"
        return f"{what}: agree to the last digit"


def verify(
    config: Config, folder: Path, minutes: float, cores: int, say: Callable[[str], None]
) -> list[Outcome]:
    """Train the first epochs of every published training again, as many as fit into the time.

    Args:
        config: whose trainings.
        folder: a published folder, or a results folder.
        minutes: the time, as `plan` reckons it.
        cores: how many to use.
        say: called with a line as soon as there is one.

    Returns:
        What came of each company that was trained again.

    Raises:
        ResultsError: nothing is published there, it is damaged, or it is of other images than are at hand.
    """
    with opened(folder) as place:
        there = replace(config, results=place.parent, scale=place.name)
        companies = [
            company
            for cell in cells(config).values()
            for company in companies_of(cell, held(there, cell, any_source=True))
        ]
        if not companies:
            raise ResultsError(f"{folder}: has no trainings of this configuration")
        images = data.prepare(config.dataset)
        if images.sha256 != images_of(place):
            raise ResultsError(
                f"{folder}: its trainings are not of the images at hand, {images.name}. Set dataset.root or "
                "MNIST_ROOT"
            )
    jobs = max(1, cores // config.machine.threads)
    seconds = 60 * minutes * jobs
    chosen = _epochs(companies, plan.timings_of(config, config.project), seconds)
    say(
        f"{len(chosen)} of {len(companies)} groups of trainings, "
        f"{plan.duration(min(seconds, sum(cost for _, _, cost in chosen)) / jobs)} at most"
    )
    outcomes = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _prepare, (config.machine.threads, images)) as pool:
        tasks = [pool.submit(_again, company, epochs) for company, epochs, _ in chosen]
        for task in as_completed(tasks):
            outcomes.append(task.result())
            say(outcomes[-1].describe())
    return outcomes


def companies_of(cell: Cell, runs: Mapping[str, Finished]) -> Iterator[Company]:
    """A cell's runs by the job that trained them."""
    groups: dict[tuple[str, ...], dict[str, Finished]] = {}
    for run_id, run in runs.items():
        job = tuple(str(run.origin.get(name)) for name in ("host", "started", "source_hash"))
        groups.setdefault(job, {})[run_id] = run
    for group in groups.values():
        yield Company(part(cell, group), group)


def _epochs(
    companies: Sequence[Company], timings: Sequence[plan.Timing], seconds: float
) -> list[tuple[Company, int, float]]:
    """Companies with a number of epochs that fits into the time, and its cost: the same for all, or of the
    cheapest companies one.
    """

    def cost(company: Company, epochs: int) -> float:
        whole = plan.estimate(company.cell, timings) - plan.STARTUP_SECONDS
        return plan.STARTUP_SECONDS + whole * epochs / company.cell.first.epochs

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
    """Make a process ready to train on these images."""
    global _images
    import torch

    from reinrelax.training.process import prepare_process

    torch.set_num_threads(threads)
    prepare_process()
    _images = images


def _again(company: Company, epochs: int) -> Outcome:
    """Train the first epochs of a company, and compare them with what is published."""
    from reinrelax.experiments.training import finished_runs, make_trainer

    assert _images is not None
    runs = company.cell.runs
    trainer = make_trainer(runs, _images, "cpu")
    for _ in range(epochs):
        trainer.run_epoch()
    return compared(company, finished_runs(trainer, runs, _images, {}), epochs)


def compared(company: Company, now: Mapping[str, Finished], epochs: int) -> Outcome:
    """What came of a company that was trained anew for its first epochs."""
    worst, at = 0.0, ""
    for run in company.cell.runs:
        there, here = company.runs[run.run_id].results, now[run.run_id].results
        for epoch in range(epochs):
            for name in there:
                pair = there[name][epoch], here.get(name, [math.nan] * epochs)[epoch]
                difference = 0.0 if all(map(math.isnan, pair)) else abs(pair[0] - pair[1])
                worst = max(worst, difference) if difference == difference else math.inf
                if not difference <= _ROUNDING * _GROWTH**epoch:
                    where = f"{run.run_id} (seed {run.seed}), epoch {epoch + 1}, {name}"
                    at = at or f"{where}: published {pair[0]:.10g}, now {pair[1]:.10g}"
    return Outcome(company, epochs, worst, at)
