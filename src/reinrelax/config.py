"""Configuration: a nested mapping in, frozen and checked objects out, before any job starts."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.types import LatentShape

SCHEMA = Path("workflow/schemas/config.schema.yaml")


@dataclass(frozen=True)
class Dataset:
    """Which images, and what to do without them."""

    name: str
    root: str
    when_missing: str
    train_images: int | None
    test_images: int | None


@dataclass(frozen=True)
class Machine:
    """How jobs use the machine; nothing here changes a result beyond rounding."""

    device: str
    threads: int
    max_replicas_per_job: int
    jobs_per_gpu: int
    checkpoint_every_epochs: int


@dataclass(frozen=True)
class VaeExperiment:
    """A grid of discrete VAE trainings: estimators × latent shapes × seeds."""

    estimators: tuple[str, ...]
    latent_shapes: tuple[LatentShape, ...]
    seeds: int
    epochs: int
    batch_size: int
    draws: int


@dataclass(frozen=True)
class Setting:
    """What Table 5 says of one estimator on one latent shape."""

    optimizer: str
    learning_rate: float
    hyper: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Config:
    """The whole configuration.

    Attributes:
        raw: the mapping it was made from, for the record.
    """

    scale: str
    results: Path
    dataset: Dataset
    machine: Machine
    elbo: VaeExperiment
    settings: Mapping[tuple[str, LatentShape], Setting]
    raw: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where this scale's results lie."""
        return self.results / self.scale


def load(raw: Mapping[str, Any], root: Path = Path()) -> Config:
    """Check a configuration and freeze it.

    Args:
        raw: nested mapping, as YAML gives it.
        root: the project's folder.

    Raises:
        ConfigError: names each offending key, what came and what is allowed.
    """
    schema = read_yaml(root / SCHEMA)
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(raw),
        key=lambda e: [str(p) for p in e.absolute_path],
    )
    if errors:
        raise ConfigError("\n".join(_explain(error) for error in errors[:10]))
    elbo = raw["experiments"]["elbo"]
    for index, name in enumerate(elbo["estimators"]):
        _at(f"experiments.elbo.estimators[{index}]", lookup, name)
    shapes = tuple(
        _at(f"experiments.elbo.latent_shapes[{index}]", LatentShape.parse, text)
        for index, text in enumerate(elbo["latent_shapes"])
    )
    experiment = VaeExperiment(**{**elbo, "estimators": tuple(elbo["estimators"]), "latent_shapes": shapes})
    images = raw["dataset"]["train_images"]
    if images is not None and experiment.batch_size > images:
        raise ConfigError(
            f"experiments.elbo.batch_size: must be at most dataset.train_images = {images}; "
            f"got {experiment.batch_size}"
        )
    return Config(
        scale=raw["scale"],
        results=Path(raw["results"]),
        dataset=Dataset(**raw["dataset"]),
        machine=Machine(**raw["machine"]),
        elbo=experiment,
        settings=_settings(raw, experiment, root),
        raw=raw,
    )


def read_yaml(path: Path) -> Any:
    """A YAML file's content.

    Raises:
        ConfigError: the file is missing, not UTF-8 or not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; run from the project's folder") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not readable as UTF-8 YAML: {error}") from None


def _settings(
    raw: Mapping[str, Any], experiment: VaeExperiment, root: Path
) -> dict[tuple[str, LatentShape], Setting]:
    """Settings of each estimator and latent shape: those of the table, with `settings` over them."""
    for name, by_shape in raw["settings"].items():
        _at(f"settings.{name}", lookup, name)
        for shape in by_shape:
            if shape != "any":
                _at(f"settings.{name}.{shape}", LatentShape.parse, shape)
    table = _read_table(root / raw["settings_table"])
    out = {}
    for name in experiment.estimators:
        for shape in experiment.latent_shapes:
            given = raw["settings"].get(name, {})
            values = {
                **table.get((name, str(shape)), {}),
                **given.get("any", {}),
                **given.get(str(shape), {}),
            }
            out[name, shape] = _setting(name, shape, values, experiment.draws)
    return out


def _setting(name: str, shape: LatentShape, values: Mapping[str, Any], draws: int) -> Setting:
    values = dict(values)
    taken = lookup(name).hyperparameters
    if "draws" in taken:
        values["draws"] = draws
    where = f"settings.{name}.{shape}"
    needed = {"optimizer", "learning_rate", *taken}
    if missing := sorted(needed - set(values)):
        raise ConfigError(
            f"{where}: {', '.join(missing)} neither in settings_table nor here; add it, "
            f"for this latent shape or for all under settings.{name}.any"
        )
    if unknown := sorted(set(values) - needed):
        raise ConfigError(
            f"{where}.{unknown[0]}: {name} does not take it; it takes {', '.join(sorted(needed))}"
        )
    for key in taken:
        if problem := HYPERPARAMETERS[key].check(values[key]):
            raise ConfigError(f"{where}.{key}: {problem}")
    hyper = tuple((key, values[key]) for key in taken)
    return Setting(values["optimizer"], float(values["learning_rate"]), hyper)


def _read_table(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    columns = {"optimizer": str, "learning_rate": float, "temperature": float, "eta": float}
    names = {"temperature": "tau"}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {
                (row["estimator"], row["latent"]): {
                    names.get(key, key): kind(row[key]) for key, kind in columns.items() if row[key]
                }
                for row in csv.DictReader(file)
            }
    except (OSError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise ConfigError(
            f"settings_table: {path} is not a readable table with the columns estimator, latent, "
            f"{', '.join(columns)}: {error!r}"
        ) from None


def _at(key: str, check: Any, value: Any) -> Any:
    try:
        return check(value)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def _explain(error: jsonschema.ValidationError) -> str:
    """One line: key, what is allowed, what came."""
    key = ".".join(str(p) for p in error.absolute_path) or "configuration"
    came = (
        f"got {error.instance!r}"
        if len(repr(error.instance)) < 80
        else f"got a {type(error.instance).__name__}"
    )
    rule = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            unknown = [k for k in error.instance if k not in known]
            return f"{key}: unknown key {', '.join(map(repr, unknown))}; allowed: {', '.join(known)}"
        case "required":
            missing = [k for k in rule if k not in error.instance]
            return f"{key}: missing {', '.join(missing)}"
        case "enum":
            return f"{key}: must be one of {', '.join(map(str, rule))}; {came}"
        case "type":
            kinds = [rule] if isinstance(rule, str) else rule
            return f"{key}: must be of type {' or '.join(kinds)}; {came}"
        case "minimum" | "maximum" | "exclusiveMinimum":
            sign = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">"}[error.validator]
            return f"{key}: must be {sign} {rule}; {came}"
        case "pattern":
            return f"{key}: must be {error.schema.get('description', f'like {rule}')}; {came}"
        case _:
            return f"{key}: {error.message}"
