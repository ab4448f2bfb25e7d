"""The first page's chapters: a question each, with its findings, a figure and links to details.

`report/chapters.yaml` is a list of papers: `paper`, the groups of cases of its `lead` (of each
group, the first case whose findings have the given verdicts is used), the findings of its `card`,
and its `chapters`. A chapter shows the first of its `figures` that is not empty and the first table
of the section `table`; the tables of `data` can be downloaded.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinrelax.claims.mistakes import check_keys
from reinrelax.claims.model import VERDICTS
from reinrelax.core.yaml_file import read_yaml
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import Badge, count, duration, mark, shape
from reinrelax.errors import ConfigError
from reinrelax.jobs.planned import THERE
from reinrelax.reporting import sections
from reinrelax.reporting.errata import Erratum
from reinrelax.reporting.figure_views import catalogue
from reinrelax.reporting.figure_views import figure as view
from reinrelax.reporting.sections import PaperSections, Section
from reinrelax.reporting.sentences import Said, fill

FILE = Path("report/chapters.yaml")
_PAPER = ("paper", "lead", "problems", "card", "chapters")
_CHAPTER = ("id", "nav", "title", "place", "sections", "findings", "did")
_OPTIONAL = ("figures", "table", "data")
# Larger tables are not embedded in the page; they are only available as files.
_EMBEDDED_BYTES = 40_000


@dataclass(frozen=True)
class Chapter:
    """A chapter.

    Attributes:
        did: a description of the experiments.
        said: the findings that it lists, in order.
        findings: the ids of all findings about its sections.
        counts: the verdicts of these findings, each with its number.
        figure, table: those shown; None if there is nothing to show.
        missing: how many jobs are missing, and their estimated time; empty if none.
        time: the total time of its finished jobs.
        command: the command that runs missing jobs or, for published results, checks them.
        downloads: name and address of the tables that are embedded in the page.
        problems: the errata about its sections.
        sections: the sections with the details.
    """

    id: str
    nav: str
    title: str
    place: str
    did: str
    said: Sequence[Said]
    findings: Sequence[str]
    counts: Sequence[tuple[Badge, int]]
    figure: Any
    table: Any
    missing: str
    time: str
    command: str
    downloads: Sequence[tuple[str, str]]
    problems: Sequence[Erratum]
    sections: Sequence[Section]

    @property
    def empty(self) -> bool:
        """Whether the chapter has neither a figure nor a table."""
        return not (self.figure or self.table)


@dataclass(frozen=True)
class Part:
    """A paper's part of the first page.

    Attributes:
        lead: the conclusion, in a sentence or two.
        card: the most important findings.
        problems: ids of the errata that change the paper's conclusions.
        elsewhere: the verdicts of findings outside all chapters, each with its number.
    """

    name: str
    title: str
    anchor: str
    lead: str
    card: Sequence[Said]
    problems: Sequence[str]
    chapters: Sequence[Chapter]
    elsewhere: Sequence[tuple[Badge, int]]


def load(
    collected: TableReader,
    papers: Sequence[PaperSections],
    said: Mapping[str, Said],
    claims: Sequence[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    estimates: Mapping[str, float],
) -> list[Part]:
    """Read the chapters of each paper; chapters without a section in this report are left out.

    Args:
        collected: the results.
        papers: the sections.
        said: all findings, by id.
        claims, findings: the entries of `claims.json` and `findings.json`.
        estimates: the estimated seconds per planned job.

    Raises:
        ConfigError: the file has an unknown key, section, finding, figure or table.
        ResultsError: a table or figure is missing or damaged.
    """
    shown = {section.id: section for paper in papers for section in paper.sections}
    known = {raw["id"] for _, raw in sections.words(collected.root)}
    place = {claim["id"]: claim["section"] for claim in claims}
    of = {
        finding["id"]: place[finding["claims"][0]] for finding in findings if not finding["aside"]
    }
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
                    _chapter(
                        entry, own, [said[name] for name in names], collected, drawn, estimates
                    )
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
                raise ConfigError(
                    f"{where}.{key}: unknown {name!r}; known: {', '.join(sorted(options))}"
                )


def _lead(
    where: str, cases: Sequence[Mapping[str, Any]], said: Mapping[str, Said], collected: TableReader
) -> str:
    """Return a paper's lead: of each group, the first case whose verdicts match."""
    out = []
    for index, group in enumerate(cases):
        for case in group["cases"]:
            fits = all(
                said[name].mark.text in verdicts for name, verdicts in case.get("when", {}).items()
            )
            if fits and (text := fill(f"{where}.lead[{index}]", group, case["says"], collected)):
                out.append(text)
                break
    return " ".join(out)


def _chapter(
    entry: Mapping[str, Any],
    own: Sequence[Section],
    findings: Sequence[Said],
    collected: TableReader,
    drawn: Mapping[str, Mapping[str, Any]],
    estimates: Mapping[str, float],
) -> Chapter:
    figures = (
        view(collected.folder, drawn[name], entry["title"]) for name in entry.get("figures", ())
    )
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
        **{
            key: shape(" ".join(str(entry[key]).split()))
            for key in ("id", "nav", "title", "place", "did")
        },
        said=[finding for finding in findings if finding.id in entry["findings"]],
        findings=[finding.id for finding in findings],
        counts=_counted(findings),
        figure=next((figure for figure in figures if figure.panels), None),
        table=table,
        missing=_missing(planned, estimates),
        time=duration(
            sum(float(line["wall_seconds"] or 0) for line in planned if line["state"] in THERE)
        ),
        command=sections.command(collected, sources),
        downloads=[
            (f"{name}.csv", address)
            for name in entry.get("data", ())
            if (address := _embedded(collected.folder / "tables" / f"{name}.csv"))
        ],
        problems=list(
            {problem.id: problem for section in own for problem in section.errata}.values()
        ),
        sections=own,
    )


def _counted(findings: Sequence[Said]) -> list[tuple[Badge, int]]:
    """Return the verdicts that occur, each with its number."""
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
    """Return a table as a data URL; empty if the table is too large."""
    content = path.read_bytes()
    if len(content) > _EMBEDDED_BYTES:
        return ""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"
