"""Types of the configuration's keys that select estimators and their settings."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import AS_GIVEN, BLOCK, FINITE, Rate, Several, known, mapping, several
from reinrelax.core.types import parse_shape
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS, Hyperparameter

# Stands for all estimators or all latent shapes.
ANY = "any"
Name = Annotated[str, known(lookup)]


def _rule(entry: Hyperparameter) -> Any:
    names = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum"}
    limits: dict[str, Any] = {name: entry.schema.get(key) for name, key in names.items()}
    return Field(description=entry.meaning, **limits)


def value_of(entry: Hyperparameter) -> Any:
    """Return the type of a hyper-parameter's value."""
    rule = _rule(entry)
    return Annotated[int, rule] if entry.integer else Annotated[float, rule, FINITE, AS_GIVEN]


Draws = Annotated[int, _rule(HYPERPARAMETERS["draws"])]

_VALUES = {
    "optimizer": Annotated[
        Literal["Adam", "RAdam"], Field(description="optimizer of the training")
    ],
    "learning_rate": Annotated[Rate, Field(description="learning rate of the optimizer")],
    # The number of draws is a key of the experiment.
    **{name: value_of(entry) for name, entry in HYPERPARAMETERS.items() if name != "draws"},
}
Values: Any = mapping("Values", _VALUES, required=False)
_Varied: Any = mapping(
    "Varied", {name: several(kind) for name, kind in _VALUES.items()}, required=False
)


def _or_any(check: Any) -> Any:
    def either(text: str) -> None:
        try:
            if text != ANY:
                check(text)
        except ConfigError as error:
            raise ConfigError(f"{error}; or {ANY!r}, for all of them") from None

    return known(either)


# Settings per estimator, for any latent shape or for one.
Given = Mapping[Name, Mapping[Annotated[str, _or_any(parse_shape)], Values]]
# Lists of values to vary, per estimator or for any estimator that has the setting.
Vary = Mapping[Annotated[str, _or_any(lookup)], _Varied]


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Selection:
    """Estimators, and settings that differ from those in `settings`."""

    estimators: Several[Name] = Field(description="names in the catalogue of estimators")
    vary: Vary = Field(
        default_factory=dict,
        description="lists of values per setting, each of which is used in turn",
    )
