"""Reads a block of a configuration, and says in words what is wrong with one."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from reinrelax.core.block import LIKE
from reinrelax.errors import ConfigError

_MOST_MISTAKES = 10
# Pydantic's words, and this project's.
_WORDS = {
    r"^\w+ should": "must",
    r"be a valid ": "be of type ",
    r"be an object": "be of type object",
    r"greater than or equal to": ">=",
    r"less than or equal to": "<=",
    r"greater than": ">",
    r" after validation": "",
}
# Of its kinds, those that say one thing of blocks, and of mappings.
_KINDS = {"unexpected_keyword_argument": "unknown", "extra_forbidden": "unknown"}
_OF_KEYS = ("missing", "unknown")
Place = tuple[str | int, ...]


def read(kind: Any, document: Any, where: str = "") -> Any:
    """A document of mappings, lists and plain values as what it is to be: a block or another type.

    Raises:
        ConfigError: names the first ten keys that will not do, below `where`, what came and what is
            allowed.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        # To pydantic, lists are no tuples and mappings no blocks, unless they are JSON's.
        return adapter.validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        found, schema = _by_place(error, document), adapter.json_schema()
        lines = [
            _line(where, place, _in_words(kind, several, _described(schema, place)))
            for (place, kind), several in found.items()
            if not _follows(place, kind, found)
        ]
        raise ConfigError("\n".join(lines[:_MOST_MISTAKES])) from None


def _by_place(error: ValidationError, document: Any) -> dict[tuple[Place, str], list[ErrorDetails]]:
    """Mistakes of each kind at each place of the document; locations of pydantic name
    types, too.
    """
    found: dict[tuple[Place, str], list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        kind = _KINDS.get(one["type"], "type" if one["type"].endswith("_type") else one["type"])
        place, below = [], document
        for part in one["loc"][: -1 if kind in _OF_KEYS else None]:
            with suppress(KeyError, IndexError, TypeError):
                below = below[part]
                place.append(part)
        found.setdefault((tuple(place), kind), []).append(one)
    return found


def _follows(place: Place, kind: str, found: Collection[tuple[Place, str]]) -> bool:
    """Whether another mistake says it all: that of the type that is meant, or of an entry of the
    list.
    """
    return kind in ("type", "too_short") and any(
        there[: len(place)] == place and (len(there) > len(place) or kind == "type" != other)
        for there, other in found
    )


def _described(schema: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """What the JSON schema says of a place, not in a list."""

    def meant(node: Mapping[str, Any]) -> Mapping[str, Any]:
        first = node.get("anyOf", [node])[0]  # before null
        return meant(schema["$defs"][first["$ref"].rsplit("/", 1)[1]]) if "$ref" in first else node

    node = meant(schema)
    for part in place:
        node = meant(node.get("properties", {}).get(part) or node.get("additionalProperties") or {})
    return node


def _in_words(kind: str, found: Sequence[ErrorDetails], described: Mapping[str, Any]) -> str:
    value, context = found[0]["input"], found[0].get("ctx", {})
    names = [str(one["loc"][-1]) for one in found if one["loc"]]
    if kind == "missing":
        return f"missing {', '.join(names)}"
    if kind == "unknown":
        known = sorted(described.get("properties", {}))
        near = {
            name: f" (meant: {one}?)"
            for name in names
            for one in get_close_matches(name, known, 1, 0.75)
        }
        unknown = ", ".join(f"{name!r}{near.get(name, '')}" for name in names)
        return f"unknown key {unknown}; allowed: {', '.join(known)}"
    if kind == "value_error":
        return str(context["error"])
    said = [LIKE.get(context.get("pattern", ""), one["msg"]) for one in found]
    for theirs, ours in _WORDS.items():
        said = [re.sub(theirs, ours, text) for text in said]
    options = [
        text.removeprefix("must be of type ") if index else text for index, text in enumerate(said)
    ]
    options += ["null"] * ({"type": "null"} in described.get("anyOf", ()))
    came = f"{value!r}" if len(repr(value)) < 80 else f"a {type(value).__name__}"
    return f"{' or '.join(options)}; got {came}"


def _line(where: str, place: Place, said: str) -> str:
    """What is said of a block may begin with the key in it that is meant: `.first: …`."""
    key = (
        where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    ).lstrip(".")
    return (
        f"{key}{said}".lstrip(".") if said.startswith(".") else f"{key or 'configuration'}: {said}"
    )
