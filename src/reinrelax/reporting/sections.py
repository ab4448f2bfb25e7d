"""The page's sections on the paper's results: their order and words are data, their tables are views."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from reinrelax.claims import papers
from reinrelax.claims.mistakes import check_keys
from reinrelax.claims.model import NOT_RUN, NOT_TESTED
from reinrelax.config.declared import EXPERIMENTS, FILLED_BY, named
from reinrelax.config.load import AS_RUN
from reinrelax.core.document import flow, path_of, read_yaml
from reinrelax.display.blocks import number
from reinrelax.display.collected import Collected
from reinrelax.display.wording import Mark, images, mark
from reinrelax.errors import ConfigError
from reinrelax.experiments.relaxed_vae import page as relaxation_views
from reinrelax.jobs.planned import THERE
from reinrelax.reporting.errata import Entry
from reinrelax.reporting.figure_views import catalogue, figure

# One file a paper, in the page's order: its name, its title and its sections.
WORDS = tuple(
    Path("report/templates/sections") / f"{name}.yaml" for name in ("beyond-reinmax", "just-relax-it")
)
_PAPER = ("paper", "title", "sections")
_REQUIRED = ("id", "nav", "name", "what", "says", "here", "source", "tables")
_OPTIONAL = ("figures", "errata", "scale", "scale_of", "tables_first")

# Blocks of a section, mostly tables, from its collected tables; sections without one show figures alone, or
# the page's own.
VIEWS: Mapping[str, Sequence[Callable[[Collected], Sequence[Any]]]] = {
    section: [named(one.views[section]) for one in EXPERIMENTS.values() if section in one.views]
    for section in chain.from_iterable(one.views for one in EXPERIMENTS.values())
}
_NOTHING = "this configuration has nothing of it"
# How a column of a table says what was computed with.
_SCALE = {
    "epoch": "after epoch {}",
    "epochs": "{} epochs",
    "episodes": "{} episodes",
    "train_images": "{} training images",
    "images": "{} images",
    "estimates": "{} estimates",
    "draws": "{} draws",
    "seeds": "{} seeds",
    "dataset": "{}",
}


@dataclass(frozen=True)
class Scale:
    """What a section was computed with, beside what the paper used; `mark` where ours is less or nothing.

    Attributes:
        of: whose scale it is held against.
    """

    mark: Mark
    ours: str
    paper: str
    of: str


@dataclass(frozen=True)
class Shown:
    """A figure with its files, or a table, whose files are its section's."""

    block: Any
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Origin:
    """What numbers were made from.

    Attributes:
        links: text and address of the tables that hold them.
        command: what runs the jobs that are missing, or checks published results.
        sources: experiments and studies that fill the tables, keys of `PURPOSES`.
    """

    links: Sequence[tuple[str, str]]
    command: str
    sources: Sequence[str]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        nav: its name in the navigation.
        what: a subtitle; `says`, what the paper says; `here`, what stands here.
        blocks: tables and figures, each with the `template` that shows it.
        absence: why there are none; `lacking`, why figures beside them are not there.
        progress: how much of what fills it has been run.
        origin: of its tables.
        errata: entries that concern it.
    """

    id: str
    nav: str
    name: str
    what: str
    says: str
    here: str
    scale: Scale | None
    blocks: Sequence[Shown]
    absence: str
    lacking: Sequence[str]
    progress: str
    origin: Origin
    errata: Sequence[Entry]

    @property
    def empty(self) -> bool:
        """Whether the configuration has nothing of it."""
        return self.absence == _NOTHING


@dataclass(frozen=True)
class Paper:
    """A paper's part of the page: its short `name`, full `title` and an `anchor`."""

    name: str
    title: str
    anchor: str
    sections: list[Section]

    @property
    def subtitle(self) -> str:
        """The title without the name that it begins with."""
        return self.title.removeprefix(self.name).lstrip(": ")


def load(
    collected: Collected, entries: Sequence[Entry], own: Mapping[str, Sequence[Any]], expected: Sequence[str]
) -> list[Paper]:
    """All sections that are asked for, by paper, in the page's order.

    Args:
        collected: the results.
        entries: errata, for sections to refer to.
        own: blocks that the page makes itself, by section.
        expected: estimators whose absence from Figures 3 and 4 is to be said.

    Raises:
        ConfigError: a file of sections is wrong.
        ResultsError: a table or figure is missing or damaged.
    """
    known = {entry.id: entry for entry in entries}
    drawn = catalogue(collected.folder)
    papers: dict[str, Paper] = {}
    for paper, raw in words(collected.root):
        _check(raw, f"{paper.anchor}.yaml", known, drawn)
        section = _section(raw, collected, known, drawn, own, expected)
        asked = raw["source"] in collected.config.experiments
        if asked and not (collected.config.raw.get("only") and section.empty):
            papers.setdefault(paper.name, paper).sections.append(section)
    return list(papers.values())


def words(root: Path) -> Iterator[tuple[Paper, Mapping[str, Any]]]:
    """The words of all sections, each with its paper, which has none yet.

    Raises:
        ConfigError: a file of sections is wrong.
    """
    for path in WORDS:
        content = read_yaml(root / path)
        check_keys(path.name, content, _PAPER)
        paper = Paper(content["paper"], content["title"], path.stem, [])
        for raw in content["sections"]:
            yield paper, raw


def citing(shown: Sequence[Section], entry: Entry) -> list[Section]:
    """The sections that an entry concerns."""
    return [section for section in shown if entry in section.errata]


