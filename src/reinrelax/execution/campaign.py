"""All of a scale in stages, those first of which an hour shows most, each a run of the workflow."""

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
from reinrelax.execution import plan
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs


@dataclass(frozen=True)
class _Step:
    """What is done together.

    Attributes:
        experiments: with what the authors ran differently of each, unless that is a step of its own.
        shapes: latent shapes, each a stage of its own in this order, and after them any other; none, where
            all are one stage.
        only: whether other shapes are left to a later step.
        first: estimators that are a stage before the others of their shape.
    """

    experiments: tuple[str, ...]
    shapes: tuple[str, ...] = ()
    only: bool = False
    first: tuple[str, ...] = ()


# Where the paper's two methods differ most from the others comes first.
_SHAPES = ("8x4", "64x8", "16x12", "10x30", "8x16", "4x24")
# First what is conclusive within minutes, last the searches, which take the longest and say the least of the
# papers. `cost` is alone, because it measures time.
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
# Kept back from the time that is given: to stop jobs, build the report and pack.
RESERVE_SECONDS = 240.0
# That jobs have to end after an interrupt, before they are killed. Either way a checkpoint stays.
_GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Stage:
    """Jobs that are done together: what they are, and the estimated seconds of those that are to be done."""

    name: str
    jobs: tuple[Job, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """Stages in which jobs failed; whether time was up, or a person stopped it; what is left, in stages."""

    failed: tuple[str, ...]
    out_of_time: bool
    interrupted: bool
    left: tuple[Stage, ...]


def stages(config: Config, root: Path = Path()) -> list[Stage]:
    """What is to be done, in the order of doing it; a stage in which all is done is none."""
    left = plan.remaining(config, root)
    groups: dict[tuple[int, int, str, bool], list[Job]] = {}
    for job in jobs(config).values():
        if job.name in left:
            groups.setdefault(_place(job), []).append(job)
    return [
        Stage(_name(place, members), tuple(members), {job.name: left[job.name] for job in members})
        for place, members in sorted(groups.items(), key=lambda group: group[0])
    ]


def describe(config: Config, todo: Sequence[Stage], cores: int) -> str:
    """The stages as lines, with what the plan estimates of each."""
    lines = []
    for index, stage in enumerate(todo, 1):
        about = plan.elapsed(config, stage.seconds.values(), cores)
        lines.append(f"{index:3}. {stage.name}, {_jobs(stage)}: about {about}")
    seconds = [second for stage in todo for second in stage.seconds.values()]
    return "\n".join(
        [*lines, f"in all about {plan.elapsed(config, seconds, cores)}"] if todo else ["all is done"]
    )


def run(
    config: Config,
    config_files: Sequence[Path],
    cores: str,
    hours: float | None,
    say: Callable[[str], object] = print,
    root: Path = Path(),
) -> Outcome:
    """Do what is to be done, stage after stage, until all is done or the time is up.

    A stage with failures does not keep the next from being done. When the time is up, or at an interrupt
    (SIGINT, SIGTERM), running jobs are stopped; what they have come to is in their checkpoints.

    Args:
        config: what is planned.
        config_files: the files that it was read from, for the workflow.
        cores: as Snakemake takes it: a number, or `all`.
        hours: the time there is, or None for as long as it takes.
        say: called with lines for a person.
        root: the project's folder.

    Raises:
        ConfigError: there is less time than it takes to build the report.
    """
    number = (os.cpu_count() or 1) if cores == "all" else int(cores)
    deadline = None
    if hours is not None:
        if hours * 3600 <= RESERVE_SECONDS:
            raise ConfigError(
                f"{hours:g} hours: {RESERVE_SECONDS / 60:g} minutes are kept for stopping jobs, the report "
                "and packing, so that nothing could be computed. Give more"
            )
        deadline = time.monotonic() + hours * 3600 - RESERVE_SECONDS
    todo = stages(config, root)
    say(describe(config, todo, number))
    if provenance.commit().endswith(provenance.CHANGED):
        say("WARNING: what is computed with changes that are in no commit cannot be published. Commit first")
    failed, out_of_time, interrupted = [], False, False
    with _interruptible():
        try:
            for index, stage in enumerate(todo, 1):
                say(f"\n{index} of {len(todo)}: {stage.name}")
                targets = [str(config.folder / path) for job in stage.jobs for path in job.files]
                status = _workflow(config_files, cores, targets, deadline, root)
                if status is None:
                    say("time is up: what ran was stopped")
                    out_of_time = True
                    break
                if status:
                    failed.append(stage.name)
        except KeyboardInterrupt:
            interrupted = True
    return Outcome(tuple(failed), out_of_time, interrupted, tuple(stages(config, root)))


def _jobs(stage: Stage) -> str:
    return "1 job" if len(stage.jobs) == 1 else f"{len(stage.jobs)} jobs"


def _experiment(job: Job) -> str:
    """What a step names it by: as what is printed, unless what was run differently is a step of its own."""
    own = any(job.experiment in step.experiments for step in _STEPS)
    return job.experiment if own else job.experiment.removesuffix(AS_RUN)


def _place(job: Job) -> tuple[int, int, str, bool]:
    """The step that a job belongs to; there the rank of its latent shape, the shape, and whether it waits."""
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
    """What a stage is called, as `elbo/8x4`."""
    step, _, shape, waits = place
    experiments = ", ".join(dict.fromkeys(map(_experiment, members)))
    others = ", other estimators" if waits else ""
    return f"{experiments}/{shape}{others}" if _STEPS[step].shapes else experiments


def _workflow(
    config_files: Sequence[Path],
    cores: str,
    targets: Sequence[str],
    deadline: float | None,
    root: Path = Path(),
) -> int | None:
    """The exit status of a run of the workflow, or None if the time was up before it ended.

    It has a process group of its own, so that none of its jobs outlives it: Snakemake, stopped alone, waits
    for running jobs to end.
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
    """End all of a process group, if any of it is still there."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Take SIGTERM, by which systems ask a process to end, as an interrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
