"""The rules that verdicts depend on: claims, findings, errata and the papers' numbers, as written.

The name of a rule is the id of a claim's entry, `finding` or `erratum` with an id, or the path of a
table.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reinrelax.claims import SCHEMAS
from reinrelax.claims.read import said

# Folders and files that contain rules.
PLACES = ("report/claims", "report/errata", "report/findings.yaml", "report/reference")
# LibYAML's loader, available if PyYAML was built with it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KINDS = {"findings.yaml": "finding", "errata": "erratum"}


def current(root: Path) -> dict[str, str]:
    """Return the content of each rule in a project's folder."""
    paths = [path for place in PLACES for path in _files(root / place)]
    named = {path.relative_to(root).as_posix(): path for path in paths}
    return {
        rule: text
        for name, path in named.items()
        for rule, text in of(name, path.read_text("utf-8")).items()
    }


def of(path: str, text: str) -> dict[str, str]:
    """Return the content of each rule in one file; empty if the file contains none.

    The content of a claim or finding is everything except its words, as JSON. That of a table is
    its lines.

    Args:
        path: the file's path, relative to the project's folder.
        text: the file's text.
    """
    place, suffix = Path(path).parts[1], Path(path).suffix
    if place == "reference":
        lines = {f"line {number}": line for number, line in enumerate(text.splitlines(), start=1)}
        return {path: json.dumps(lines, ensure_ascii=False)} if suffix == ".csv" else {}
    if suffix != ".yaml":
        return {}
    content = _LOADER(text).get_single_data()
    if place == "claims":
        entries = _entries((content or {}).get("claims"))
        return {
            entry["id"]: said(content, entry, SCHEMAS.get(entry.get("judge", "")))
            for entry in entries
        }
    out = {}
    for entry in _entries(content):
        kept = {key: value for key, value in entry.items() if key not in ("id", "says")}
        out[f"{_KINDS[place]} {entry['id']}"] = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    return out


def _entries(found: Any) -> list[Mapping[str, Any]]:
    """Return the entries of a file that have an id.

    Not all files in a project's history are well-formed.
    """
    return [entry for entry in found or () if isinstance(entry, dict) and "id" in entry]


def _files(place: Path) -> Iterator[Path]:
    yield from sorted(place.iterdir()) if place.is_dir() else filter(Path.is_file, [place])
