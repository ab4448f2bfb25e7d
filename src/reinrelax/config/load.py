"""Reads the configuration: a nested mapping is checked and frozen before any job starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from reinrelax.config.blocks import Configuration, Machine
from reinrelax.config.declared import BLOCKS, DEMONSTRATIONS
from reinrelax.config.only import restricted
from reinrelax.config.run import HIDDEN, RELAXED_HIDDEN
from reinrelax.config.settings import Settings, at, of_latents
from reinrelax.config.specs import Cost, Gradients, Measured, Training
from reinrelax.core.reading import read
from reinrelax.core.types import LatentShape
from reinrelax.core.yaml_file import check_plain, path_of
from reinrelax.datasets.asked import Dataset
from reinrelax.errors import ConfigError
from reinrelax.estimators.asked import Selection
from reinrelax.experiments.cost.experiment import CostBlock
from reinrelax.experiments.discrete_vae.experiment import Compared, Trained, Trainings
from reinrelax.experiments.gradients.experiment import GradientsBlock
from reinrelax.experiments.identities.experiment import Identities
from reinrelax.experiments.policy_gradient.experiment import Reinforcement
from reinrelax.experiments.relaxed_vae.experiment import Relaxations

# The suffix of an experiment's name for trainings as the authors ran them, where these differ from
# the printed ones.
AS_RUN = "-run"
# The trainings at whose snapshots gradients are measured.
GRADIENTS = tuple(name for name, kind in BLOCKS.items() if issubclass(kind, GradientsBlock))
_MAX_TRAININGS = 20_000
Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Config:
    """The whole configuration.

    Attributes:
        trainings: the trainings by experiment. `elbo` is Tables 2 and 3, `early` its first epochs,
            `beta` Figure 2, `grid` Table 5, `readings` the formulas that the paper leaves open,
            `gradients` the VAE whose gradients are measured, `relaxations` paper A's VAEs, whose
            "estimators" are kinds of latent variables. `elbo-run` and similar names are trainings
            that the authors ran differently.
        gradients: the measurements at snapshots of `gradients` and `gradients-run`.
        demonstrations: the blocks of these experiments, each as its experiment declares it.
        project: the project's folder, which contains `workflow` and `report`; results are in the
            working directory.
        experiments: the names of all requested blocks.
        products: "float32" or "bfloat16", the type of the factors in matrix products of all VAEs.
        raw: the mapping that was read, for the record.
    """

    scale: str
    results: Path
    dataset: Dataset
    machine: Machine
    products: str
    experiments: frozenset[str]
    trainings: Mapping[str, Training]
    gradients: Mapping[str, Gradients]
    identities: Identities
    cost: Cost
    demonstrations: Mapping[str, Any]
    rl: Reinforcement
    raw: Mapping[str, Any]
    project: Path

    @property
    def folder(self) -> Path:
        """The folder of this scale's results."""
        return self.results / self.scale

    @property
    def whole(self) -> "Config":
        """The configuration without `only`; the number of its images is not checked."""
        return load({**self.raw, "only": {}}, self.project, runs=False)


def load(raw: Mapping[str, Any], root: Path = Path(), runs: bool = True) -> Config:
    """Check a configuration and freeze it.

    Args:
        raw: a nested mapping, as YAML gives it.
        root: the project's folder. All paths except `results` are relative to it.
        runs: whether the requested jobs are to run and therefore need their images.

    Raises:
        ConfigError: names each invalid key, its value and the allowed ones.
    """
    check_plain(raw)
    asked: Configuration = read(Configuration, raw)
    results, dataset = (
        path_of("results", asked.results),
        Dataset(**vars(asked.dataset), project=root),
    )
    path_of("dataset.root", dataset.root)
    settings, as_run = (
        Settings(key, root / path_of(key, getattr(asked, key)), asked.settings)
        for key in ("settings_table", "settings_as_run")
    )
    blocks: dict[str, Any] = {name: asked.experiments[name] for name in raw["experiments"]}
    trainings = {}
    for name, block in blocks.items():
        if isinstance(block, Trainings):
            trainings[name] = _training(f"experiments.{name}", block, settings)
        if isinstance(block, Compared) and block.as_run:
            trainings[f"{name}{AS_RUN}"] = _as_run(f"experiments.{name}", block, as_run)
    for name in GRADIENTS:
        trainings[name] = _training(f"experiments.{name}.training", blocks[name].training, settings)
    trainings["relaxations"] = _relaxations(blocks["relaxations"])
    for name, training in trainings.items():
        if (
            count := len(training.seeds) * sum(map(len, training.settings.values()))
        ) > _MAX_TRAININGS:
            raise ConfigError(
                f"experiments.{name}: latent shapes, varied settings and seeds ="
                f" {len(training.seeds)} make {count:,} trainings; at most {_MAX_TRAININGS:,} are"
                " allowed"
            )
    gradients = {
        name: _gradients(f"experiments.{name}", blocks[name], trainings[name], settings)
        for name in GRADIENTS
    }
    several = {name: training for name, training in trainings.items() if name not in GRADIENTS}
    experiments, left = restricted(asked.only, blocks, several)
    left |= {name: trainings[name] for name in GRADIENTS if name in experiments}
    if runs:
        _check_images(dataset.size.train, left, gradients)
    return Config(
        scale=asked.scale,
        results=results,
        dataset=dataset,
        machine=asked.machine,
        products=asked.products,
        experiments=experiments,
        trainings={name: left[name] for name in trainings if name in left},
        gradients={name: spec for name, spec in gradients.items() if name in experiments},
        identities=blocks["identities"],
        cost=_cost(blocks["cost"], settings),
        demonstrations={name: block for name, block in blocks.items() if name in DEMONSTRATIONS},
        rl=blocks["rl"],
        raw=raw,
        project=root,
    )


