"""The reference of judging functions in docs/claims.md, for authors of claims.

`python -m reinrelax.claims.guide` writes the section “The functions”. The text above it is written
by hand.
"""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reinrelax.claims import FUNCTIONS
from reinrelax.core.yaml_file import read_yaml

PAGE = Path("docs/claims.md")
LINE = "## The functions\n"


def functions(root: Path) -> str:
    """Return a section per judging function: its docstring, its keys and its shortest claim.

    Args:
        root: the project's folder, whose claims are the examples.
    """
    examples: dict[str, str] = {}
    for path in sorted((root / "report/claims").glob("*.yaml")):
        for entry in read_yaml(path)["claims"]:
            text = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=100)
            examples[entry["judge"]] = min(examples.get(entry["judge"], text), text, key=len)
    return LINE + "".join(line for name in FUNCTIONS for line in _function(name, examples))


def _function(name: str, examples: Mapping[str, str]) -> Iterator[str]:
    function, schema = FUNCTIONS[name]
    yield f"\n### `{name}`\n\n{inspect.getdoc(function)}\n\n"
    yield from (f"- {what}: {_listed(keys)}\n" for what, keys in _keys(schema).items() if keys)
    if name in examples:
        yield f"\n```yaml\n{examples[name]}```\n"


def _keys(schema: Any) -> dict[str, Any]:
    return {
        "judges": schema.subjects,
        "requires": schema.required,
        "takes": schema.optional,
        "rule of the file, required": schema.rule,
        "rule of the file, for claims that set none of these": schema.tuning,
    }


def _listed(keys: Any) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def write(root: Path) -> None:
    """Rewrite the functions section of the page."""
    path = root / PAGE
    path.write_text(path.read_text("utf-8").partition(LINE)[0] + functions(root), encoding="utf-8")


if __name__ == "__main__":
    write(Path())
