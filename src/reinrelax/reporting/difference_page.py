"""Writes the differences between two results folders as one self-contained HTML page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import reinrelax
from reinrelax.core import files
from reinrelax.core.words import first_of
from reinrelax.core.yaml_file import read_yaml
from reinrelax.display.table_blocks import Cell, Column, Table, key, to_float
from reinrelax.display.tables import read_as_text, read_json
from reinrelax.display.text_format import count, fixed, interval, mark, shape, signed, significant
from reinrelax.errors import ConfigError, ResultsError
from reinrelax.reporting import difference
from reinrelax.reporting.environment import embedded, environment

# The number of changes shown per table, largest first; more would be repetitive.
_SHOWN = 200
# The number of rows listed if only one folder has them.
_NAMED = 20
_JOBS = "jobs"
# Earlier names of the table of jobs, each with its word for a job.
_BEFORE = {"cells": "cell", "studies": "study"}
_RULES = "rules"
_FILES = {"settings": "config.yaml", _RULES: "rules.csv"}
_SIDES = ("A", "B")
_REMEDY = "Delete it; settings are then not compared until a run writes it again"


@dataclass(frozen=True)
class Folder:
    """A results folder that was read; entries of its tables are text.

    Attributes:
        letter: its name on the page.
        scale: the scale of its configuration; empty if that is missing, as are the `settings`.
        done: the number of finished jobs, of those that were planned.
    """

    letter: str
    path: Path
    scale: str
    settings: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    claims: Sequence[Mapping[str, Any]]
    done: int
    planned: int


@dataclass(frozen=True)
class Part:
    """A part of the page: `same` describes what agrees, `blocks` are tables of differences."""

    id: str
    name: str
    same: str
    blocks: Sequence[Table]


def write_difference(before: Path, after: Path, path: Path, root: Path) -> Path:
    """Write the differences between two results folders as one HTML file.

    Args:
        before: folder A, such as `results/quick`.
        after: folder B.
        path: the HTML file.
        root: the project's folder.

    Returns:
        The path of the HTML file.

    Raises:
        ResultsError: a folder is not a results folder, one of its files is damaged, or the page
            cannot be written.
    """
    context = compare(_read("A", before), _read("B", after))
    page = environment(root).get_template("diff.html.j2")
    files.write_text(path, page.render(**context, **embedded(root), version=reinrelax.__version__))
    return path


def compare(a: Folder, b: Folder) -> dict[str, Any]:
    """Return everything that the template needs, except style and script."""
    claims = difference.claims(a.claims, b.claims)
    names = [name for name in a.tables if name in b.tables and name not in (_JOBS, _RULES)]
    tables = [difference.tables(name, a.tables[name], b.tables[name]) for name in names]
    jobs = difference.jobs(a.tables[_JOBS], b.tables[_JOBS])
    unknown = [side.letter for side in (a, b) if not side.settings]
    settings = [] if unknown else difference.settings(_compared(a.settings), _compared(b.settings))
    unruled = [side.letter for side in (a, b) if _RULES not in side.tables]
    rules = [] if unruled else difference.rules(a.tables[_RULES], b.tables[_RULES])
    alone = [[name for name in x.tables if name not in y.tables] for x, y in ((a, b), (b, a))]
    parts = [
        _claims(claims),
        _rules(rules, unruled),
        _jobs(jobs),
        _settings(settings, unknown),
        *(_table(found) for found in tables if not found.equal),
    ]
    equal = [found.name for found in tables if found.equal]
    return {
        "folders": [a, b],
        "notes": _notes(a, b),
        "counts": [
            (len(claims.changed), "verdicts changed", "claims"),
            (
                sum(map(len, claims.only)) + len(claims.renamed),
                "claims added, removed or renamed",
                "claims",
            ),
            (len({rule for rule, *_ in rules}), "rules or printed tables differ", "rules"),
            (
                sum(not found.equal for found in tables),
                f"of {count(len(tables), 'table')} differ",
                "tables",
            ),
            (sum(len(found.changes) for found in tables), "entries of tables changed", "tables"),
            (jobs.changes["row"].nunique(), "jobs differ", "job"),
            (len(settings), "settings differ", "settings"),
        ],
        "nothing": (
            not settings
            and not rules
            and not any(alone)
            and claims.equal
            and all(found.equal for found in tables)
            and jobs.equal
        ),
        "parts": parts,
        "equal": equal,
        "rows": sum(found.same for found in tables),
        "alone": [(side, names) for side, names in zip(_SIDES, alone, strict=True) if names],
    }


def _read(letter: str, path: Path) -> Folder:
    if not path.is_dir():
        raise ResultsError(
            f"{path}: no such folder. Give two results folders, such as results/quick"
        )
    if not (path / "tables").is_dir():
        remedy = f"python -m reinrelax report --config {path / 'config.yaml'}"
        raise ResultsError(
            f"{path / 'tables'}: missing, so there is nothing to compare. Run `{remedy}`"
        )
    found = sorted((path / "tables").glob("*.csv"))
    # Required tables are read even if they are missing, which raises an error.
    names = dict.fromkeys([_JOBS, *(file.stem for file in found)])
    if earlier := not (path / f"tables/{_JOBS}.csv").exists() and names.keys() >= _BEFORE.keys():
        del names[_JOBS]
    tables = {name: read_as_text(path / "tables" / f"{name}.csv") for name in names}
    if earlier:
        parts = [tables.pop(name).rename(columns={word: "job"}) for name, word in _BEFORE.items()]
        tables[_JOBS] = pd.concat(parts, ignore_index=True).fillna("")
    claims = read_json(path / "tables/claims.json")
    for name, table, columns in (
        (f"{_JOBS}.csv", tables[_JOBS].columns, ("job", "state")),
        *(("claims.json", claim, ("id", "statement", "verdict")) for claim in claims),
    ):
        for column in columns:
            if column not in table:
                raise ResultsError(
                    f"{path / 'tables' / name}: has no column {column!r}. Delete it and run"
                    " snakemake again"
                )
    settings = _settings_of(path / "config.yaml")
    states = [*tables[_JOBS]["state"]]
    return Folder(
        letter,
        path,
        str(settings.get("scale", "")),
        settings,
        tables,
        claims,
        states.count("done"),
        len(states),
    )


def _settings_of(path: Path) -> dict[str, Any]:
    """Read the settings of a results folder.

    They are empty if missing, as after a report without the workflow.
    """
    if not path.is_file():
        return {}
    try:
        found = read_yaml(path)
    except ConfigError as error:
        raise ResultsError(f"{path}: cannot be read as settings ({error}). {_REMEDY}") from None
    if not isinstance(found, dict):
        raise ResultsError(f"{path}: cannot be read as settings (it is not a mapping). {_REMEDY}")
    return found


def _compared(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the results folder from the settings, because results do not depend on it."""
    return {name: value for name, value in settings.items() if name != "results"}


