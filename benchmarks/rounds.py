"""Interleaved rounds: every case and every bound once a round, each time in a process of its own."""

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
    """Call a function in a fresh process, so that neither memory nor floating-point settings leak.

    The process is forked from one that has imported what is needed and done nothing else.

    Raises:
        ReinrelaxError: the process was ended from outside.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.programs"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            raise ReinrelaxError(f"{arguments[0]}: ended from outside; is memory short?") from None


def jobs(cases: Iterable[Case], device: str) -> list[Case | Products]:
    """Cases in their order, each once, and just before the first of a network's the bounds of all."""
    out: dict[Case | Products, None] = {}
    for case in cases:
        out |= dict.fromkeys((*bounds(case, device), case))
    return list(out)


def bounds(case: Case, device: str) -> list[Products]:
    """Of a case's own network at its R and number of threads, by library; on a GPU there is one."""
    if case.program == "relaxed":
        return []
    libraries = LIBRARIES if device == "cpu" else LIBRARIES[:1]
    return [Products(case.latent, case.replicas, case.threads, library) for library in libraries]


def measure_all(
    wanted: Sequence[Case | Products], source: Source, rounds: int
) -> dict[Case | Products, list[Timing]]:
    """Time each so many times; a slow minute of the machine slows neighbours alike, and one round of them."""
    found: dict[Case | Products, list[Timing]] = {job: [] for job in wanted}
    runs = {job: job.runs if isinstance(job, Case) else [] for job in wanted}
    with tqdm(total=rounds * len(wanted), unit="case", smoothing=0.05) as bar:
        for _ in range(rounds):
            for job in wanted:
                found[job].append(alone(measure, job, runs[job], source))
                bar.update()
    return found
