"""Follows the jobs of a run: reports where it stands, and notes in the run lock which jobs run."""

import logging
from collections.abc import Mapping

from reinrelax.config.load import Config
from reinrelax.errors import ReinrelaxError
from reinrelax.execution import estimates, run_lock, status
from reinrelax.jobs.planned import jobs


class Follower(logging.Handler):
    """A handler of Snakemake's log that logs a line at the start and after each job that ends."""

    def __init__(
        self,
        config: Config,
        numbered: Mapping[int, str],
        planned: int,
        at_once: int | None,
        log: logging.Logger,
    ) -> None:
        """Report the state before the first job.

        Args:
            config: the configuration of the run.
            numbered: the names of the jobs to run, by Snakemake's number.
            planned: the number of these and of those that were requested and are done.
            at_once: the number of jobs that run at once; None if unknown, as on a cluster.
            log: Snakemake's log, to which the lines are added.
        """
        super().__init__()
        self._config, self._numbered, self._log = config, numbered, log
        self._planned, self._at_once = planned, at_once
        known = jobs(config)
        self._jobs = {name: known[name] for name in numbered.values()}
        # Runs and epochs left of each job that is not done.
        self._left = {name: estimates.left_of(config, job) for name, job in self._jobs.items()}
        self._running: list[str] = []
        self._failed: list[str] = []
        self._report()

    def emit(self, record: logging.LogRecord) -> None:
        """Follow a job that starts, finishes or fails."""
        event = getattr(record, "event", None)
        if event == "job_started":
            for name in (self._numbered.get(number) for number in vars(record)["jobs"]):
                if name:
                    self._end(name)  # a further attempt
                    self._running.append(name)
            self._tell()
        elif event in ("job_finished", "job_error"):
            number = vars(record)["job_id" if event == "job_finished" else "jobid"]
            if name := self._numbered.get(number):
                self._end(name)
                if event == "job_error":
                    self._failed.append(name)
                else:
                    self._left.pop(name, None)
                self._tell()
                self._report()

    def _end(self, name: str) -> None:
        for names in (self._running, self._failed):
            if name in names:
                names.remove(name)

    def _tell(self) -> None:
        run_lock.tell(jobs=self._running, failed=self._failed, at_once=self._at_once)

    def _report(self) -> None:
        """Log the state. Files that a job replaces meanwhile must not stop the run."""
        try:
            for name in self._running:
                self._left[name] = estimates.left_of(self._config, self._jobs[name])
            timings = estimates.timings_of(self._config, self._config.project)
        except (ReinrelaxError, OSError):
            return
        left = [
            estimates.estimate(self._config, self._jobs[name], timings, *size)
            for name, size in self._left.items()
        ]
        counts = len(self._running), len(self._failed)
        at_once = self._at_once or max(1, len(self._running))
        # An event that Snakemake leaves out if it is to be quiet about progress.
        said = status.line(self._planned, left, *counts, at_once)
        self._log.info(said, extra={"event": "run_info"})
