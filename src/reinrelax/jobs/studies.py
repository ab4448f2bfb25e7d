"""Studies: jobs that are no cells. Each computes a few tidy tables once its inputs are there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reinrelax import rl
from reinrelax.config.load import GRADIENTS, Config
from reinrelax.config.run import digest
from reinrelax.config.specs import Measured
from reinrelax.core.sources import fingerprint
from reinrelax.distributions import CATALOGUE as RELAXATIONS
from reinrelax.distributions import Paper as Relaxation
from reinrelax.errors import ConfigError
from reinrelax.estimators import CATALOGUE, Paper, lookup
from reinrelax.jobs.runs import PROCESS, Cell, cells

# Paper A's demonstrations: name, which is also that of their settings, to module and tables.
DEMONSTRATIONS = {
    "copula": ("copula.measure", ("gates", "gate_samples")),
    "bridge": ("laplace_bridge.measure", ("densities", "bridge")),
    "decoupled": ("decoupled.measure", ("sharpness", "temperatures", "inert")),
    "properties": ("properties.measure", ("properties",)),
    "library": ("library.measure", ("library",)),
}
RL_TABLES = ("episodes", "policy_gradients")


@dataclass(frozen=True)
class Study:
    """A job.

    Attributes:
        name: also its folder below the results: `gradients/epoch-5`, `identities`, `bridge`.
        tables: what it writes there, each as `.csv`, beside `record.json`.
        modules: the source that computes it, and the training whose snapshots it may read: modules, and
            functions as `module:name`.
        settings: what it is computed with.
    """

    name: str
    tables: tuple[str, ...]
    modules: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def experiment(self) -> str:
        """What it is a part of: `gradients`, `identities`, `rl`, …."""
        return self.name.split("/")[0]

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU where there is one. Others are small, or wait for a simulator."""
        return self.experiment in (*GRADIENTS, "cost")

    @property
    def source_hash(self) -> str:
        """A hash of the source that computes it, and what it reads."""
        return fingerprint(self.modules)

    @property
    def settings_hash(self) -> str:
        """A hash of the settings: what is asked for, whichever source computes it."""
        return digest(self.settings)

    @property
    def fingerprint(self) -> str:
        """A hash of settings and source: what the results depend on."""
        return self.fingerprint_of(self.source_hash)

    def fingerprint_of(self, source_hash: str) -> str:
        """The same of what a source with this hash has computed."""
        return digest([source_hash, self.settings])


def studies(config: Config) -> dict[str, Study]:
    """All studies that are asked for, by name."""
    return {study.name: study for study in _studies(config) if study.experiment in config.experiments}


def find_study(config: Config, name: str) -> Study:
    """The study of this name.

    Raises:
        ConfigError: the configuration has no such study.
    """
    known = studies(config)
    if name not in known:
        raise ConfigError(f"no study {name!r} in this configuration; there are: {', '.join(known)}")
    return known[name]


def snapshot_cell(config: Config, experiment: str) -> Cell:
    """The training at whose snapshots the gradients of an experiment are measured."""
    (cell,) = (cell for cell in cells(config).values() if cell.first.experiment == experiment)
    return cell


def snapshot_path(config: Config, experiment: str) -> Path:
    """Where the parameters at its snapshots lie."""
    return config.folder / f"{snapshot_cell(config, experiment).name}.pt"


def study_folder(config: Config, name: str) -> Path:
    """Where a study's tables and record lie."""
    return config.folder / name


def _studies(config: Config) -> Iterator[Study]:
    for experiment, spec in config.gradients.items():
        # What is not asked for has no name, so that what may be asked for later changes no hash.
        asked = {key: value for key, value in asdict(spec).items() if value and key != "snapshots"}
        training = snapshot_cell(config, experiment)
        for epoch in spec.snapshots:
            yield Study(
                f"{experiment}/epoch-{epoch}",
                spec.tables,
                ("reinrelax.experiments.gradients.measure", *_modules(spec.measured), *training.modules),
                {
                    "training": training.settings_hash,
                    "epoch": epoch,
                    "last": epoch == spec.snapshots[-1],
                    **asked,
                },
            )
    yield Study(
        "identities",
        ("identities",),
        (
            "reinrelax.experiments.identities.measure",
            *(entry.source for entry in CATALOGUE.values() if isinstance(entry, Paper)),
        ),
        asdict(config.identities),
    )
    yield Study(
        "cost",
        ("cost",),
        ("reinrelax.experiments.cost.measure", *_modules(config.cost.estimators)),
        {
            "dataset": config.dataset.name,
            "train_images": config.dataset.train_images,
            **asdict(config.cost),
        },
    )
    for name, (module, tables) in DEMONSTRATIONS.items():
        sources = [f"reinrelax.experiments.{module}"]
        # What takes its subjects from the catalogues names no modules to follow.
        if name in ("properties", "library"):
            sources += [
                f"reinrelax.distributions.{entry.module}:{law}"
                for law, entry in RELAXATIONS.items()
                if isinstance(entry, Relaxation)
            ]
        if name == "properties":
            sources += [lookup(one).source for one in ("REBAR", "RELAX", "REINFORCE")]
        yield Study(name, tables, tuple(sources), asdict(getattr(config, name)))

    learning = asdict(config.rl)
    if config.rl.seeds == tuple(range(count := len(config.rl.seeds))):
        learning["seeds"] = count  # as results of before seeds could be named say it
    del learning["environments"], learning["algorithms"]
    for environment, cap in config.rl.environments:
        for algorithm in config.rl.algorithms:
            yield Study(
                f"rl/{environment}-{cap}/{algorithm}",
                RL_TABLES,
                (*PROCESS, "reinrelax.experiments.policy_gradient.measure"),
                {
                    **{"environment": environment, "cap": cap, "algorithm": algorithm},
                    **{"definition": asdict(rl.lookup(algorithm)), **learning},
                },
            )


def _modules(measured: Iterable[Measured]) -> list[str]:
    return sorted({lookup(one.estimator).source for one in measured})
