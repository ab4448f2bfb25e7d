"""The run table: one training a row; and its cells, the jobs in which rows train together as replicas."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reinrelax import estimators, latents
from reinrelax.config.load import Config
from reinrelax.config.run import Run, digest
from reinrelax.config.specs import Hyper
from reinrelax.core.sources import fingerprint
from reinrelax.datasets import MNIST, Size
from reinrelax.errors import ConfigError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS as OF_ESTIMATORS
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS

# The source of the process's settings, which all trainings share.
PROCESS = ("reinrelax.training.process",)
# Hyper-parameters of which a job has one value.
_COUNTS = {name for name, entry in (OF_ESTIMATORS | OF_LATENTS).items() if entry.integer}


@dataclass(frozen=True)
class Cell:
    """A job: runs of one experiment, latent shape and estimator that train side by side.

    Attributes:
        snapshots: epochs whose parameters are kept beside the table.
        size: of the images, by which time and memory are reckoned.
    """

    name: str
    runs: tuple[Run, ...]
    snapshots: tuple[int, ...] = ()
    size: Size = MNIST

    @property
    def first(self) -> Run:
        """Any of the runs, for what they share."""
        return self.runs[0]

    @property
    def modules(self) -> list[str]:
        """The source that computes the runs: modules, and functions as `module:name`."""
        return _sources(self.first)

    @property
    def source_hash(self) -> str:
        """A hash of the source that computes the runs."""
        return fingerprint(self.modules)

    @property
    def settings_hash(self) -> str:
        """A hash of the rows: what is asked for, whichever source computes it."""
        return digest([[run.run_id for run in self.runs], list(self.snapshots)])

    @property
    def fingerprint(self) -> str:
        """A hash of the rows and of the source that computes them: what the job's results depend on."""
        return self.fingerprint_of(self.source_hash)

    def fingerprint_of(self, source_hash: str) -> str:
        """The same of rows that a source with this hash has computed."""
        return digest([source_hash, [run.run_id for run in self.runs], list(self.snapshots)])


def run_table(config: Config) -> list[Run]:
    """All rows, by experiment, estimator, shape, setting and seed in that order of nesting."""
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


def cells(config: Config) -> dict[str, Cell]:
    """The jobs by name, `experiment/shape/estimator`, with `.1`, `.2`, … where that takes several.

    Replicas share their counts, such as the draws of an estimator; and a job must not be too large.
    """
    groups: dict[str, list[Run]] = {}
    for run in run_table(config):
        groups.setdefault(f"{run.experiment}/{run.shape}/{run.estimator}", []).append(run)
    size = config.dataset.size
    return {
        cell.name: replace(cell, size=size)
        for name, runs in groups.items()
        for cell in _split(name, runs, config)
    }


def find_cell(config: Config, name: str) -> Cell:
    """The job of this name.

    Raises:
        ConfigError: the configuration has no such job.
    """
    known = cells(config)
    if name not in known:
        raise ConfigError(
            f"no cell {name!r} in this configuration; the first of {len(known)}: {next(iter(known))}"
        )
    return known[name]


def table_path(config: Config, cell: str) -> Path:
    """Where a cell's tidy table lies; its provenance lies beside it as `.json`."""
    return config.folder / f"{cell}.csv"


def _sources(run: Run) -> list[str]:
    """The modules and functions that a run is computed by."""
    if run.experiment == "relaxations":
        return [*PROCESS, "reinrelax.experiments.relaxed_vae.measure", latents.lookup(run.estimator).source]
    return [*PROCESS, "reinrelax.experiments.discrete_vae.measure", estimators.lookup(run.estimator).source]


def _split(name: str, runs: list[Run], config: Config) -> Iterator[Cell]:
    if (measured := config.gradients.get(runs[0].experiment)) is not None:
        yield Cell(name, tuple(runs), measured.snapshots)  # one file holds all its snapshots
        return
    size = config.machine.max_replicas_per_job
    alike: dict[Hyper, list[Run]] = {}
    for run in runs:
        alike.setdefault(tuple((name, value) for name, value in run.hyper if name in _COUNTS), []).append(run)
    parts = [part for group in alike.values() for part in _batched(group, size)]
    for index, part in enumerate(parts, 1):
        yield Cell(name if len(parts) == 1 else f"{name}.{index}", part)


def _batched(runs: list[Run], size: int) -> Iterator[tuple[Run, ...]]:
    return (tuple(runs[start : start + size]) for start in range(0, len(runs), size))
