"""Configuration: a nested mapping in, frozen and checked objects out, before any job starts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from reinrelax import datasets, rl
from reinrelax.config import schema
from reinrelax.config.declared import DEMONSTRATIONS
from reinrelax.config.only import restricted
from reinrelax.config.run import HIDDEN, RELAXED_HIDDEN
from reinrelax.config.settings import ANY, Settings, at, of_latents, parse_shape
from reinrelax.config.specs import (
    Cost,
    Gradients,
    Identities,
    Measured,
    Reinforcement,
    Training,
)
from reinrelax.core.document import check_plain, path_of
from reinrelax.core.experiment import Experiment
from reinrelax.core.types import LatentShape
from reinrelax.datasets.asked import Dataset
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup

SCHEMA = Path("workflow/schemas/config.schema.yaml")
TRAININGS = ("elbo", "early", "beta", "grid", "readings")
# After the name of an experiment: its trainings as the authors ran them, where that is not as they print it.
AS_RUN = "-run"
# Trainings at whose snapshots gradients are measured.
GRADIENTS = ("gradients", f"gradients{AS_RUN}")
_COMPARED = tuple(f"experiments.{name}" for name in ("elbo", "early", "beta"))
_MAX_CODES = 1 << 16
_MAX_TRAININGS = 20_000
_MAX_SNAPSHOTS = 1000
Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Machine:
    """How jobs use the machine; nothing here changes a result beyond rounding and, on a GPU, its noise.

    Attributes:
        kernels: what computes on a GPU, "torch" or "compiled": this package's kernels and CUDA graphs.
        container: an image in which jobs run where containers are used; empty for none.
    """

    device: str
    threads: int
    max_replicas_per_job: int
    jobs_per_gpu: int
    checkpoint_every_epochs: int
    kernels: str = "torch"
    container: str = ""


@dataclass(frozen=True)
class Config:
    """The whole configuration.

    Attributes:
        trainings: by experiment; `elbo` is Tables 2 and 3, `early` the first epochs of the same, `beta`
            Figure 2, `grid` Table 5, `readings` what the paper leaves open, `gradients` the VAE whose
            gradients are measured, `relaxations` paper A's VAEs, whose "estimators" are kinds of latent
            variables. `elbo-run` and its like are what the authors ran differently.
        gradients: what is measured of `gradients` and `gradients-run`.
        demonstrations: by experiment, each as that declares it.
        project: the project's folder, that of `workflow` and `report`; results lie in the working directory.
        experiments: the names of all blocks that are asked for.
        products: "float32" or "bfloat16", what the layers of all VAEs multiply.
        raw: the mapping it was made from, for the record.
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
        """Where this scale's results lie."""
        return self.results / self.scale

    @property
    def whole(self) -> "Config":
        """The same without `only`, of which some may not be able to run."""
        return load({**self.raw, "only": {}}, self.project, runs=False)


def load(raw: Mapping[str, Any], root: Path = Path(), runs: bool = True) -> Config:
    """Check a configuration and freeze it.

    Args:
        raw: nested mapping, as YAML gives it.
        root: the project's folder. Other paths than `results` are taken from there.
        runs: whether what is asked for is to run, and needs its images.

    Raises:
        ConfigError: names each offending key, what came and what is allowed.
    """
    check_plain(raw)
    errors = sorted(
        schema.Validator(schema.of_configuration(root / SCHEMA)).iter_errors(raw),
        key=lambda e: [str(p) for p in e.absolute_path],
    )
    if errors:
        raise ConfigError("\n".join(schema.explain(error) for error in errors[:10]))
    results = path_of("results", raw["results"])
    dataset = Dataset(**raw["dataset"], project=root)
    path_of("dataset.root", dataset.root)
    at("dataset.name", datasets.lookup, dataset.name)
    settings, as_run = (
        Settings(key, root / path_of(key, raw[key]), raw["settings"])
        for key in ("settings_table", "settings_as_run")
    )
    experiments = raw["experiments"]
    trainings = {}
    for name, block in experiments.items():
        if name in TRAININGS:
            trainings[name] = _training(f"experiments.{name}", block, settings)
            if block.get("as_run"):
                trainings[f"{name}{AS_RUN}"] = _as_run(f"experiments.{name}", block, as_run)
    for name in GRADIENTS:
        where = f"experiments.{name}.training"
        trainings[name] = _training(where, experiments[name]["training"], settings)
    trainings["relaxations"] = _relaxations(experiments["relaxations"])
    for name, training in trainings.items():
        if (count := len(training.seeds) * sum(map(len, training.settings.values()))) > _MAX_TRAININGS:
            raise ConfigError(
                f"experiments.{name}: latent shapes, varied settings and seeds = {len(training.seeds)} make "
                f"{count:,} trainings; at most {_MAX_TRAININGS:,} are allowed"
            )
    gradients = {
        name: _gradients(f"experiments.{name}", experiments[name], trainings[name], settings)
        for name in GRADIENTS
    }
    several = {name: training for name, training in trainings.items() if name not in GRADIENTS}
    asked, left = restricted(raw.get("only", {}), experiments, several)
    left |= {name: trainings[name] for name in GRADIENTS if name in asked}
    if runs:
        _check_images(dataset.size.train, left, experiments)
    return Config(
        scale=raw["scale"],
        results=results,
        dataset=dataset,
        machine=Machine(**raw["machine"]),
        products=raw["products"],
        experiments=asked,
        trainings={name: left[name] for name in trainings if name in left},
        gradients={name: spec for name, spec in gradients.items() if name in asked},
        identities=_identities(experiments["identities"]),
        cost=_cost(experiments["cost"], settings),
        demonstrations={
            name: _demonstration(DEMONSTRATIONS[name], block)
            for name, block in experiments.items()
            if name in DEMONSTRATIONS
        },
        rl=_rl(experiments["rl"]),
        raw=raw,
        project=root,
    )


