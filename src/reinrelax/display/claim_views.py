"""The papers' claims as the page shows them: one row per claim, and the filters of the table."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinrelax.claims.findings import ASIDES, BASES
from reinrelax.claims.model import JUDGED, VERDICTS, WORDS
from reinrelax.display.table_blocks import Cell, Column, Table, key
from reinrelax.display.text_format import (
    Badge,
    anchor,
    count,
    fixed,
    interval,
    mark,
    shape,
    signed,
    significant,
    span,
)

Claims = Sequence[Mapping[str, Any]]

# In the order of the table: the papers' conclusions matter more than the hundreds of numbers.
TYPES = ("qualitative", "ordering", "trend", "number")
# For a claim about more cells than this, the link to the section replaces a list of links to cells.
_CELLS = 8


@dataclass(frozen=True)
class Choice:
    """A value of a filter: how many claims have it and, for a verdict, its mark."""

    value: str
    number: int
    mark: Badge | None = None


@dataclass(frozen=True)
class Facet:
    """A filter of the claims: the `name` of the attribute, its head and its values."""

    name: str
    head: str
    choices: Sequence[Choice]


def facets(claims: Claims) -> list[Facet]:
    """Return the filters by paper, verdict and type, each value with its number of claims."""
    counts = {
        name: Counter(claim[name] for claim in claims) for name in ("paper", "verdict", "type")
    }
    return [
        Facet(
            "paper", "Paper", [Choice(value, number) for value, number in counts["paper"].items()]
        ),
        Facet(
            *("verdict", "Verdict"),
            # Other words than VERDICTS are for what is not a replication: list them only if used.
            [
                Choice(value, counts["verdict"][value], mark(value))
                for value in WORDS
                if value in VERDICTS or counts["verdict"][value]
            ],
        ),
        Facet("type", "Type", [Choice(value, counts["type"][value]) for value in TYPES]),
    ]


def finding_facets(findings: Claims) -> list[Facet]:
    """Return the filters of findings: paper, verdict, basis and chapter.

    Findings that are not replications appear under `Rests on`, by their kind.
    """
    bases = Counter(finding["aside"] or finding["basis"] for finding in findings)
    homes = Counter(finding["chapter"] for finding in findings if finding["chapter"])
    found = facets([{**finding, "type": ""} for finding in findings])[:2]
    names = [name for name in (*BASES, *ASIDES) if bases[name]]
    return [
        *found,
        Facet("basis", "Rests on", [Choice(name, bases[name]) for name in names]),
        Facet("chapter", "Chapter", [Choice(name, number) for name, number in homes.items()]),
    ]


def rates(lines: Sequence[Mapping[Any, Any]]) -> Table:
    """Return the error rates of each judging function where a claim is only just false or true.

    Args:
        lines: the rows of `rates.csv`: one per case and number of seeds.
    """
    cases: dict[tuple[str, ...], dict[str, str]] = {}
    for line in lines:
        case = tuple(line[name] for name in ("function", "truth", "wrong", "level"))
        cases.setdefault(case, {})[line["seeds"]] = line["rate"]
    seeds = list(dict.fromkeys(line["seeds"] for line in lines))
    rows = [
        [
            Cell(function),
            Cell(truth, style="prose"),
            Cell(mark=mark(wrong), key=wrong),
            *(Cell(_share(found[count]), found[count]) for count in seeds),
            Cell(_share(level), level),
        ]
        for (function, truth, wrong, level), found in cases.items()
    ]
    columns = [
        *(
            Column("Rule", "text"),
            Column("Where this is true", "text"),
            Column("the verdict", "text"),
        ),
        *(Column(f"{count} seeds", small="wrong, of all") for count in seeds),
        Column("meant", small="at most"),
    ]
    repeats = min((int(line["repeats"]) for line in lines), default=0)
    give = 2 * math.sqrt(0.05 * 0.95 / repeats) if repeats else 0.0
    caption = (
        "How often the rules err in the least favourable case: the claim only just fails, or just"
        f" holds. Each rate is from {repeats:,} independent repetitions"
        + (
            f": a true 5% shows as {_share(str(0.05 - give))} to {_share(str(0.05 + give))}."
            if repeats
            else "."
        )
        + " Rules that never confirm, such as those for a single run or a p-value, have no such"
        " rate."
    )
    return Table(
        "rates", caption, columns, rows, "How often the rules err: measured rates of wrong verdicts"
    )


def _share(rate: str) -> str:
    return f"{100 * float(rate):.1f}%"


def claim_rows(
    claims: Claims,
    sections: Mapping[str, str],
    jobs: Mapping[tuple[str, str, str], str],
    exists: Callable[[str], bool],
) -> list[dict[str, Any]]:
    """Return one row per claim: judged claims first, and numbers last.

    Args:
        claims: the entries of `claims.json`.
        sections: the names of the page's sections, by id.
        jobs: anchors of the cells behind Tables 2 and 3, by subject, estimator and latent shape.
        exists: tells whether the table of a name exists.
    """
    ordered = sorted(claims, key=lambda c: (c["verdict"] not in JUDGED, TYPES.index(c["type"])))
    return [
        {
            **claim_row(claim),
            "section": claim["section"] if claim["section"] in sections else "",
            "section_name": sections.get(claim["section"], ""),
            "tables": [name for name in claim["tables"] if exists(name)],
            "jobs": _jobs(claim, jobs),
        }
        for claim in ordered
    ]


def claim_row(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a claim, without its links to other parts of the page."""
    nats = claim["unit"] == "nats"
    limits = interval if nats else span
    return {
        **{
            key: claim[key]
            for key in ("id", "paper", "place", "type", "rule", "minimum", "command", "limits")
        },
        **{key: shape(claim[key]) for key in ("statement", "reason")},
        "note": shape(claim["note"]) if claim["note"] != claim["reason"] else "",
        "anchor": anchor("claim", claim["id"]),
        "finding": claim["finding"],
        "finding_anchor": anchor("finding", claim["finding"]),
        "mark": mark(claim["verdict"]),
        "order": WORDS.index(claim["verdict"]),
        "effect": _effect(claim),
        "interval": _interval(claim, limits),
        "chances": _chances(claim),
        "corrected": (
            f"{count(claim['family_size'], 'claim')} together" if claim["family_size"] else ""
        ),
        "smallest": (
            _sized(claim["smallest"], claim["unit"])
            if claim["smallest"] and claim["low"] is not None
            else ""
        ),
        "family": claim["family"],
        "key": key(claim["effect"]),
        "seeds": str(claim["seeds"]) if claim["seeds"] else "",
        "diverged": f"{claim['diverged']} diverged" if claim["diverged"] else "",
        "power": "" if claim["detectable"] is None else _sized(claim["detectable"], claim["unit"]),
        "power_key": key(claim["detectable"]),
    }


