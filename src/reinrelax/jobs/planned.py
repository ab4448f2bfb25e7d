"""Every planned job."""

from reinrelax.config.load import Config
from reinrelax.errors import ConfigError
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies

# States of jobs, as reports call them, of which there are results.
THERE = ("done", "partial")


def jobs(config: Config) -> dict[str, Job]:
    """By name, cells first: what a study reads must not be younger than it, or Snakemake runs it again."""
    return {**cells(config), **studies(config)}


def find(config: Config, name: str) -> Job:
    """The job of this name.

    Raises:
        ConfigError: the configuration has no such job.
    """
    known = jobs(config)
    if name not in known:
        raise ConfigError(
            f"no job {name!r} in this configuration; the first of {len(known)}: {next(iter(known))}"
        )
    return known[name]
