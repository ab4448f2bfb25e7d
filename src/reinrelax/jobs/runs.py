"""The run table, with one training per row, and its cells: jobs that train rows as replicas."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from reinrelax import estimators, latents
from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.config.specs import Hyper
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS as OF_ESTIMATORS
from reinrelax.jobs.job import Job
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS

# The source of the process's settings, which all trainings share.
PROCESS = ("reinrelax.training.process",)
# Hyper-parameters that have one value per job.
_COUNTS = {name for name, entry in (OF_ESTIMATORS | OF_LATENTS).items() if entry.integer}


def run_table(config: Config) -> list[Run]:
    """Return all rows, nested by experiment, estimator, shape, setting and seed, in that order."""
    return [
        Run(
            experiment=experiment,
            dataset=config.dataset.name,
            train_images=config.dataset.train_images,
            test_images=config.dataset.test_images,
            shape=shape,
            estimator=estimator,
            hyper=setting.hyper,
            optimizer=setting.optimizer,
            learning_rate=setting.learning_rate,
            batch_size=training.batch_size,
            epochs=training.epochs,
            seed=seed,
            products=config.products,
            hidden=training.hidden,
        )
        for experiment, training in config.trainings.items()
        for (estimator, shape), settings in training.settings.items()
        for setting in settings
        for seed in training.seeds
    ]


def cells(config: Config) -> dict[str, Job]:
    """Return the training jobs by name.

    A name is `experiment/shape/estimator`, followed by `.1`, `.2`, … if the cell is split into
    several jobs. Replicas in a job share their counts, such as an estimator's draws, and a job's
    size is limited.
    """
    groups: dict[str, list[Run]] = {}
    for run in run_table(config):
        groups.setdefault(f"{run.experiment}/{run.shape}/{run.estimator}", []).append(run)
    return {
        name: _cell(name, runs, config)
        for whole, all_of_it in groups.items()
        for name, runs in _split(whole, all_of_it, config)
    }


def table_path(config: Config, cell: str) -> Path:
    """Return the path of a cell's tidy table; its provenance is next to it as `.json`."""
    return config.folder / f"{cell}.csv"


def _cell(name: str, runs: Sequence[Run], config: Config) -> Job:
    first = runs[0]
    measured = config.gradients.get(first.experiment)
    kept = (".pt",) if measured else (".npz",) if first.experiment == "relaxations" else ()
    # Files that make retraining unnecessary later, see `results.finished`.
    saving = (Path(f"{name}.runs{suffix}") for suffix in (".json", *kept))
    return Job(
        name,
        (*PROCESS, *_sources(first)),
        record=Path(f"{name}.json"),
        results=tuple(Path(f"{name}{suffix}") for suffix in (*kept, ".csv")),
        optional=(*saving, Path(f"logs/train/{name}.log"), Path(f"benchmarks/train/{name}.tsv")),
        reads_images=True,
        runs=tuple(runs),
        snapshots=measured.snapshots if measured else (),
        size=config.dataset.size,
    )


def _sources(run: Run) -> tuple[str, str]:
    """Return the module and the function that compute a run."""
    if run.experiment == "relaxations":
        return "reinrelax.experiments.relaxed_vae.measure", latents.lookup(run.estimator).source
    return "reinrelax.experiments.discrete_vae.measure", estimators.lookup(run.estimator).source


def _split(name: str, runs: Sequence[Run], config: Config) -> Iterator[tuple[str, Sequence[Run]]]:
    """Yield the name and runs of each job that a cell is split into."""
    if runs[0].experiment in config.gradients:
        yield name, runs  # one file holds all its snapshots
        return
    size = config.machine.max_replicas_per_job
    alike: dict[Hyper, list[Run]] = {}
    for run in runs:
        alike.setdefault(
            tuple((name, value) for name, value in run.hyper if name in _COUNTS), []
        ).append(run)
    parts = [
        group[start : start + size]
        for group in alike.values()
        for start in range(0, len(group), size)
    ]
    for index, part in enumerate(parts, 1):
        yield (name if len(parts) == 1 else f"{name}.{index}"), part
