"""A campaign: all jobs of a scale in stages, most informative first, each a run of the workflow."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from reinrelax.config.declared import DEMONSTRATIONS
from reinrelax.config.load import AS_RUN, Config
from reinrelax.core import provenance
from reinrelax.errors import ConfigError
from reinrelax.execution import estimates, status
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs


@dataclass(frozen=True)
class _Step:
    """Jobs that are run together.

    Attributes:
        experiments: the experiments; each includes the runs that the authors ran differently,
            unless those are a separate step.
        shapes: latent shapes; each is a stage, in this order, followed by one for each other shape.
            If empty, all shapes form one stage.
        only: whether other shapes are left to a later step.
        first: estimators that form a stage before the others of the same shape.
    """

    experiments: tuple[str, ...]
    shapes: tuple[str, ...] = ()
    only: bool = False
    first: tuple[str, ...] = ()


# The shapes at which the paper's two methods differ most from the others come first.
_SHAPES = ("8x4", "64x8", "16x12", "10x30", "8x16", "4x24")
# Experiments that are conclusive within minutes come first. The searches come last: they take the
# longest and say the least about the papers. `cost` runs alone because it measures time.
_STEPS = (
    _Step(("gradients", "identities", *DEMONSTRATIONS)),
    _Step(("relaxations",)),
    _Step(("rl",)),
    _Step(("gradients-run",)),
    _Step(("cost",)),
    _Step(("early",), _SHAPES),
    _Step(
        ("elbo",),
        _SHAPES,
        first=("ReinMax", "ReinMax-CV-run", "ReinMax-Rao", "ReinMax-Rao-run", "ReinMax-CV"),
    ),
    _Step(("beta",), ("8x4",), only=True),
    _Step(("readings",), _SHAPES),
    _Step(("beta",), _SHAPES),
    _Step(("grid",), _SHAPES),
)
# The part of the time limit reserved for stopping jobs, building the report and packing.
RESERVE_SECONDS = 240.0
# The time that jobs have to stop after an interrupt before they are killed. Checkpoints survive
# both.
GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Stage:
    """Jobs that are run together, with the estimated seconds of those still to do."""

    name: str
    jobs: tuple[Job, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a campaign: failed stages, why it stopped, and the remaining stages."""

    failed: tuple[str, ...]
    out_of_time: bool
    interrupted: bool
    left: tuple[Stage, ...]


def stages(config: Config, root: Path = Path()) -> list[Stage]:
    """Return the stages that still have jobs to do, in the order in which to run them."""
    left = estimates.remaining(config, root)
    groups: dict[tuple[int, int, str, bool], list[Job]] = {}
    for job in jobs(config).values():
        if job.name in left:
            groups.setdefault(_place(job), []).append(job)
    return [
        Stage(_name(place, members), tuple(members), {job.name: left[job.name] for job in members})
        for place, members in sorted(groups.items(), key=lambda group: group[0])
    ]


def describe(config: Config, todo: Sequence[Stage], cores: int) -> str:
    """Format the stages as lines, with the plan's estimates for each."""
    lines = []
    for index, stage in enumerate(todo, 1):
        about = estimates.elapsed(config, stage.seconds.values(), cores)
        lines.append(f"{index:3}. {stage.name}, {_jobs(stage)}: about {about}")
    seconds = [second for stage in todo for second in stage.seconds.values()]
    return "\n".join(
        [*lines, f"in total about {estimates.elapsed(config, seconds, cores)}"]
        if todo
        else ["all jobs are done"]
    )


