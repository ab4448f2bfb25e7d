"""Reads a block of a configuration and describes its mistakes."""

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
# Replacements for pydantic's wording.
_WORDS = {
    r"^\w+ should": "must",
    r"be a valid ": "be of type ",
    r"be an object": "be of type object",
    r"greater than or equal to": ">=",
    r"less than or equal to": "<=",
    r"greater than": ">",
    r" after validation": "",
}
# Error types of pydantic that mean the same for blocks and for mappings.
_KINDS = {"unexpected_keyword_argument": "unknown", "extra_forbidden": "unknown"}
_OF_KEYS = ("missing", "unknown")
Place = tuple[str | int, ...]


def read(kind: Any, document: Any, where: str = "") -> Any:
    """Validate a document of mappings, lists and plain values as a block or another type.

    Raises:
        ConfigError: names up to ten invalid keys below `where`, with their values and the allowed
            ones.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        # Strict validation accepts lists as tuples and mappings as blocks only in JSON.
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
    """Group mistakes by place in the document and by kind.

    Pydantic's locations also contain names of types, which are omitted.
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
    """Check whether another mistake explains this one.

    This is a mistake at an entry below this place, or of another kind at the same place.
    """
    return kind in ("type", "too_short") and any(
        there[: len(place)] == place and (len(there) > len(place) or kind == "type" != other)
        for there, other in found
    )


def _described(schema: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """Return the JSON schema of a place that is not in a list."""

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
    """Format a mistake; `said` may begin with a key within the block, such as `.first: …`."""
    key = (
        where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    ).lstrip(".")
    return (
        f"{key}{said}".lstrip(".") if said.startswith(".") else f"{key or 'configuration'}: {said}"
    )
