"""The JSON schema of the configuration, with which editors check, complete and explain it."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from reinrelax.config.blocks import Configuration
from reinrelax.core import files

FILE = Path("workflow/schemas/config.schema.yaml")
_HEAD = "# Generated from the blocks in src/reinrelax by `make format`.\n"


def text() -> str:
    """Return the text of the schema file."""
    # The round trip through JSON removes shared objects, which YAML would write as aliases.
    found = json.loads(json.dumps(TypeAdapter(Configuration).json_schema()))
    return _HEAD + yaml.safe_dump(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **_untitled(found)},
        sort_keys=False,
        allow_unicode=True,
        width=110,
    )


def _untitled(node: Any) -> Any:
    """Remove the titles that pydantic derives from names."""
    if isinstance(node, dict):
        return {key: _untitled(value) for key, value in node.items() if key != "title"}
    return [_untitled(value) for value in node] if isinstance(node, list) else node


if __name__ == "__main__":
    files.write_text(FILE, text())