def _notes(a: Folder, b: Folder) -> list[str]:
    notes = [
        f"{side.letter} is partial: {side.done:,} of {count(side.planned, 'job')} done. Its"
        " missing results are empty or absent here."
        for side in (a, b)
        if side.done < side.planned
    ]
    if a.scale != b.scale:
        scales = " and ".join(f"{side.letter} {side.scale or 'unknown'}" for side in (a, b))
        notes.append(f"The scales differ: {scales}. That alone makes numbers differ.")
    return notes


def _claims(found: difference.ClaimsDifference) -> Part:
    columns = [Column("Claim", "text")]
    for side in _SIDES:
        columns += [Column(f"Verdict, {side}", "text"), Column(f"Effect, {side}", small="and P")]
    rows = [
        [_stated(b), *(cell for claim in (a, b) for cell in (_verdict(claim), _effect(claim)))]
        for a, b in found.changed
    ]
    blocks = _listed("claims-changed", "Claims whose verdict changed.", columns, rows)
    columns = [Column(head, "text") for head in ("Claim", "Place", "Verdict")]
    for side, only in zip(_SIDES, found.only, strict=True):
        rows = [[_stated(c), Cell(str(c.get("place", ""))), _verdict(c)] for c in only]
        blocks += _listed(f"claims-only-{side}", f"Claims only in {side}.", columns, rows)
    columns = [Column(head, "text") for head in ("Claim", *(f"Name in {side}" for side in _SIDES))]
    rows = [[_stated(b), Cell(a["id"]), Cell(b["id"])] for a, b in found.renamed]
    blocks += _listed("claims-renamed", "Claims with another name.", columns, rows)
    same = (
        f"{count(found.same, 'claim')} with the same verdict, {found.moved:,} of them with other"
        " numbers"
    )
    return Part("claims", "Claims", same, blocks)


def _stated(claim: Mapping[str, Any]) -> Cell:
    small = [claim["id"], str(claim.get("place", ""))]
    return Cell(shape(claim["statement"]), small=small, style="prose")


def _verdict(claim: Mapping[str, Any]) -> Cell:
    found = mark(str(claim["verdict"]))
    return Cell(mark=found) if found.text else Cell(str(claim["verdict"]))


def _effect(claim: Mapping[str, Any]) -> Cell:
    effect, low, high, holding, failing = (
        to_float(claim.get(name)) for name in ("effect", "low", "high", "holding", "failing")
    )
    tested = math.isfinite(holding) and math.isfinite(failing)
    small = [
        interval(low, high),
        f"p = {fixed(holding)} for, {fixed(failing)} against" if tested else "",
    ]
    return Cell(signed(effect), key(effect), small=[text for text in small if text])


