"""Errata: errors, contradictions and open choices in the papers, with numbers from this run.

Their text is data. If the authors' public code differs from the paper, `code` describes it, and
`source` names its entry in `report/reference/sources.csv`. Every number comes from a query:

    text: "Largest deviation: {value} of the norm"   # also {low}, {high}, {name} of the row

with the keys of `numbers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinrelax.claims.mistakes import check_keys
from reinrelax.core.yaml_file import read_yaml
from reinrelax.display.table_reader import TableReader, as_lines
from reinrelax.display.tables import read_table
from reinrelax.display.text_format import anchor
from reinrelax.errors import ConfigError
from reinrelax.reporting import numbers

FOLDER = Path("report/errata")
KINDS = ("error", "inconsistency", "ambiguity", "observation")
# The prefixes of the papers' file names.
_PAPERS = {"beyond-reinmax": "Beyond ReinMax", "just-relax-it": "Just Relax It!"}
_ENTRY = ("id", "kind", "place", "title", "printed", "ours", "consequence")
_CODE = ("code", "source")


@dataclass(frozen=True)
class Item:
    """A sentence with a number, or the reason why the number is missing.

    Attributes:
        csv: the path of the table from the report's folder; empty if the number is not ours.
        whose: the source of a number that is not ours.
    """

    text: str
    absence: str
    csv: str
    whose: str = ""


@dataclass(frozen=True)
class Erratum:
    """One erratum with its numbers.

    Attributes:
        code: the behaviour of the authors' public code, with repository and commit; empty if it
            does not resolve the erratum.
    """

    id: str
    anchor: str
    paper: str
    kind: str
    place: str
    title: str
    printed: str
    ours: str
    consequence: str
    code: str
    numbers: Sequence[Item]


def load(collected: TableReader) -> list[Erratum]:
    """Load all errata with their numbers.

    Raises:
        ConfigError: a file has an unknown key, table, column or reducer; the message names file and
            key.
        ResultsError: a table is missing or damaged.
    """
    entries, seen = [], set()
    for path in sorted((collected.root / FOLDER).glob("*.yaml")):
        content = read_yaml(path)
        if not isinstance(content, list):
            raise ConfigError(f"{path}: must be a list of entries; got {type(content).__name__}")
        paper = next(
            (name for start, name in _PAPERS.items() if path.name.startswith(start)), path.stem
        )
        for index, raw in enumerate(content):
            entry = _entry(f"{path.name}: {_name(raw, index)}", raw, paper, collected)
            if entry.id in seen:
                raise ConfigError(f"{path.name}: {entry.id}: this id is used twice")
            seen.add(entry.id)
            entries.append(entry)
    return entries


def _name(raw: Any, index: int) -> str:
    return str(raw["id"]) if isinstance(raw, Mapping) and "id" in raw else f"entry {index}"


def _entry(where: str, raw: Any, paper: str, collected: TableReader) -> Erratum:
    required = (
        (*_ENTRY, *(_CODE if set(_CODE) & set(raw) else ())) if isinstance(raw, Mapping) else _ENTRY
    )
    check_keys(where, raw, required, (*_ENTRY, *_CODE, "numbers"))
    if raw["kind"] not in KINDS:
        raise ConfigError(f"{where}.kind: must be one of {', '.join(KINDS)}; got {raw['kind']!r}")
    return Erratum(
        **{name: " ".join(str(raw[name]).split()) for name in _ENTRY},
        anchor=anchor("erratum", str(raw["id"])),
        paper=paper,
        code=_code(where, raw, collected) if "code" in raw else "",
        numbers=[
            _item(f"{where}.numbers[{index}]", item, collected)
            for index, item in enumerate(raw.get("numbers", []))
        ],
    )


def _code(where: str, raw: Mapping[str, Any], collected: TableReader) -> str:
    lines = as_lines(read_table(collected.root / numbers.REFERENCE / "sources.csv"))
    places = {line["name"]: f"{line['repository']}, commit {line['commit']}" for line in lines}
    if raw["source"] not in places:
        known = f"{numbers.REFERENCE}/sources.csv has {', '.join(places)}"
        raise ConfigError(f"{where}.source: unknown {raw['source']!r}; {known}")
    return f"{' '.join(str(raw['code']).split()).removesuffix('.')} ({places[raw['source']]})."


def _item(where: str, raw: Any, collected: TableReader) -> Item:
    check_keys(where, raw, ("text", "reduce"), numbers.NUMBER)
    fields = numbers.fields(raw["text"])
    if "value" not in fields or fields - {"value", "low", "high", "name"}:
        raise ConfigError(
            f"{where}.text: must contain {{value}}, and no other fields than {{low}}, {{high}}"
            f" and {{name}}"
        )
    found = numbers.number_of(
        where, {key: raw[key] for key in raw if key != "text"}, fields, collected
    )
    text = _label(raw["text"]) if found.absence else raw["text"].format(**vars(found))
    return Item(text, found.absence, found.csv, found.whose)


def _label(text: str) -> str:
    """Replace the numbers of a sentence by ellipses, for a sentence without values."""
    blanks = dict.fromkeys(("value", "low", "high", "name"), "…")
    return text.format(**blanks)
