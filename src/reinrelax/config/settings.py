"""Settings of estimators: Table 5's rows, what the configuration puts over them, and the values it varies."""

import csv
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reinrelax import latents
from reinrelax.config.specs import Hyper, Setting
from reinrelax.core.types import LatentShape
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.latents import hyperparameters as latent_hyperparameters

OPTIMIZERS = ("Adam", "RAdam")
OPTIMIZER_KEYS = ("optimizer", "learning_rate")
ANY = "any"
# Outputs of an encoder, C times L: weights and moments of 65,536 take 270 MB a replica.
_MAX_OUTPUTS = 1 << 16
_MAX_COMBINATIONS = 20_000
# Estimator, or `any`, to the values that each setting takes in turn.
Vary = Mapping[str, Mapping[str, Sequence[Any]]]


class Settings:
    """Where an estimator's settings come from, later ones over earlier ones: the table's row for its latent
    shape, `given` for any shape, `given` for this one. A variant without a row takes that of the estimator it
    is a reading of.

    Args:
        key: of the configuration, that names the table.
        table: path of a CSV with the columns estimator, latent, optimizer, learning_rate, temperature, eta.
        given: estimator to `any` or a latent shape to setting to value.

    Raises:
        ConfigError: the table cannot be read; an unknown estimator or latent shape in `given`.
    """

    def __init__(self, key: str, table: Path, given: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        for name, by_shape in given.items():
            at(f"settings.{name}", lookup, name)
            for shape in by_shape:
                if shape != ANY:
                    at(f"settings.{name}.{shape}", parse_shape, shape)
        self._key, self._table, self._given = key, _read_table(key, table), given

    def rows(self, name: str) -> tuple[str, ...]:
        """The latent shapes for which the table has a row of this estimator.

        Raises:
            ConfigError: it has none.
        """
        found = tuple(shape for estimator, shape in self._table if estimator == name)
        if not found:
            known = ", ".join(dict.fromkeys(estimator for estimator, _ in self._table))
            raise ConfigError(f"{self._key} has no row of {name!r}; it has rows of {known}")
        return found

    def trainings(self, name: str, shape: LatentShape, vary: Vary, draws: int) -> tuple[Setting, ...]:
        """One setting for each combination of the values that `vary` has for this estimator.

        Raises:
            ConfigError: names the setting that is missing, unknown or out of range.
        """
        return tuple(
            Setting(
                values.pop("optimizer"), float(values.pop("learning_rate")), tuple(sorted(values.items()))
            )
            for values in self._points(name, shape, vary, draws, OPTIMIZER_KEYS)
        )

    def hypers(self, name: str, shape: LatentShape, vary: Vary, draws: int) -> tuple[Hyper, ...]:
        """The same for an estimator that is measured, not trained with: hyper-parameters alone.

        Raises:
            ConfigError: as `trainings`.
        """
        points = self._points(name, shape, vary, draws, ())
        return tuple(tuple(sorted(values.items())) for values in points)

    def _points(
        self, name: str, shape: LatentShape, vary: Vary, draws: int, beside: tuple[str, ...]
    ) -> Iterator[dict[str, Any]]:
        taken = lookup(name).hyperparameters
        needed = {*beside, *taken}
        general = {key: values for key, values in vary.get(ANY, {}).items() if key in needed}
        varied = {**general, **vary.get(name, {})}
        base = self._base(name, shape)
        if "draws" in taken:
            base["draws"] = draws
        if not beside:
            base = {key: value for key, value in base.items() if key not in OPTIMIZER_KEYS}
        for combination in _combinations(f"vary.{name}", varied):
            values = {**base, **dict(zip(varied, combination, strict=True))}
            _check(f"settings.{name}.{shape}", self._key, name, values, needed)
            yield values

    def _base(self, name: str, shape: LatentShape) -> dict[str, Any]:
        row, variant_of = self._table.get((name, str(shape)), {}), lookup(name).variant_of
        if variant_of and not row:
            taken = (*OPTIMIZER_KEYS, *lookup(name).hyperparameters)
            base = self._base(variant_of, shape)
            row = {key: value for key, value in base.items() if key in taken}
        given = self._given.get(name, {})
        return {**row, **given.get(ANY, {}), **given.get(str(shape), {})}


def of_latents(
    where: str, name: str, block: Mapping[str, Any], learning_rate: float
) -> tuple[LatentShape, tuple[Setting, ...]]:
    """Paper A's latent variables of this name: their shape, and a setting for each combination of values.

    Args:
        where: the block's key.
        block: `latent_shape`, and each hyper-parameter as a value or a list of them.
        learning_rate: of Adam.

    Raises:
        ConfigError: names what is missing, unknown or out of range.
    """
    entry = at(where, latents.lookup, name)
    where = f"{where}.{name}"
    shape: LatentShape = at(f"{where}.latent_shape", parse_shape, block["latent_shape"])
    if entry.binary != (shape.categories == 2):
        wanted = "2 categories, such as 2x20" if entry.binary else "more than 2 categories, such as 10x20"
        raise ConfigError(f"{where}.latent_shape: {name} takes {wanted}; got {shape}")
    values = {
        key: value if isinstance(value, list) else [value]
        for key, value in sorted(block.items())
        if key != "latent_shape"
    }
    for key in sorted({*values, *entry.hyperparameters}):
        if key not in entry.hyperparameters:
            takes = ", ".join(("latent_shape", *entry.hyperparameters))
            raise ConfigError(f"{where}.{key}: {name} does not take it; it takes {takes}")
        if key not in values:
            raise ConfigError(f"{where}: missing {key}")
        if not values[key] or any(value in values[key][:index] for index, value in enumerate(values[key])):
            raise ConfigError(
                f"{where}.{key}: must be one value or several different ones; got {values[key]}"
            )
        for value in values[key]:
            if problem := latent_hyperparameters.HYPERPARAMETERS[key].check(value):
                raise ConfigError(f"{where}.{key}: {problem}")
    return shape, tuple(
        Setting("Adam", learning_rate, tuple(zip(values, combination, strict=True)))
        for combination in _combinations(where, values)
    )


def parse_shape(text: str) -> LatentShape:
    """`LatentShape.parse`, of what a computer can hold.

    Raises:
        ConfigError: no latent shape, or too large a one.
    """
    shape = LatentShape.parse(text if len(text) < 20 else f"{text[:17]}…")
    if shape.categories * shape.latents > _MAX_OUTPUTS:
        raise ConfigError(f"latent shape {text!r} is too large: C times L must be at most {_MAX_OUTPUTS:,}")
    return shape


def at(key: str, check: Any, value: Any) -> Any:
    """`check(value)`, whose error is put down to `key`."""
    try:
        return check(value)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def _combinations(where: str, values: Mapping[str, Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """One value of each."""
    if (count := math.prod(map(len, values.values()))) > _MAX_COMBINATIONS:
        raise ConfigError(
            f"{where}: the values of {', '.join(values)} make {count:,} combinations; at most "
            f"{_MAX_COMBINATIONS:,} are allowed"
        )
    return itertools.product(*values.values())


def _check(where: str, key: str, name: str, values: Mapping[str, Any], needed: set[str]) -> None:
    if missing := sorted(needed - set(values)):
        raise ConfigError(
            f"{where}: {', '.join(missing)} neither in {key} nor here; add it, "
            f"for this latent shape or for all under settings.{name}.any, or under vary"
        )
    if unknown := sorted(set(values) - needed):
        raise ConfigError(
            f"{where}.{unknown[0]}: {name} does not take it; it takes {', '.join(sorted(needed))}"
        )
    if values.get("optimizer", OPTIMIZERS[0]) not in OPTIMIZERS:
        raise ConfigError(
            f"{where}.optimizer: must be one of {', '.join(OPTIMIZERS)}; got {values['optimizer']!r}"
        )
    if not 0 < values.get("learning_rate", 1) <= 1:
        raise ConfigError(f"{where}.learning_rate: must be > 0 and <= 1; got {values['learning_rate']!r}")
    for hyper in sorted(needed - set(OPTIMIZER_KEYS)):
        if problem := HYPERPARAMETERS[hyper].check(values[hyper]):
            raise ConfigError(f"{where}.{hyper}: {problem}")


def _read_table(key: str, path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    columns = {"optimizer": str, "learning_rate": float, "temperature": float, "eta": float}
    names = {"temperature": "tau"}
    try:
        if not path.is_file():  # a device or a pipe might never end
            raise FileNotFoundError("no such file")
        with path.open(encoding="utf-8", newline="") as file:
            return {
                (row["estimator"], row["latent"]): {
                    names.get(name, name): kind(row[name]) for name, kind in columns.items() if row[name]
                }
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise ConfigError(
            f"{key}: {path} is not a readable table with the columns estimator, latent, "
            f"{', '.join(columns)}: {error!r}"
        ) from None