def _check_images(images: int, trainings: Mapping[str, Training], experiments: Mapping[str, Any]) -> None:
    """Do nothing if there are enough training images for what is asked for."""
    for name, training in trainings.items():
        if training.batch_size > images:
            raise ConfigError(
                f"experiments.{name}: batch_size must be at most dataset.train_images = {images}; "
                f"got {training.batch_size}"
            )
        if name in GRADIENTS and (wanted := experiments[name]["images"]) > images:
            raise ConfigError(
                f"experiments.{name}.images: must be at most dataset.train_images = {images}; got {wanted}"
            )


def _training(where: str, block: Mapping[str, Any], settings: Settings) -> Training:
    _check_names(where, block)
    if "as_run" in block and where not in _COMPARED:
        raise ConfigError(f"{where}.as_run: only {', '.join(_COMPARED)} have it; leave it out")
    shapes = tuple(
        at(f"{where}.latent_shapes[{index}]", parse_shape, text)
        for index, text in enumerate(block["latent_shapes"])
    )
    return _trained(where, block, settings, product(block["estimators"], shapes))


def _as_run(where: str, block: Mapping[str, Any], settings: Settings) -> Training:
    """The same of the estimators in `as_run`, at those latent shapes for which `settings` has a row."""
    shapes = {text: parse_shape(text) for text in block["latent_shapes"]}
    rows = {
        name: at(f"{where}.as_run[{index}]", settings.rows, name)
        for index, name in enumerate(block["as_run"])
    }
    places = [(name, shapes[text]) for name in rows for text in shapes if text in rows[name]]
    return _trained(where, block, settings, places)


def _trained(
    where: str, block: Mapping[str, Any], settings: Settings, places: Iterable[tuple[str, LatentShape]]
) -> Training:
    vary, draws = block.get("vary", {}), block["draws"]
    found = {
        (name, shape): at(where, lambda n, s=shape: settings.trainings(n, s, vary, draws), name)
        for name, shape in places
    }
    return Training(
        estimators=tuple(dict.fromkeys(name for name, _ in found)),
        latent_shapes=tuple(dict.fromkeys(shape for _, shape in found)),
        seeds=_seeds(block["seeds"]),
        **{key: block[key] for key in ("epochs", "batch_size", "draws")},
        hidden=_hidden(block, HIDDEN),
        settings=found,
    )


def _measured(
    where: str, block: Mapping[str, Any], shape: LatentShape, settings: Settings
) -> tuple[Measured, ...]:
    _check_names(where, block)
    vary = block.get("vary", {})
    return tuple(
        Measured(name, hyper)
        for name in block["estimators"]
        for hyper in at(where, lambda n: settings.hypers(n, shape, vary, block["draws"]), name)
    )


def _check_names(where: str, block: Mapping[str, Any]) -> None:
    for key in ("estimators", "as_run"):
        for index, name in enumerate(block.get(key, ())):
            at(f"{where}.{key}[{index}]", lookup, name)
    for name in block.get("vary", {}):
        if name != ANY:
            at(f"{where}.vary.{name}", lookup, name)