def run(
    config: Config,
    config_files: Sequence[Path],
    cores: str,
    hours: float | None,
    say: Callable[[str], object] = print,
    root: Path = Path(),
) -> Outcome:
    """Run the remaining stages in order until all are done or the time is up.

    A stage with failures does not prevent the next one. When the time is up, or on an interrupt
    (SIGINT, SIGTERM), running jobs are stopped; their progress is in their checkpoints.

    Args:
        config: the configuration to run.
        config_files: the files it was read from, passed to the workflow.
        cores: Snakemake's argument: a number, or `all`.
        hours: the time limit; None for no limit.
        say: called with each line of progress.
        root: the project's folder.

    Raises:
        ConfigError: the time limit is shorter than the time needed to build the report.
    """
    number = (os.cpu_count() or 1) if cores == "all" else int(cores)
    deadline = None
    if hours is not None:
        if hours * 3600 <= RESERVE_SECONDS:
            raise ConfigError(
                f"{hours:g} hours is too short: {RESERVE_SECONDS / 60:g} minutes are reserved for"
                " stopping jobs, the report and packing. Give more time"
            )
        deadline = time.monotonic() + hours * 3600 - RESERVE_SECONDS
    todo = stages(config, root)
    say(describe(config, todo, number))
    if provenance.commit().endswith(provenance.CHANGED):
        say("WARNING: results computed with uncommitted changes cannot be published. Commit first")
    failed, out_of_time, interrupted = [], False, False
    with _interruptible():
        try:
            for index, stage in enumerate(todo, 1):
                say(f"\n{index} of {len(todo)}: {stage.name}")
                say(f"all stages: {status.overall(config, number, root)}")
                targets = [str(config.folder / path) for job in stage.jobs for path in job.files]
                ended = workflow(config_files, cores, targets, deadline, root)
                if ended is None:
                    say("time is up: running jobs were stopped")
                    out_of_time = True
                    break
                if ended:
                    failed.append(stage.name)
        except KeyboardInterrupt:
            interrupted = True
    return Outcome(tuple(failed), out_of_time, interrupted, tuple(stages(config, root)))


def _jobs(stage: Stage) -> str:
    return "1 job" if len(stage.jobs) == 1 else f"{len(stage.jobs)} jobs"


def _experiment(job: Job) -> str:
    """Return the experiment under which the steps list a job.

    This is the experiment as printed, unless the runs that the authors ran differently are a
    separate step.
    """
    own = any(job.experiment in step.experiments for step in _STEPS)
    return job.experiment if own else job.experiment.removesuffix(AS_RUN)


def _place(job: Job) -> tuple[int, int, str, bool]:
    """Return the sort key of a job's stage.

    It consists of the step, the rank of the latent shape, the shape, and whether the job waits for
    the estimators that come first.
    """
    experiment = _experiment(job)
    shape = str(job.first.shape) if job.runs else ""
    index, step = next(
        (index, step)
        for index, step in enumerate(_STEPS)
        if experiment in step.experiments and (shape in step.shapes or not step.only)
    )
    if not step.shapes:
        return index, 0, "", False
    waits = bool(step.first) and job.first.estimator not in step.first
    rank = step.shapes.index(shape) if shape in step.shapes else len(step.shapes)
    return index, rank, shape, waits


def _name(place: tuple[int, int, str, bool], members: Sequence[Job]) -> str:
    """Return the name of a stage, such as `elbo/8x4`."""
    step, _, shape, waits = place
    experiments = ", ".join(dict.fromkeys(map(_experiment, members)))
    others = ", other estimators" if waits else ""
    return f"{experiments}/{shape}{others}" if _STEPS[step].shapes else experiments


def workflow(
    config_files: Sequence[Path],
    cores: str,
    targets: Sequence[str],
    deadline: float | None,
    root: Path = Path(),
) -> int | None:
    """Run the workflow; return its exit status, or None if the time was up before it ended.

    It runs in a separate process group, so that none of its jobs outlives it: if only Snakemake
    itself is stopped, it waits for running jobs to end.
    """
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        return None
    files = ["--configfile", *map(str, config_files)] if config_files else []
    files += ["--snakefile", str(root / "Snakefile")]
    command = [sys.executable, "-m", "snakemake", "--cores", cores, *files, "--", *targets]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait(left)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop all processes of a process group that are still running."""
    if process.poll() is None:
        # Not SIGINT, which is ignored in what a script has started in the background.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat SIGTERM, the system's request to terminate, as an interrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
