"""What verdicts hang on beside results: claims, findings, errata and the papers' numbers, as
written.

A rule's name is the id of a claim's entry, `finding` or `erratum` with an id, or the path of a
table.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reinrelax.claims import SCHEMAS
from reinrelax.claims.read import said

# Folders and files of the project.
PLACES = ("report/claims", "report/errata", "report/findings.yaml", "report/reference")
# LibYAML's, where PyYAML was built with it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KINDS = {"findings.yaml": "finding", "errata": "erratum"}


def current(root: Path) -> dict[str, str]:
    """Rule to what it says, of a project's folder."""
    paths = [path for place in PLACES for path in _files(root / place)]
    named = {path.relative_to(root).as_posix(): path for path in paths}
    return {
        rule: text
        for name, path in named.items()
        for rule, text in of(name, path.read_text("utf-8")).items()
    }


def of(path: str, text: str) -> dict[str, str]:
    """Rule to what it says, of one file; nothing of a file that holds none.

    Claims and findings say all but their words, as JSON; a table says its lines.

    Args:
        path: from the project's folder.
        text: its content.
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
    """The entries of a file that have a name; in a project's history not all files were
    well-formed.
    """
    return [entry for entry in found or () if isinstance(entry, dict) and "id" in entry]


def _files(place: Path) -> Iterator[Path]:
    yield from sorted(place.iterdir()) if place.is_dir() else filter(Path.is_file, [place])
