"""The plan: the jobs that a run of the workflow would do, and their estimated duration."""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from reinrelax import latents
from reinrelax.config.declared import EXPERIMENTS
from reinrelax.config.load import Config
from reinrelax.config.run import PIXELS, Run
from reinrelax.config.specs import Measured
from reinrelax.core.types import LatentShape
from reinrelax.errors import ResultsError
from reinrelax.estimators import lookup
from reinrelax.execution import stale
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs
from reinrelax.jobs.runs import table_path
from reinrelax.results import finished
from reinrelax.results.read import held, images_of, is_done, read_record
from reinrelax.training import progress

# Seconds of a job besides training: imports, loading images, writing.
STARTUP_SECONDS = 4.0
# Measured on two cores, by `make bench` or as processor time of cells. Used until this machine has
# recorded timings of its own.
REFERENCE = Path("benchmarks/microseconds_per_image.csv")
# Costs of a study of gradients, measured in the same way: one term of a Monte Carlo mean; the rest
# of one estimate, per category; and the pairs of codes of section 5.3, per 100 images.
_TERM_SECONDS, _CATEGORY_SECONDS, _PAIRS_SECONDS = 8e-9, 5e-8, 9.0
# The time limit requested from a cluster is three times the estimate, because nodes may be slower
# or shared: at least half an hour, and at most a day, which most sites grant. A longer job resumes
# from a checkpoint.
_LIMIT_FACTOR, _LEAST_MINUTES, _MOST_MINUTES = 3.0, 30, 24 * 60
_PARAMETER_BYTES = 4 * 4  # value, gradient and two moments
# Memory of a cell's process without its replicas; of a study that reads images; of any other study.
_BASE_MB, _IMAGES_MB, _STUDY_MB = 900, 3000, 1500


@dataclass(frozen=True)
class Timing:
    """Microseconds per replica and image of one estimator, latent shape and number of draws."""

    estimator: str
    latent: str
    draws: int
    microseconds: float


def describe(config: Config, cores: int, root: Path = Path()) -> str:
    """Format a table of all jobs with their remaining work, and the estimated time on `cores`."""
    planned, left = jobs(config), remaining(config, root)
    spent: dict[str, float] = {}
    lines = [f"{'cell or study':50} {'replicas':>8} {'epochs':>6} {'state':>6} {'estimate':>10}"]
    replicas = 0
    for name, job in planned.items():
        whole: tuple[int, ...] = (len(job.runs), job.first.epochs) if job.runs else ()
        size = left_of(config, job) if name in left else whole
        runs, epochs = size or ("", "")
        lines.append(
            f"{name:50} {runs:>8} {epochs:>6} {_state(left.get(name), begun=size != whole)}"
        )
        if name in left:
            replicas += sum(size[:1])
            spent[job.experiment] = spent.get(job.experiment, 0.0) + left[name]
    for experiment, seconds in spent.items():
        lines.append(f"{experiment:50} {_core_hours(config, seconds)}")
    about = f"{elapsed(config, left.values(), cores)}; {_core_hours(config, sum(left.values()))}"
    lines.append(f"{len(left)} of {len(planned)} jobs to do, {replicas} replicas: about {about}")
    return "\n".join([*lines, *stale.describe(config, left)])


def remaining(config: Config, root: Path = Path()) -> dict[str, float]:
    """Return the names of the jobs still to do, with the estimated seconds of each."""
    timings = timings_of(config, root)
    return {
        name: estimate(config, job, timings, *left_of(config, job))
        for name, job in jobs(config).items()
        if not is_done(config, job)
    }


def estimates(config: Config, root: Path = Path()) -> dict[str, float]:
    """Return the names of all planned jobs, done or not, with the estimated seconds of each."""
    timings = timings_of(config, root)
    return {name: estimate(config, job, timings) for name, job in jobs(config).items()}


def timings_of(config: Config, root: Path = Path()) -> list[Timing]:
    """Return this machine's own timings, followed by those that come with the project."""
    return [*_recorded(config.results), *reference(root)]