def _jobs(found: difference.Difference) -> Part:
    groups: Any = found.changes.groupby(["column", "before", "after"], sort=False)["row"]
    rows = [
        [
            Cell(column.replace("_", " ")),
            Cell(f"{len(names):,}", key(len(names))),
            *(Cell(_brief(column, text), style="prose") for text in (before, after)),
            Cell(first_of([name for (name,) in names], 5), style="prose"),
        ]
        for (column, before, after), names in groups
    ]
    heads = [
        Column("What", "text"),
        Column("How many"),
        *(Column(h, "text") for h in ("A", "B", "Which")),
    ]
    blocks = [
        *_listed("job-changed", "Jobs that differ.", heads, rows),
        *_alone("job", found.only, ("job",)),
    ]
    none = "" if blocks else ": no difference"
    return Part("job", "Jobs", f"{found.same:,} the same in all but time and place{none}", blocks)


def _settings(found: Sequence[tuple[str, Any, Any]], unknown: Sequence[str]) -> Part:
    return _entries(
        ("settings", "Configuration", "Settings that differ."), ["Setting"], found, unknown
    )


def _rules(found: Sequence[tuple[str, str, Any, Any]], unknown: Sequence[str]) -> Part:
    """List changes in claims, findings, errata and printed numbers, which may change verdicts."""
    caption = "Claims, findings, errata and printed tables that differ in content."
    return _entries((_RULES, "Rules", caption), ["Rule", "Where"], found, unknown)


def _entries(
    names: tuple[str, str, str],
    heads: Sequence[str],
    found: Sequence[Sequence[Any]],
    unknown: Sequence[str],
) -> Part:
    """List changed entries of a file, each with its place and its text in A and in B."""
    place, name, caption = names
    columns = [Column(head, "text") for head in (*heads, *_SIDES)]
    rows = [
        [*map(Cell, where), *(Cell("—" if v is None else str(v), style="prose") for v in (a, b))]
        for *where, a, b in found
    ]
    file = _FILES[place]
    same = (
        f"not compared: no {file} in {' and '.join(unknown)}"
        if unknown
        else ""
        if rows
        else "the same"
    )
    return Part(place, name, same, _listed(f"{place}-changed", caption, columns, rows))


def _table(found: difference.Difference) -> Part:
    shown = found.changes
    of = ""
    if len(shown) > _SHOWN:
        shown = shown.nlargest(_SHOWN, "size")
        of = f" the {len(shown):,} largest of"
    columns = [*(Column(name, "text") for name in found.keys), Column("Column", "text")]
    columns += [
        Column("A"),
        Column("B"),
        Column("B − A"),
        Column("Relative", small="to the larger"),
    ]
    changes: Any = shown.itertuples()
    rows = [[*map(Cell, change.row), *_change(change)] for change in changes]
    caption = f"{found.name}:{of} {len(found.changes):,} entries that differ."
    blocks = [
        *_listed(f"{found.name}-changed", caption, columns, rows),
        *_alone(found.name, found.only, found.keys),
    ]
    for side, names in zip(_SIDES, found.columns, strict=True):
        rows = [[Cell(name)] for name in names]
        place, caption = f"{found.name}-columns-{side}", f"Columns only in {side}."
        blocks += _listed(place, caption, [Column("Column", "text")], rows)
    rounded = f", {found.rounded:,} of them but for rounding" if found.rounded else ""
    return Part(
        f"table-{found.name}", found.name, f"{count(found.same, 'row')} the same{rounded}", blocks
    )


def _change(change: Any) -> list[Cell]:
    """Return the cells for column, before, after, difference and size."""
    values = [to_float(text) for text in (change.before, change.after)]
    shown = [
        Cell(significant(value, 6), key(value)) if math.isfinite(value) else Cell(text or "—")
        for text, value in zip((change.before, change.after), values, strict=True)
    ]
    if not math.isfinite(change.difference):
        return [Cell(change.column), *shown, Cell(), Cell()]
    sign = "+" if change.difference > 0 else ""
    moved = Cell(sign + significant(change.difference, 3), key(change.difference))
    relative = Cell(f"{significant(100 * change.size, 2)}%", key(change.size))
    return [Cell(change.column), *shown, moved, relative]


def _listed(
    place: str, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]
) -> list[Table]:
    """Return a table in a list; an empty list if it has no rows."""
    return [Table(place, caption, columns, rows)] if rows else []


def _alone(name: str, only: Sequence[Sequence[difference.Row]], keys: Sequence[str]) -> list[Table]:
    """List the first few rows that only one folder has, and their number."""
    out = []
    for side, found in zip(_SIDES, only, strict=True):
        rows = [[Cell(text) for text in row] for row in found[:_NAMED]]
        first = f", the first {_NAMED} of" if len(found) > _NAMED else ":"
        caption = f"{name}, only in {side}{first} {count(len(found), 'row')}."
        out += _listed(
            f"{name}-only-{side}", caption, [Column(head, "text") for head in keys], rows
        )
    return out


def _brief(column: str, text: str) -> str:
    return (
        text[:12] + ("+changes" if text.endswith("+changes") else "")
        if column == "commit"
        else text or "—"
    )
