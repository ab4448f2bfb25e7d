"""What a run of the workflow would do, and how long it would take by timings recorded earlier."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reinrelax.config import Config
from reinrelax.errors import ResultsError
from reinrelax.results import is_done, read_record
from reinrelax.runs import Cell, cells

# Of a job, beside its training: imports, images, writing.
STARTUP_SECONDS = 4.0
# Measured on two cores by `make bench`; used until this machine has timings of its own.
REFERENCE = Path("benchmarks/microseconds_per_image.csv")
_PARAMETER_BYTES = 4 * 4  # value, gradient and two moments
_BASE_MB = 700


@dataclass(frozen=True)
class Timing:
    """Microseconds per replica and training image of one estimator, latent shape and number of draws."""

    estimator: str
    latent: str
    draws: int
    microseconds: float


def describe(config: Config, cores: int, root: Path = Path()) -> str:
    """A table of cells, done and to do, and the estimated time on so many cores."""
    timings = [*_recorded(config.results), *_reference(root / REFERENCE)]
    lines = [f"{'cell':32} {'replicas':>8} {'epochs':>6} {'state':>6} {'estimate':>10}"]
    total, todo, replicas = 0.0, 0, 0
    for cell in cells(config).values():
        done = _is_done(config, cell)
        seconds = 0.0 if done else estimate(cell, timings)
        if not done:
            total, todo, replicas = total + seconds, todo + 1, replicas + len(cell.runs)
        shown = "" if done else _duration(seconds)
        state = "done" if done else "to do"
        lines.append(f"{cell.name:32} {len(cell.runs):8} {cell.first.epochs:6} {state:>6} {shown:>10}")
    jobs = max(1, cores // config.machine.threads)
    lines.append(
        f"{todo} of {len(cells(config))} jobs to do, {replicas} replicas: about {_duration(total)} of job "
        f"time, {_duration(total / max(1, min(jobs, todo)))} with {jobs} at once"
    )
    return "\n".join(lines)


def estimate(cell: Cell, timings: Iterable[Timing]) -> float:
    """Seconds that a cell would take, by the nearest timing: same estimator and shape, else the costliest.

    Cost grows with the number of draws from the cost of the cheapest estimator at that shape.
    """
    run = cell.first
    images = (run.train_images or 60_000) * run.epochs * len(cell.runs)
    draws = int(dict(run.hyper).get("draws", 0))
    known = list(timings)
    here = [t for t in known if t.latent == str(run.shape)] or known
    same = [t for t in here if t.estimator == run.estimator] or [max(here, key=lambda t: t.microseconds)]
    nearest = min(same, key=lambda t: abs(t.draws - draws))
    base = min(nearest.microseconds, *(t.microseconds for t in here))
    growth = draws / nearest.draws if nearest.draws else 1.0
    return STARTUP_SECONDS + images * (base + (nearest.microseconds - base) * growth) / 1e6


def memory_mb(cell: Cell) -> int:
    """Memory to ask a cluster for, MB: what torch takes, and parameters, optimizer state and activations."""
    run = cell.first
    code = run.shape.categories * run.shape.latents
    parameters = 2 * (784 * 512 + 512 * 256 + 256 * code)
    activations = run.batch_size * (3 * (784 + 512 + 256) + 8 * code) * 4
    return int(_BASE_MB + len(cell.runs) * 1.5 * (parameters * _PARAMETER_BYTES + activations) / 1e6)


def _is_done(config: Config, cell: Cell) -> bool:
    try:
        return is_done(config, cell)
    except ResultsError:
        return False


def _recorded(results: Path) -> list[Timing]:
    """Timings in the provenance of finished cells, of any scale."""
    out = []
    for path in sorted(results.glob("*/*/*/*.json")):
        try:
            record = read_record(path)
            if record["images_trained"]:
                cost = 1e6 * record["wall_seconds"] / record["images_trained"]
                out.append(Timing(record["estimator"], record["latent"], record["draws"], cost))
        except (ResultsError, KeyError):
            continue  # a damaged record tells nothing about time; the workflow itself reports it
    return out


def _reference(path: Path) -> list[Timing]:
    with path.open(encoding="utf-8", newline="") as file:
        rows: Iterable[Mapping[str, str]] = csv.DictReader(file)
        return [
            Timing(row["estimator"], row["latent"], int(row["draws"]), float(row["microseconds_per_image"]))
            for row in rows
        ]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
