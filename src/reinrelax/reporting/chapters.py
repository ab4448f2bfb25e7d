"""The first page's chapters: one question each, what was found, one figure, and where all else stands.

`report/chapters.yaml` is a list of papers: `paper`, the cases of its `lead` (the first whose findings have
these verdicts is said), the findings of its `card`, and its `chapters`. Of a chapter's `figures` the first
that has something to show is shown, of the section `table` its first table, and the tables of `data` can be
downloaded.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinrelax.claims.mistakes import check_keys
from reinrelax.claims.model import VERDICTS
from reinrelax.core.document import read_yaml
from reinrelax.display.collected import Collected
from reinrelax.display.wording import Mark, count, duration, mark, shape
from reinrelax.errors import ConfigError
from reinrelax.jobs.planned import THERE
from reinrelax.reporting import sections
from reinrelax.reporting.errata import Entry
from reinrelax.reporting.figure_views import catalogue
from reinrelax.reporting.figure_views import figure as view
from reinrelax.reporting.sections import Paper, Section
from reinrelax.reporting.sentences import Said, fill

FILE = Path("report/chapters.yaml")
_PAPER = ("paper", "lead", "problems", "card", "chapters")
_CHAPTER = ("id", "nav", "title", "place", "sections", "findings", "did")
_OPTIONAL = ("figures", "table", "data")
# A table that is larger stands beside the page only.
_EMBEDDED_BYTES = 40_000


@dataclass(frozen=True)
class Chapter:
    """A chapter.

    Attributes:
        said: the findings that are told, in order.
        findings: all on its sections, by id; `counts`, their verdicts and how many have each.
        figure, table: those that are shown, if they have anything to show.
        missing: what has not been run of it, and what that takes; empty where all is there.
        time: what the jobs behind it took.
        command: what runs what is missing, or leads to the checks of what is published.
        downloads: tables within the page: name and address.
        problems: the entries that concern it.
        sections: its particulars.
    """

    id: str
    nav: str
    title: str
    place: str
    did: str
    said: Sequence[Said]
    findings: Sequence[str]
    counts: Sequence[tuple[Mark, int]]
    figure: Any
    table: Any
    missing: str
    time: str
    command: str
    downloads: Sequence[tuple[str, str]]
    problems: Sequence[Entry]
    sections: Sequence[Section]

    @property
    def empty(self) -> bool:
        """Whether nothing of it can be shown."""
        return not (self.figure or self.table)


@dataclass(frozen=True)
class Part:
    """A paper's part of the first page.

    Attributes:
        lead: what it comes to, in a sentence or two.
        card: the findings that matter most.
        problems: ids of those that change what the paper shows.
        elsewhere: verdicts of the findings that belong to no chapter, and how many have each.
    """

    name: str
    title: str
    anchor: str
    lead: str
    card: Sequence[Said]
    problems: Sequence[str]
    chapters: Sequence[Chapter]
    elsewhere: Sequence[tuple[Mark, int]]


def load(
    collected: Collected,
    papers: Sequence[Paper],
    said: Mapping[str, Said],
    claims: Sequence[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    estimates: Mapping[str, float],
) -> list[Part]:
    """The chapters of each paper, those without a section left out.

    Args:
        papers: the sections.
        said: all findings by id.
        claims, findings: lines of `claims.json` and `findings.json`.
        estimates: seconds that each planned job takes.

    Raises:
        ConfigError: the file has an unknown key, section, finding, figure or table.
        ResultsError: a table or figure is missing or damaged.
    """
    shown = {section.id: section for paper in papers for section in paper.sections}
    known = {raw["id"] for _, raw in sections.words(collected.root)}
    place = {claim["id"]: claim["section"] for claim in claims}
    of = {finding["id"]: place[finding["claims"][0]] for finding in findings if not finding["aside"]}
    by_name = {paper.name: paper for paper in papers}
    drawn = catalogue(collected.folder)
    parts = []
    for raw in read_yaml(collected.root / FILE):
        where = f"{FILE}: {raw.get('paper')}"
        check_keys(where, raw, _PAPER)
        chapters = []
        for entry in raw["chapters"]:
            _check(f"{FILE}: {entry.get('id')}", entry, known, said, drawn)
            own = [shown[name] for name in entry["sections"] if name in shown]
            if own:
                names = [finding for finding, section in of.items() if section in entry["sections"]]
                names = list(dict.fromkeys([*entry["findings"], *names]))
                chapters.append(
                    _chapter(entry, own, [said[name] for name in names], collected, drawn, estimates)
                )
        if raw["paper"] in by_name and chapters:
            paper = by_name[raw["paper"]]
            card = [said[name] for name in raw["card"]]
            lead = _lead(where, raw["lead"], said, collected)
            placed = {name for chapter in raw["chapters"] for name in chapter["findings"]}
            homes = {section for chapter in raw["chapters"] for section in chapter["sections"]}
            rest = [
                said[name]
                for name, section in of.items()
                if said[name].paper == paper.name and name not in placed and section not in homes
            ]
            parts.append(
                Part(
                    *(
                        paper.name,
                        paper.title,
                        f"first-{paper.anchor}",
                        lead,
                        card,
                        raw["problems"],
                        chapters,
                    ),
                    elsewhere=_counted(rest),
                )
            )
    return parts


def _check(
    where: str, entry: Any, known: Iterable[str], said: Mapping[str, Any], drawn: Mapping[str, Any]
) -> None:
    check_keys(where, entry, _CHAPTER, _OPTIONAL)
    for key, names, options in (
        ("sections", entry["sections"], known),
        ("findings", entry["findings"], said),
        ("figures", entry.get("figures", ()), drawn),
        ("table", [entry["table"]] if "table" in entry else [], known),
    ):
        for name in names:
            if name not in options:
                raise ConfigError(f"{where}.{key}: unknown {name!r}; known: {', '.join(sorted(options))}")


def _lead(
    where: str, cases: Sequence[Mapping[str, Any]], said: Mapping[str, Said], collected: Collected
) -> str:
    """The sentences of a paper's lead: of each group of cases, the first that holds."""
    out = []
    for index, group in enumerate(cases):
        for case in group["cases"]:
            fits = all(said[name].mark.text in verdicts for name, verdicts in case.get("when", {}).items())
            if fits and (text := fill(f"{where}.lead[{index}]", group, case["says"], collected)):
                out.append(text)
                break
    return " ".join(out)


