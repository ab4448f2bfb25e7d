"""Types for blocks of a hand-written configuration.

A block is a frozen pydantic dataclass with one field per key, made with `config=BLOCK`, and is read
by `reading`. Values keep the types that YAML gave them because settings are hashed: text is never
converted to a number, nor 1 to 1.0.
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
_typed_dict: Any = TypedDict  # type checkers require literal keys


def mapping(name: str, keys: Mapping[str, Any], required: bool = True) -> Any:
    """Make the type of a mapping with these keys, for a block whose keys come from a catalogue."""
    made = _typed_dict(name, dict(keys), total=required)
    made.__pydantic_config__ = BLOCK
    return made


def known(check: Callable[[str], object]) -> AfterValidator:
    """Return a validator of text that rejects it if `check` raises a ConfigError."""

    def kept(text: str) -> str:
        check(text)
        return text

    return AfterValidator(_told(kept))


def given(kind: Any, make: Callable[[Any], Any]) -> GetPydanticSchema:
    """Annotate a field that is `kind` in files and converted by `make`.

    Python code passes the converted value.
    """
    return GetPydanticSchema(
        lambda source, schema: core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(_told(make), schema(kind)), schema(source)
        )
    )


def _told(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Convert a ConfigError of `check` to a ValueError, which pydantic collects."""

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
    """Return the seeds 0, 1, … if their number is given, otherwise the listed ones, sorted."""
    return tuple(range(asked) if isinstance(asked, int) else sorted(asked))


AS_GIVEN = WrapValidator(_unchanged)
FINITE = Field(allow_inf_nan=False)
Number = Annotated[float, FINITE, AS_GIVEN]
Positive = Annotated[float, Field(gt=0), FINITE, AS_GIVEN]
Rate = Annotated[float, Field(gt=0, le=1), FINITE, AS_GIVEN]
Share = Annotated[float, Field(ge=0, le=1), FINITE, AS_GIVEN]
Text = Annotated[str, Field(min_length=1)]
# Error messages for patterns.
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
    """Return `Several` of a type that is determined at run time."""
    return Several[kind]


Seeds = Annotated[
    tuple[int, ...],
    given(Annotated[int, Field(ge=1, le=10_000)] | Several[Annotated[int, Field(ge=0)]], _seeds),
]
Shape = Annotated[LatentShape, given(str, parse_shape)]
Enumerable = Annotated[LatentShape, given(str, parse_enumerable)]
