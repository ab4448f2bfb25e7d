"""Compute a job, whichever it is: its files in the results folder, and a line for a person."""

from reinrelax.config.load import Config
from reinrelax.datasets import images
from reinrelax.experiments.study import run_study
from reinrelax.experiments.training import train_cell
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import table_path
from reinrelax.results import finished
from reinrelax.results.read import held


def compute(job: Job, config: Config, device: str) -> str:
    """Train a cell's runs or run a study; how it went, in words.

    Args:
        job: which.
        config: where inputs and results lie.
        device: "cpu" or "cuda".

    Raises:
        ResultsError: an input is missing or damaged, or a file cannot be written.
    """
    asked = {"scale": config.scale, "config": config.raw}
    if not job.runs:
        return f"{job.name}: {run_study(job, config, device, asked)['wall_seconds']:.1f} s"
    record = train_cell(
        job,
        images.load(config.folder / "data"),
        table=table_path(config, job.name),
        known=held(config, job, tolerant=True),
        device=device,
        checkpoint_every=config.machine.checkpoint_every_epochs,
        extra=asked,
    )
    diverged = f", {len(record['diverged'])} diverged" if record["diverged"] else ""
    size = f"{len(job.runs)} replicas x {job.first.epochs} epochs{finished.reuse(record)}"
    return f"{job.name}: {size}{diverged}, {record['wall_seconds']:.1f} s"