def _section(
    raw: Mapping[str, Any],
    collected: Collected,
    known: Mapping[str, Entry],
    drawn: Mapping[str, Mapping[str, Any]],
    own: Mapping[str, Sequence[Any]],
    expected: Sequence[str],
) -> Section:
    curves = expected if raw["source"] == "elbo" else ()
    drawings = [
        (name, figure(collected.folder, drawn[name], raw["name"], curves))
        for name in raw.get("figures", ())
        if name in drawn
    ]
    figures = [_drawn(collected, name, block) for name, block in drawings if block.panels]
    reasons = [drawn[name].get("absence", "") for name, block in drawings if not block.panels]
    views = [block for view in VIEWS.get(raw["id"], ()) for block in view(collected)]
    tables = [
        _drawn(collected, "pictures", block, "json")
        if isinstance(block, relaxation_views.Pictures)
        else Shown(block)
        for block in (*own.get(raw["id"], ()), *views)
    ]
    blocks = [*tables, *figures] if raw.get("tables_first") else [*figures, *tables]
    return Section(
        **{name: " ".join(str(raw[name]).split()) for name in ("id", "nav", "name", "what", "says", "here")},
        scale=_scale(raw, collected) if "scale" in raw else None,
        blocks=blocks,
        absence="" if blocks else _absence(collected, raw["source"]),
        lacking=list(dict.fromkeys(filter(None, reasons))),
        progress=collected.progress(raw["source"]),
        origin=_origin(collected, raw["tables"], _sources(collected, raw["source"])),
        errata=[known[name] for name in raw.get("errata", ())],
    )


def _sources(collected: Collected, source: str) -> list[str]:
    """An experiment or study, and what was run differently of it."""
    return list(dict.fromkeys([source, *(line["experiment"] for line in collected.planned(source))]))


def made_from(collected: Collected, entry: Entry) -> Origin | None:
    """Where an entry's numbers come from; None where it has none of this run."""
    names = dict.fromkeys(Path(item.csv).stem for item in entry.numbers if item.csv)
    return _origin(collected, list(names), [FILLED_BY[name] for name in names]) if names else None


def _origin(collected: Collected, tables: Sequence[str], sources: Sequence[str]) -> Origin:
    kinds = (("CSV", "csv"), ("LaTeX", "tex"), ("Markdown", "md"))
    places = {f"{name}, {kind}": f"tables/{name}.{end}" for name in tables for kind, end in kinds}
    own = list(dict.fromkeys(sources))
    return Origin(
        links=[(text, place) for text, place in places.items() if (collected.folder / place).is_file()],
        command=command(collected, own),
        sources=own,
    )


def command(collected: Collected, sources: Sequence[str]) -> str:
    """The shell command that runs what is missing of experiments, or that checks published results."""
    config = collected.config
    if config.results != path_of("results", config.raw["results"]):
        return "make verify"
    names = [name if name in config.experiments else name.removesuffix(AS_RUN) for name in sources]
    only = flow({"experiments": list(dict.fromkeys(names))}).strip("{}")
    scale = f" SCALE={config.scale}" if config.scale != "quick" else ""
    return f'make report{scale} ONLY="{only}"'


def _drawn(collected: Collected, name: str, block: Any, data: str = "csv") -> Shown:
    """A figure with its files, as far as they exist."""
    places = {
        f"{name}, SVG": f"figures/{name}.svg",
        f"{name}, as drawn, {data.upper()}": f"figures/{name}.{data}",
    }
    links = [(text, place) for text, place in places.items() if (collected.folder / place).is_file()]
    return Shown(block, links)


def _absence(collected: Collected, source: str) -> str:
    planned = collected.planned(source)
    done = all(line["state"] == "done" for line in planned)
    return _NOTHING if done else "no result yet"


def _scale(raw: Mapping[str, Any], collected: Collected) -> Scale:
    """Ours from the section's first table, and from the cells that it comes from for what that leaves out."""
    paper: Mapping[str, Any] = raw["scale"]
    lines = collected.lines(raw["tables"][0])
    done = [line for line in collected.planned(raw["source"]) if line["state"] in THERE]
    counted = papers.lines([*lines, *done])
    ours, below = [], False
    for name, wanted in paper.items():
        found = {line[name] for line in counted if line.get(name, "") != ""}
        if not found:
            continue
        if isinstance(wanted, str):
            below |= found != {wanted}
            ours.append(" and ".join(sorted(images(str(value)) for value in found)))
        else:
            # Estimators that draw nothing have no draws to be too few.
            counts = [count for count in map(number, found) if count > 0 or name != "draws"]
            if not counts:
                continue
            used = max(counts) if name == "epoch" else min(counts)
            below |= used < wanted
            ours.append(_SCALE[name].format(f"{used:,.0f}"))
    units = sorted({line["hidden"] for line in done if line.get("hidden")})
    ours += [f"hidden layers of {layers} units" for layers in units]
    below |= bool(units)
    return Scale(
        mark=mark(NOT_RUN if not done else NOT_TESTED if below else ""),
        ours=", ".join(ours),
        paper=", ".join(
            images(wanted) if isinstance(wanted, str) else _SCALE[name].format(f"{wanted:,.0f}")
            for name, wanted in paper.items()
        ),
        of=raw.get("scale_of", "The paper’s scale"),
    )


def _check(raw: Any, file: str, known: Mapping[str, Any], drawn: Mapping[str, Any]) -> None:
    where = f"{file}: {raw.get('id', '?')}"
    check_keys(where, raw, _REQUIRED, _OPTIONAL)
    for key, options in (("tables", FILLED_BY), ("figures", drawn), ("errata", known), ("scale", _SCALE)):
        for name in raw.get(key, ()):
            if name not in options:
                raise ConfigError(f"{where}.{key}: unknown {name!r}; known: {', '.join(options)}")
