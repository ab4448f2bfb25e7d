"""Blocks of a configuration that people write by hand: what a key may hold.

A block is a frozen dataclass of pydantic's with a field a key, made with `config=BLOCK`; `reading`
reads it.
What is read stays as YAML gave it, because settings are hashed: no field makes a number of text, or
    1.0 of 1.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, GetPydanticSchema, WrapValidator
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import TypedDict

from reinrelax.core.types import LatentShape, parse_enumerable, parse_shape
from reinrelax.errors import ConfigError

BLOCK = ConfigDict(extra="forbid", strict=True, regex_engine="python-re", defer_build=True)
Kind = TypeVar("Kind")
_typed_dict: Any = TypedDict  # a type checker wants its keys to be written out


def mapping(name: str, keys: Mapping[str, Any], required: bool = True) -> Any:
    """A mapping of these keys to what they may hold, for a block whose keys a catalogue says."""
    made = _typed_dict(name, dict(keys), total=required)
    made.__pydantic_config__ = BLOCK
    return made


def known(check: Callable[[str], object]) -> AfterValidator:
    """Of text: that `check` raises no ConfigError of it."""

    def kept(text: str) -> str:
        check(text)
        return text

    return AfterValidator(_told(kept))


def given(kind: Any, make: Callable[[Any], Any]) -> GetPydanticSchema:
    """Of a field: what a file has in its place, and what is made of that. Source gives what is
    made.
    """
    return GetPydanticSchema(
        lambda source, schema: core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(_told(make), schema(kind)), schema(source)
        )
    )


def _told(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same with errors as pydantic collects them."""

    def run(value: Any) -> Any:
        try:
            return check(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None

    return run


def _unchanged(value: Any, check: Callable[[Any], object]) -> Any:
    check(value)
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("twice", "must not have a value twice")
    return values


def _seeds(asked: int | tuple[int, ...]) -> tuple[int, ...]:
    """As many as are asked for, 0, 1, …, or those that are named; in whichever order, they are the
    same.
    """
    return tuple(range(asked) if isinstance(asked, int) else sorted(asked))


AS_GIVEN = WrapValidator(_unchanged)
FINITE = Field(allow_inf_nan=False)
Number = Annotated[float, FINITE, AS_GIVEN]
Positive = Annotated[float, Field(gt=0), FINITE, AS_GIVEN]
Rate = Annotated[float, Field(gt=0, le=1), FINITE, AS_GIVEN]
Share = Annotated[float, Field(ge=0, le=1), FINITE, AS_GIVEN]
Text = Annotated[str, Field(min_length=1)]
# Patterns, in words.
LIKE = {
    (_NAME := r"^[a-z0-9][a-z0-9-]{0,39}$"): "must be a name of a-z, 0-9 and -, at most 40 long",
    (_PATH := r"^(?!-)(?!.*[^/]{64})[^{}]{1,200}$"): (
        "must be a path of at most 200 characters, 63 between slashes, that does not begin with -"
        " and has no braces"
    ),
}
Name = Annotated[str, Field(pattern=_NAME)]
Path = Annotated[str, Field(pattern=_PATH)]
One = Annotated[tuple[Kind, ...], Field(min_length=1, max_length=1)]
Some = Annotated[tuple[Kind, ...], Field(min_length=1, max_length=100)]
_UNIQUE = Field(max_length=10_000, json_schema_extra={"uniqueItems": True})
Distinct = Annotated[tuple[Kind, ...], _UNIQUE, AfterValidator(_distinct)]
Several = Annotated[tuple[Kind, ...], Field(min_length=1), _UNIQUE, AfterValidator(_distinct)]


def several(kind: Any) -> Any:
    """`Several` of a type that is found out."""
    return Several[kind]


Seeds = Annotated[
    tuple[int, ...],
    given(Annotated[int, Field(ge=1, le=10_000)] | Several[Annotated[int, Field(ge=0)]], _seeds),
]
Shape = Annotated[LatentShape, given(str, parse_shape)]
Enumerable = Annotated[LatentShape, given(str, parse_enumerable)]
