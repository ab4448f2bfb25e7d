"""Where a run stands: its jobs done, running and left, the time to its end, and the disk use.

Only files are read, and nothing is changed: results, records, checkpoints, logs and the run lock.
"""

import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from reinrelax.config.load import Config
from reinrelax.execution import clean, estimates, run_lock
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs

# The number of jobs of a kind that are named.
_NAMED = 20


def line(planned: int, left: Collection[float], running: int, failed: int, at_once: int) -> str:
    """Format the number of jobs in each state, and the time to the end.

    Args:
        planned: the number of all jobs.
        left: the estimated seconds of each job that is not done.
        running: the number of these that are running.
        failed: the number of these that failed, and that this run does not repeat.
        at_once: the number of jobs that run at once.
    """
    states = {"running": running, "failed": failed, "left": len(left) - running - failed}
    parts = [f"{planned - len(left)} of {planned} jobs done"]
    parts += [f"{count} {state}" for state, count in states.items() if count]
    about = f": about {estimates.duration(estimates.span(left, at_once))} with {at_once} at once"
    return ", ".join(parts) + (about if left else "")


def overall(config: Config, cores: int, root: Path = Path()) -> str:
    """Format the state of all planned jobs as a line, while none is running."""
    left = estimates.remaining(config, root)
    return line(len(jobs(config)), left.values(), 0, 0, max(1, cores // config.machine.threads))


def describe(config: Config, cores: int, root: Path = Path()) -> str:
    """Format the state of a run: a table by experiment, the jobs at work, a summary, leftovers."""
    planned, left = jobs(config), estimates.remaining(config, root)
    active, owner = run_lock.read(config.folder)
    submitted = [name for name in _named(owner, "jobs") if name in left] if active else []
    running = [name for name in submitted if _started(config, planned[name], owner)]
    failed = [name for name in _named(owner, "failed") if name in left]
    at_once = max(1, cores // config.machine.threads)
    if active:
        at_once = int(owner.get("at_once") or max(1, len(running)))
    begun = {
        name: epoch
        for name in left
        if planned[name].runs and (epoch := estimates.begun(config, planned[name]))
    }
    resumed = [name for name in begun if name not in running]

    def epoch_of(name: str) -> str:
        if not (runs := planned[name].runs):
            return name
        reached = f"epoch {begun[name]} of {runs[0].epochs}" if name in begun else "no checkpoint"
        return f"{name}, {reached}"

    logs = (f"{name}: {_log(config, planned[name])}" for name in failed)
    return "\n".join(
        [
            f"{config.folder}: {_run(active, owner)}",
            *_table(config, planned, left, running, at_once),
            *_list("running", map(epoch_of, running)),
            *_list("waiting for a node", (name for name in submitted if name not in running)),
            *_list("can resume", map(epoch_of, resumed)),
            *_list("failed", logs),
            line(len(planned), left.values(), len(running), len(failed), at_once),
            _leftovers(config),
        ]
    )


def _run(active: bool, owner: Mapping[str, Any]) -> str:
    """Describe the run that uses the folder, or the last one."""
    last = f"process {owner.get('process')} on {owner.get('host')}, since {owner.get('since')}"
    if active:
        return f"running ({last})"
    if owner and owner["host"] != socket.gethostname():
        return f"no run that this machine can see; the last was {last}"
    return "not running"


def _table(
    config: Config,
    planned: Mapping[str, Job],
    left: Mapping[str, float],
    running: Collection[str],
    at_once: int,
) -> Iterator[str]:
    """Yield a row per experiment that is planned or has files, and one for all other files."""
    used = _disk_use(config.folder)
    experiments = dict.fromkeys([*(job.experiment for job in planned.values()), *sorted(used)])
    heads = ("done", "running", "left", "time left", "disk")
    yield _row("experiment", *heads)
    for experiment in (name for name in experiments if name):
        names = [name for name, job in planned.items() if job.experiment == experiment]
        todo = [name for name in names if name in left]
        busy = sum(name in running for name in todo)
        span = estimates.span([left[name] for name in todo], at_once)
        yield _row(
            experiment,
            *(len(names) - len(todo), busy, len(todo) - busy),
            estimates.duration(span) if todo else "",
            clean.megabytes(used.get(experiment, 0)),
        )
    yield _row("images, tables, figures, logs, pages", "", "", "", "", clean.megabytes(used[""]))
    yield _row("in all", "", "", "", "", clean.megabytes(sum(used.values())))


def _row(name: str, *values: object) -> str:
    widths = (5, 8, 5, 10, 12)
    return f"{name:36}" + "".join(
        f"{value:>{width}}" for value, width in zip(values, widths, strict=True)
    )


def _disk_use(folder: Path) -> dict[str, int]:
    """Return the bytes of the files of each experiment, and of all others under an empty name."""
    used = {"": 0}
    for path in folder.rglob("*"):
        first, *inside = path.relative_to(folder).parts
        name = first if inside and first not in clean.OTHER else ""
        with suppress(OSError):  # deleted by the run
            if path.is_file():
                used[name] = used.get(name, 0) + path.stat().st_size
    return used


def _list(state: str, entries: Iterator[str]) -> Iterator[str]:
    """Yield a line per entry, up to a limit."""
    each = list(entries)
    yield from (f"{state}: {entry}" for entry in each[:_NAMED])
    if len(each) > _NAMED:
        yield f"{state}: {len(each) - _NAMED} more"


def _leftovers(config: Config) -> str:
    found = clean.leftovers(config)
    if not found:
        return "`python -m reinrelax clean` would remove nothing"
    return (
        f"`python -m reinrelax clean` lists {clean.total(found)} that the configuration does not"
        " request; `--remove` removes them"
    )


def _named(owner: Mapping[str, Any], key: str) -> Sequence[str]:
    """Return the names of jobs that the run has noted, which may be those of an earlier version."""
    names = owner.get(key)
    return [str(name) for name in names] if isinstance(names, list) else []


def _started(config: Config, job: Job, owner: Mapping[str, Any]) -> bool:
    """Check whether a submitted job has begun: on a cluster, it may wait for a node."""
    with suppress(OSError, ValueError):
        since = datetime.fromisoformat(str(owner.get("since"))).timestamp()
        return _log(config, job).stat().st_mtime >= since
    return False


def _log(config: Config, job: Job) -> Path:
    (path,) = (path for path in job.optional if path.suffix == ".log")
    return config.folder / path