@dataclass(frozen=True)
class Judged:
    """The claims of one section: the number per verdict that occurs, and their rows."""

    counts: Sequence[tuple[Badge, int]]
    rows: Sequence[Mapping[str, Any]]


def by_section(rows: Sequence[Mapping[str, Any]]) -> dict[str, Judged]:
    """Return the claims of each section that has any."""
    out: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        out.setdefault(row["section"], []).append(row)
    return {
        name: Judged([pair for pair in _counted(own) if pair[1]], own) for name, own in out.items()
    }


def _counted(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Badge, int]]:
    counts = Counter(row["mark"].text for row in rows)
    return [(mark(verdict), counts[verdict]) for verdict in WORDS]


def _effect(claim: Mapping[str, Any]) -> str:
    if claim["effect"] is None:
        return ""
    sign = "+" if claim["effect"] > 0 and claim["unit"] != "nats" else ""
    return f"{claim['measure']} {sign}{_sized(claim['effect'], claim['unit'], signs=True)}"


def _sized(value: float, unit: str, signs: bool = False) -> str:
    """Return a number with its unit: nats with two decimals, others in significant digits."""
    if unit == "nats":
        return f"{signed(value) if signs else fixed(value)} nats"
    return f"{significant(value)} {unit}".strip()


def _interval(claim: Mapping[str, Any], limits: Callable[[float | None, float | None], str]) -> str:
    """Return `90% [low, high]`; empty if an end is missing."""
    ends = limits(claim["low"], claim["high"])
    return f"{claim['coverage']:.0%} {ends}" if ends and claim["coverage"] else ""


def _chances(claim: Mapping[str, Any]) -> str:
    """Return `p = 0.003 for, 0.998 against`; empty if nothing was tested."""
    if claim["holding"] is None or claim["failing"] is None:
        return ""
    return f"p = {_chance(claim['holding'])} for, {_chance(claim['failing'])} against"


def _chance(p: float) -> str:
    """Round a p-value up to three decimals, so that it never seems to reach a limit it misses."""
    return fixed(math.ceil(round(1000 * p, 6)) / 1000, 3)


def _jobs(
    claim: Mapping[str, Any], jobs: Mapping[tuple[str, str, str], str]
) -> list[tuple[str, str]]:
    """Return names and anchors of the cells that a claim reads; empty if there are many."""
    places = [
        (method, place)
        for place in (*claim["places"], *claim["elsewhere"])
        for method in (*claim["lower"], *claim["higher"])
    ]
    if len(places) > _CELLS:
        return []
    return [
        (f"{method} {shape(place)}", jobs[claim["subject"], method, place])
        for method, place in places
        if (claim["subject"], method, place) in jobs
    ]