def _chapter(
    entry: Mapping[str, Any],
    own: Sequence[Section],
    findings: Sequence[Said],
    collected: Collected,
    drawn: Mapping[str, Mapping[str, Any]],
    estimates: Mapping[str, float],
) -> Chapter:
    figures = (view(collected.folder, drawn[name], entry["title"]) for name in entry.get("figures", ()))
    table = next(
        (
            shown.block
            for section in own
            if section.id == entry.get("table")
            for shown in section.blocks
            if shown.block.template != "figure.html.j2"
        ),
        None,
    )
    sources = list(dict.fromkeys(source for section in own for source in section.origin.sources))
    planned = [line for source in sources for line in collected.planned(source)]
    planned = list({line["job"]: line for line in planned}.values())
    return Chapter(
        **{key: shape(" ".join(str(entry[key]).split())) for key in ("id", "nav", "title", "place", "did")},
        said=[finding for finding in findings if finding.id in entry["findings"]],
        findings=[finding.id for finding in findings],
        counts=_counted(findings),
        figure=next((figure for figure in figures if figure.panels), None),
        table=table,
        missing=_missing(planned, estimates),
        time=duration(sum(float(line["wall_seconds"] or 0) for line in planned if line["state"] in THERE)),
        command=sections.command(collected, sources),
        downloads=[
            (f"{name}.csv", address)
            for name in entry.get("data", ())
            if (address := _embedded(collected.folder / "tables" / f"{name}.csv"))
        ],
        problems=list({problem.id: problem for section in own for problem in section.errata}.values()),
        sections=own,
    )


def _counted(findings: Sequence[Said]) -> list[tuple[Mark, int]]:
    """Verdicts that occur, and how often."""
    counts = Counter(finding.mark.text for finding in findings)
    return [(mark(verdict), counts[verdict]) for verdict in VERDICTS if counts[verdict]]


def _missing(planned: Sequence[Mapping[str, Any]], estimates: Mapping[str, float]) -> str:
    left = [line["job"] for line in planned if line["state"] not in THERE]
    if not left:
        return ""
    seconds = sum(estimates.get(name, 0.0) for name in left)
    about = f", about {duration(seconds)} of computing" if seconds else ""
    return f"{len(left)} of {count(len(planned), 'job')} not run{about}"


def _embedded(path: Path) -> str:
    """A table as an address that holds it; empty where it is too large for that."""
    content = path.read_bytes()
    if len(content) > _EMBEDDED_BYTES:
        return ""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"
