"""Planted timings, for tests of what is made of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import table
from benchmarks.bounds import Products
from benchmarks.cases import Case, parts
from benchmarks.programs import Timing
from benchmarks.rounds import jobs

FACTS = {"processor": "A processor", "device": "A device", "torch": "2.0", "commit": 40 * "c"}
BLAS, ONEDNN, PACE = 2e-5, 1e-5, 1.5


def planted(wanted: Sequence[Case | Products]) -> Mapping[Case | Products, Sequence[Timing]]:
    """Three rounds: products take `BLAS` or `ONEDNN` seconds an image, trainings `PACE` times the
    latter.
    """

    def seconds(job: Case | Products) -> float:
        if isinstance(job, Products):
            return {"BLAS": BLAS, "oneDNN": ONEDNN}[job.library]
        return PACE * ONEDNN * (1 + job.draws / 100)

    return {job: [Timing(seconds(job) * slow, 500.0) for slow in (1.0, 3.0, 0.5)] for job in wanted}


def write(folder: Path, device: str = "cpu", bandwidth: float = float("nan")) -> None:
    """All parts of a benchmark, into a folder for results."""
    cases = parts(10, 2)
    found = planted(jobs([case for part in cases.values() for case in part], device))
    table.write(table.tidy(cases, found, device, bandwidth), folder, device, FACTS)