def _check_images(
    images: int, trainings: Mapping[str, Training], gradients: Mapping[str, Gradients]
) -> None:
    """Check that there are enough training images for the request."""
    for name, training in trainings.items():
        if training.batch_size > images:
            raise ConfigError(
                f"experiments.{name}: batch_size must be at most dataset.train_images = {images}; "
                f"got {training.batch_size}"
            )
        if name in GRADIENTS and (wanted := gradients[name].images) > images:
            raise ConfigError(
                f"experiments.{name}.images: must be at most dataset.train_images = {images}; got"
                f" {wanted}"
            )


def _training(where: str, block: Trainings, settings: Settings) -> Training:
    return _trained(where, block, settings, product(block.estimators, block.latent_shapes))


def _as_run(where: str, block: Compared, settings: Settings) -> Training:
    """Return the trainings of the estimators in `as_run`, at the latent shapes in `settings`."""
    rows = {
        name: at(f"{where}.as_run[{index}]", settings.rows, name)
        for index, name in enumerate(block.as_run)
    }
    places = [
        (name, shape) for name in rows for shape in block.latent_shapes if str(shape) in rows[name]
    ]
    return _trained(where, block, settings, places)


def _trained(
    where: str, block: Trainings, settings: Settings, places: Iterable[tuple[str, LatentShape]]
) -> Training:
    found = {
        (name, shape): at(
            where, lambda n, s=shape: settings.trainings(n, s, block.vary, block.draws), name
        )
        for name, shape in places
    }
    return _made(Training, block, settings=found, hidden=_hidden(block, HIDDEN))


def _relaxations(block: Relaxations) -> Training:
    found = {
        (name, own["latent_shape"]): of_latents(
            f"experiments.relaxations.latents.{name}", own, block
        )
        for name, own in block.latents.items()
    }
    return _made(Training, block, settings=found, hidden=_hidden(block, RELAXED_HIDDEN))


def _hidden(block: Trained, papers: tuple[int, ...]) -> tuple[int, ...]:
    return () if block.hidden == papers else block.hidden


def _measured(
    where: str, block: Selection, draws: int, shape: LatentShape, settings: Settings
) -> tuple[Measured, ...]:
    return tuple(
        Measured(name, hyper)
        for name in block.estimators
        for hyper in at(where, lambda n: settings.hypers(n, shape, block.vary, draws), name)
    )


def _gradients(
    where: str, block: GradientsBlock, training: Training, settings: Settings
) -> Gradients:
    ((_, shape), points), *_ = training.settings.items()
    if len(points) != 1:
        raise ConfigError(f"{where}.training.vary: must give one value per setting; got several")
    measured = {
        name: _measured(f"{where}.{name}", chosen, block.draws, shape, settings) if chosen else ()
        for name, chosen in (
            ("figure1", block.figure1),
            ("table1", block.table1),
            ("sweep", block.sweep),
        )
    }
    taus, etas = (block.control.tau, block.control.eta) if block.control else ((), ())
    return _made(Gradients, block, **measured, control_taus=taus, control_etas=etas)


def _cost(block: CostBlock, settings: Settings) -> Cost:
    found = _measured("experiments.cost", block, block.draws, block.latent_shape, settings)
    return _made(Cost, block, estimators=found)


def _made(kind: type[Spec], block: Any, **found: Any) -> Spec:
    """Build a specification from the given values and, for all other fields, those of the block."""
    rest = (one.name for one in fields(kind) if hasattr(block, one.name))  # type: ignore[arg-type]
    return kind(**{name: getattr(block, name) for name in rest} | found)