def elapsed(config: Config, seconds: Iterable[float], cores: int) -> str:
    """Format the time that jobs of these durations take on `cores`."""
    each = list(seconds)
    many = max(1, cores // config.machine.threads)
    return f"{duration(sum(each))} of job time, {duration(span(each, many))} with {many} at once"


def span(seconds: Collection[float], at_once: int) -> float:
    """Return the seconds that jobs of these durations take: at least that of the longest."""
    return max([sum(seconds) / at_once, *seconds])


def estimate(config: Config, job: Job, timings: Iterable[Timing], *left: int) -> float:
    """Estimate the seconds of a job; for a cell, of `left` (runs, epochs) if given."""
    if job.runs:
        return STARTUP_SECONDS + training_seconds(job, timings, *left)
    if (seconds := EXPERIMENTS[job.experiment].seconds) is not None:
        return STARTUP_SECONDS + seconds(job.settings)
    if job.name == "cost":
        return STARTUP_SECONDS + _cost_seconds(config, list(timings))
    return STARTUP_SECONDS + _gradients_seconds(config, job)


def training_seconds(
    cell: Job, timings: Iterable[Timing], runs: int | None = None, epochs: int | None = None
) -> float:
    """Estimate the training time of a cell in seconds, for all its runs and epochs unless given."""
    run = cell.first
    count = len(cell.runs) if runs is None else runs
    images = cell.size.train * (run.epochs if epochs is None else epochs) * count
    draws = int(dict(run.hyper).get("draws", 0))
    # Timings were measured with the paper's network.
    larger = _products(run, cell.size.pixels) / _products(replace(run, hidden=()), PIXELS)
    each = _microseconds(run.estimator, run.shape, draws, timings) * larger
    return images * each / 1e6


def _products(run: Run, pixels: int) -> int:
    """Count the multiplications per image in encoder and decoder."""
    code = run.shape.categories * run.shape.latents
    return 2 * sum(a * b for a, b in pairwise((pixels, *run.units, code)))


def _gradients_seconds(config: Config, study: Job) -> float:
    spec, training = config.gradients[study.experiment], config.trainings[study.experiment]
    shape = training.latent_shapes[0]
    terms = sum(_terms(one) for one in spec.figure1)
    if study.settings["last"]:
        terms += sum(_terms(one) for one in (*spec.table1, *spec.sweep))
    terms += (
        3
        * len(spec.control_taus)
        * (spec.draws * _TERM_SECONDS + len(spec.control_etas) * _CATEGORY_SECONDS)
    )
    numbers = spec.samples * spec.images * shape.latents * shape.categories
    pairs = spec.images / 100 * _PAIRS_SECONDS if spec.betas else 0.0
    return len(training.seeds) * (numbers * terms + pairs)


def _terms(one: Measured) -> float:
    """Estimate the seconds per sample, image and category of an estimator."""
    return int(dict(one.hyper).get("draws", 0)) * _TERM_SECONDS + _CATEGORY_SECONDS


def _cost_seconds(config: Config, timings: Sequence[Timing]) -> float:
    spec = config.cost
    each = [
        _microseconds(
            one.estimator, spec.latent_shape, int(dict(one.hyper).get("draws", 0)), timings
        )
        for one in spec.estimators
    ]
    return spec.rounds * (1 + spec.replicas) * (spec.images + 500) * sum(each) / 1e6


def _microseconds(
    estimator: str, shape: LatentShape, draws: int, timings: Iterable[Timing]
) -> float:
    """Estimate the microseconds per replica and image from the closest timing.

    This is one of the same estimator and shape, otherwise the most expensive. The cost grows with
    the number of draws, starting from that of the cheapest estimator at the shape.
    """
    known = list(timings)
    here = [t for t in known if t.latent == str(shape)] or known
    same = [t for t in here if t.estimator == estimator]
    same = same or [t for t in here if t.estimator == _variant_of(estimator)]
    same = same or [max(here, key=lambda t: t.microseconds)]
    nearest = min(same, key=lambda t: abs(t.draws - draws))
    base = min(nearest.microseconds, *(t.microseconds for t in here))
    growth = draws / nearest.draws if nearest.draws else 1.0
    return base + (nearest.microseconds - base) * growth


def _variant_of(name: str) -> str | None:
    """Return the latent variable kind or estimator that this is a variant of, if any."""
    entry = latents.CATALOGUE[name] if name in latents.CATALOGUE else lookup(name)
    return entry.variant_of


def limit_minutes(seconds: float) -> int:
    """Return the time limit to request from a cluster, in minutes, given the estimated seconds."""
    return round(min(max(_LEAST_MINUTES, _LIMIT_FACTOR * seconds / 60), _MOST_MINUTES))


def memory_mb(job: Job) -> int:
    """Return the memory to request from a cluster, in MB.

    It covers torch itself, parameters, optimizer state and activations.
    """
    if not job.runs:
        return _IMAGES_MB if job.reads_images else _STUDY_MB
    run, pixels = job.first, job.size.pixels
    code = run.shape.categories * run.shape.latents
    parameters = _products(run, pixels)
    activations = run.batch_size * (3 * (pixels + sum(run.units)) + 8 * code) * 4
    return int(_BASE_MB + len(job.runs) * 1.5 * (parameters * _PARAMETER_BYTES + activations) / 1e6)


def left_of(config: Config, cell: Job) -> tuple[int, ...]:
    """Return the number of a cell's runs still to train, and of epochs after its checkpoint."""
    return (
        ()
        if not cell.runs
        else (len(_missing(config, cell)), cell.first.epochs - begun(config, cell))
    )


def _missing(config: Config, cell: Job) -> list[str]:
    """Return the run_ids of a cell's runs that are still to be trained."""
    again = cell.snapshots or finished.marked(table_path(config, cell.name))
    known = {} if again else held(config, cell, tolerant=True)
    return [run.run_id for run in cell.runs if run.run_id not in known]


def begun(config: Config, cell: Job) -> int:
    """Return the epoch from which a cell's checkpoint resumes; 0 without a usable checkpoint."""
    table = table_path(config, cell.name)
    of, epochs = progress.read(table.with_suffix(".checkpoint"))
    if not epochs:
        return 0
    images, missing, forced = (
        images_of(config.folder) or "",
        _missing(config, cell),
        finished.marked(table),
    )
    devices = ("cpu", "cuda", progress.COMPILED)
    usable = [progress.identity(cell.fingerprint, images, one, missing, forced) for one in devices]
    return epochs if of in usable else 0


def _state(seconds: float | None, begun: bool = False) -> str:
    """Describe the state of a job, given its remaining seconds; None if it is done."""
    if seconds is None:
        return f"{'done':>6} {'':>10}"
    return f"{'begun' if begun else 'to do':>6} {duration(seconds):>10}"


def _recorded(results: Path) -> list[Timing]:
    """Read timings from the provenance of finished cells, of any scale."""
    out = []
    for path in sorted(results.glob("*/*/*/*.json")):
        try:
            record = read_record(path)
            if record["images_trained"] and not (record.get("hidden") or record.get("pixels")):
                cost = 1e6 * record["wall_seconds"] / record["images_trained"]
                out.append(Timing(record["estimator"], record["latent"], record["draws"], cost))
        except (ResultsError, KeyError):
            continue  # the workflow itself reports damaged records
    return out


def reference(root: Path = Path()) -> list[Timing]:
    """Read the timings that come with the project at `root`."""
    with (root / REFERENCE).open(encoding="utf-8", newline="") as file:
        rows: Iterable[Mapping[str, str]] = csv.DictReader(file)
        return [
            Timing(
                row["estimator"],
                row["latent"],
                int(row["draws"]),
                float(row["microseconds_per_image"]),
            )
            for row in rows
        ]


def _core_hours(config: Config, seconds: float) -> str:
    return f"{seconds * config.machine.threads / 3600:,.1f} core-hours"


def duration(seconds: float) -> str:
    """Format seconds in a unit that suits their size."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