def _gradients(where: str, block: Mapping[str, Any], training: Training, settings: Settings) -> Gradients:
    if len(training.estimators) != 1 or len(training.latent_shapes) != 1:
        raise ConfigError(f"{where}.training: one estimator and one latent shape; got several")
    if len(next(iter(training.settings.values()))) != 1:
        raise ConfigError(f"{where}.training.vary: one value of each setting; got several")
    shape = training.latent_shapes[0]
    if shape.categories**shape.latents > _MAX_CODES:
        raise ConfigError(
            f"{where}.training.latent_shapes[0]: {shape} has more than {_MAX_CODES} codes to enumerate"
        )
    if training.epochs // block["every"] > _MAX_SNAPSHOTS:
        raise ConfigError(
            f"{where}.every: {block['every']} asks for more than {_MAX_SNAPSHOTS:,} snapshots in "
            f"training.epochs = {training.epochs}"
        )
    if (first := block["first"]) > training.epochs:
        raise ConfigError(f"{where}.first: must be at most training.epochs = {training.epochs}; got {first}")
    every = range(block["every"], training.epochs, block["every"])
    snapshots = {first, *(epoch for epoch in every if epoch > first), training.epochs}

    def selection(name: str) -> tuple[Measured, ...]:
        if name not in block:
            return ()
        return _measured(f"{where}.{name}", {**block[name], "draws": block["draws"]}, shape, settings)

    control = block.get("control", {})

    return Gradients(
        snapshots=tuple(sorted(snapshots)),
        **{key: block[key] for key in ("images", "samples", "draws", "resamples")},
        figure1=selection("figure1"),
        table1=selection("table1"),
        sweep=selection("sweep"),
        control_taus=tuple(control.get("tau", ())),
        control_etas=tuple(control.get("eta", ())),
        betas=tuple(block.get("betas", ())),
        random_images=block["random_images"],
    )


def _identities(block: Mapping[str, Any]) -> Identities:
    shapes = tuple(
        at(f"experiments.identities.shapes[{index}]", parse_shape, text)
        for index, text in enumerate(block["shapes"])
    )
    for shape in shapes:
        if shape.categories**shape.latents > _MAX_CODES:
            raise ConfigError(f"experiments.identities.shapes: {shape} has more than {_MAX_CODES} codes")
    return Identities(shapes, block["functions"], tuple(block["betas"]), tuple(block["taus"]))


def _cost(block: Mapping[str, Any], settings: Settings) -> Cost:
    shape = at("experiments.cost.latent_shape", parse_shape, block["latent_shape"])
    return Cost(
        estimators=_measured("experiments.cost", block, shape, settings),
        latent_shape=shape,
        **{key: block[key] for key in ("images", "rounds", "replicas")},
    )


def _relaxations(block: Mapping[str, Any]) -> Training:
    where = "experiments.relaxations.latents"
    settings = {}
    for name, own in block["latents"].items():
        shape, values = of_latents(where, name, own, block["learning_rate"])
        settings[name, shape] = values
    return Training(
        estimators=tuple(name for name, _ in settings),
        latent_shapes=tuple(dict.fromkeys(shape for _, shape in settings)),
        seeds=_seeds(block["seeds"]),
        **{key: block[key] for key in ("epochs", "batch_size")},
        draws=0,
        hidden=_hidden(block, RELAXED_HIDDEN),
        settings=settings,
    )


def _demonstration(experiment: Experiment, block: Mapping[str, Any]) -> Any:
    if experiment.check:
        experiment.check(block)
    return _frozen(experiment.spec, block)


def _rl(block: Mapping[str, Any]) -> Reinforcement:
    where = "experiments.rl"
    for name in block["environments"]:
        at(f"{where}.environments.{name}", rl.ENVIRONMENTS.lookup, name)
    for index, name in enumerate(block["algorithms"]):
        at(f"{where}.algorithms[{index}]", rl.lookup, name)
    if (last := max(block["checkpoints"])) > block["episodes"]:
        raise ConfigError(
            f"{where}.checkpoints: must be at most experiments.rl.episodes = {block['episodes']}; got {last}"
        )
    pairs = [[name, cap] for name, caps in block["environments"].items() for cap in caps]
    return _frozen(Reinforcement, {**block, "environments": pairs, "seeds": _seeds(block["seeds"])})


def _hidden(block: Mapping[str, Any], papers: tuple[int, ...]) -> tuple[int, ...]:
    units = tuple(block.get("hidden", ()))
    return () if units == papers else units


def _seeds(given: int | list[int]) -> tuple[int, ...]:
    """As many as are asked for, 0, 1, …, or those that are named; in whichever order, they are the same."""
    return tuple(range(given) if isinstance(given, int) else sorted(given))


def _frozen(kind: Callable[..., Spec], block: Mapping[str, Any]) -> Spec:
    """A specification whose fields are the block's keys, lists as tuples."""

    def tuples(value: Any) -> Any:
        return tuple(map(tuples, value)) if isinstance(value, list) else value

    return kind(**{key: tuples(value) for key, value in block.items()})
