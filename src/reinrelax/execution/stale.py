"""Explains why finished jobs must be rerun: the settings or source that changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from reinrelax.config.load import Config
from reinrelax.core.past import changed_since
from reinrelax.core.records import read
from reinrelax.core.words import first_of
from reinrelax.errors import ResultsError
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs

# The number of changes named.
_NAMED = 6


def describe(config: Config, left: Mapping[str, float]) -> list[str]:
    """Return lines that explain why the jobs in `left` with existing records are stale.

    Args:
        config: the configuration of the results.
        left: the jobs still to do, by name.
    """
    found: dict[str, list[str]] = {}
    for job in jobs(config).values():
        record = config.folder / job.record
        if job.name in left and record.exists():
            found.setdefault(_reason(config, job), []).append(job.name)
    return [f"stale: {first_of(names, 1)}: {reason}" for reason, names in found.items()]


def _reason(config: Config, job: Job) -> str:
    try:
        record = read(config.folder / job.record, ("fingerprint",))
    except ResultsError:
        return "the record is damaged"
    if record.get("settings_hash") not in (None, job.settings_hash):
        names = sorted(_other_settings(record.get("config", {}), config.raw, job))
        return f"other settings: {first_of(names, _NAMED)}" if names else "other settings"
    if record["fingerprint"] == job.fingerprint:
        return "files are missing"
    commit = str(record.get("commit"))
    changed = changed_since(commit, job.modules)
    if changed is None:
        return f"another source, of commit {commit}"
    return f"another source since commit {commit[:12]}: {first_of(changed, _NAMED)}"


def _other_settings(old: Mapping[str, Any], new: Mapping[str, Any], job: Job) -> Iterator[str]:
    """Yield changed configuration keys of a job, such as `experiments.elbo.epochs: 10, now 20`."""
    then, now = dict(_flat(old)), dict(_flat(new))
    *_, name = job.name.split("/")
    own = f"experiments.{job.experiment.removesuffix('-run')}."
    concern = ("dataset.", "products.", own, f"settings.{name}.")
    for key in then.keys() | now.keys():
        if f"{key}.".startswith(concern) and then.get(key) != now.get(key):
            yield f"{key}: {then.get(key)}, now {now.get(key)}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
