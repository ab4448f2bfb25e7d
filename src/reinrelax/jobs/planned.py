"""All planned jobs."""

from reinrelax.config.load import Config
from reinrelax.errors import ConfigError
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies

# States of jobs that have results, as reports name them.
THERE = ("done", "partial")


def jobs(config: Config) -> dict[str, Job]:
    """Return all jobs by name, cells first.

    Files that a study reads must not be newer than the study, or Snakemake runs it again.
    """
    return {**cells(config), **studies(config)}


def find(config: Config, name: str) -> Job:
    """Return the job of this name.

    Raises:
        ConfigError: the configuration has no such job.
    """
    known = jobs(config)
    if name not in known:
        raise ConfigError(
            f"this configuration has no job {name!r}; the first of its {len(known)} jobs is"
            f" {next(iter(known))}"
        )
    return known[name]
