"""The settings of estimators, from Table 5 and the configuration, and the values to vary."""

import csv
import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from reinrelax.config.specs import Hyper, Setting
from reinrelax.core.reading import read
from reinrelax.core.types import LatentShape
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup
from reinrelax.estimators.asked import ANY, Given, Values, Vary
from reinrelax.experiments.relaxed_vae.experiment import Relaxations

OPTIMIZER_KEYS = ("optimizer", "learning_rate")
_MAX_COMBINATIONS = 20_000


class Settings:
    """The settings of estimators by latent shape.

    Later sources take precedence over earlier ones: the table's row for the latent shape, `given`
    for any shape, `given` for this one. A variant without a row uses that of the estimator it is a
    variant of.

    Args:
        key: the key of the configuration that names the table.
        table: path of a CSV with the columns estimator, latent, optimizer, learning_rate,
            temperature, eta.
        given: nested mapping from estimator to `any` or a latent shape to setting to value.

    Raises:
        ConfigError: the table cannot be read, or a value in it is invalid.
    """

    def __init__(self, key: str, table: Path, given: Given) -> None:
        self._key, self._table, self._given = key, _read_table(key, table), given

    def rows(self, name: str) -> tuple[str, ...]:
        """Return the latent shapes for which the table has a row of this estimator.

        Raises:
            ConfigError: the table has no row of this estimator.
        """
        if name not in self._table:
            raise ConfigError(
                f"{self._key} has no row for {name!r}; it has rows for {', '.join(self._table)}"
            )
        return tuple(self._table[name])

    def trainings(
        self, name: str, shape: LatentShape, vary: Vary, draws: int
    ) -> tuple[Setting, ...]:
        """Return one setting for each combination of values in `vary` for this estimator.

        Raises:
            ConfigError: a setting is missing or not supported; the message names it.
        """
        return tuple(
            Setting(
                values.pop("optimizer"),
                float(values.pop("learning_rate")),
                tuple(sorted(values.items())),
            )
            for values in self._points(name, shape, vary, draws, OPTIMIZER_KEYS)
        )

    def hypers(self, name: str, shape: LatentShape, vary: Vary, draws: int) -> tuple[Hyper, ...]:
        """Return the hyper-parameters for an estimator that is measured instead of trained with.

        Raises:
            ConfigError: as for `trainings`.
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
        _check(f"settings.{name}.{shape}", self._key, name, {**base, **varied}, needed)
        for combination in _combinations(f"vary.{name}", varied):
            yield {**base, **dict(zip(varied, combination, strict=True))}

    def _base(self, name: str, shape: LatentShape) -> dict[str, Any]:
        row, variant_of = self._table.get(name, {}).get(str(shape), {}), lookup(name).variant_of
        if variant_of and not row:
            taken = (*OPTIMIZER_KEYS, *lookup(name).hyperparameters)
            base = self._base(variant_of, shape)
            row = {key: value for key, value in base.items() if key in taken}
        given = self._given.get(name, {})
        return {**row, **given.get(ANY, {}), **given.get(str(shape), {})}


def of_latents(where: str, own: Mapping[str, Any], block: Relaxations) -> tuple[Setting, ...]:
    """Return one setting for each combination of values in the block of the latent variables.

    Raises:
        ConfigError: there are too many combinations.
    """
    values = {
        key: value if isinstance(value, tuple) else (value,) for key, value in sorted(own.items())
    }
    del values["latent_shape"]
    return tuple(
        Setting("Adam", block.learning_rate, tuple(zip(values, combination, strict=True)))
        for combination in _combinations(where, values)
    )


def at(key: str, check: Any, value: Any) -> Any:
    """Return `check(value)`; prefix its error with `key`."""
    try:
        return check(value)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def _combinations(where: str, values: Mapping[str, Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield all combinations of one value per setting."""
    if (count := math.prod(map(len, values.values()))) > _MAX_COMBINATIONS:
        raise ConfigError(
            f"{where}: the values of {', '.join(values)} make {count:,} combinations; at most "
            f"{_MAX_COMBINATIONS:,} are allowed"
        )
    return itertools.product(*values.values())


def _check(where: str, key: str, name: str, found: Collection[str], needed: set[str]) -> None:
    if missing := sorted(needed - set(found)):
        raise ConfigError(
            f"{where}: {', '.join(missing)} missing in {key} and here; add it for this latent"
            f" shape, for all of them under settings.{name}.any, or under vary"
        )
    if unknown := sorted(set(found) - needed):
        raise ConfigError(
            f"{where}.{unknown[0]}: {name} does not take it; it takes {', '.join(sorted(needed))}"
        )


def _read_table(key: str, path: Path) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Read the table as a nested mapping from estimator to latent shape to setting to value."""
    columns = {"optimizer": str, "learning_rate": float, "temperature": float, "eta": float}
    names = {"temperature": "tau"}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    try:
        if not path.is_file():  # a device or a pipe might never end
            raise FileNotFoundError("no such file")
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["estimator"], {})[row["latent"]] = {
                    names.get(name, name): kind(row[name])
                    for name, kind in columns.items()
                    if row[name]
                }
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise ConfigError(
            f"{key}: {path} is not a readable table with the columns estimator, latent, "
            f"{', '.join(columns)}: {error!r}"
        ) from None
    return cast(Mapping[str, Any], read(Mapping[str, Mapping[str, Values]], found, key))
