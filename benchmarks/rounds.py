"""Interleaved rounds: each round times every case and bound once, each in a separate process."""

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tqdm import tqdm

from benchmarks.bounds import Products
from benchmarks.cases import Case
from benchmarks.programs import Source, Timing, measure
from reinrelax.errors import ReinrelaxError

Result = TypeVar("Result")
LIBRARIES = ("BLAS", "oneDNN")


def alone(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a new process, so that neither memory nor process settings carry over.

    The process is forked from one that has only imported the required modules.

    Raises:
        ReinrelaxError: the process was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.programs"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            raise ReinrelaxError(
                f"{arguments[0]}: the process was killed; memory may be short"
            ) from None


def jobs(cases: Iterable[Case], device: str) -> list[Case | Products]:
    """Return distinct cases in order, each network's bounds just before its first case."""
    out: dict[Case | Products, None] = {}
    for case in cases:
        out |= dict.fromkeys((*bounds(case, device), case))
    return list(out)


def bounds(case: Case, device: str) -> list[Products]:
    """Return the bounds of a case's network, R and threads: one per library, or one on a GPU."""
    if case.program == "relaxed":
        return []
    libraries = LIBRARIES if device == "cpu" else LIBRARIES[:1]
    return [Products(case.latent, case.replicas, case.threads, library) for library in libraries]


def measure_all(
    wanted: Sequence[Case | Products], source: Source, rounds: int
) -> dict[Case | Products, list[Timing]]:
    """Time every job once per round, so that a slow minute affects one round of neighbours."""
    found: dict[Case | Products, list[Timing]] = {job: [] for job in wanted}
    runs = {job: job.runs if isinstance(job, Case) else [] for job in wanted}
    with tqdm(total=rounds * len(wanted), unit="case", smoothing=0.05) as bar:
        for _ in range(rounds):
            for job in wanted:
                found[job].append(alone(measure, job, runs[job], source))
                bar.update()
    return found
