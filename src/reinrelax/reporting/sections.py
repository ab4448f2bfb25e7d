"""The page's sections on the papers' results: order and texts are data, views make the tables."""

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
from reinrelax.core.yaml_file import flow, path_of, read_yaml
from reinrelax.display.table_blocks import Table, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import Badge, images, mark
from reinrelax.errors import ConfigError
from reinrelax.experiments.relaxed_vae import page as relaxation_views
from reinrelax.jobs.planned import THERE
from reinrelax.reporting.errata import Erratum
from reinrelax.reporting.figure_views import catalogue, figure

# A file per paper, in the page's order, with its name, title and sections.
WORDS = tuple(
    Path("report/templates/sections") / f"{name}.yaml"
    for name in ("beyond-reinmax", "just-relax-it")
)
_PAPER = ("paper", "title", "sections")
_REQUIRED = ("id", "nav", "name", "what", "says", "here", "source", "tables")
_OPTIONAL = ("figures", "errata", "scale", "scale_of", "tables_first")

# The views of each section, which make its blocks, mostly tables. A section without views shows
# only figures, or blocks that the page makes.
VIEWS: Mapping[str, Sequence[Callable[[TableReader], Any]]] = {
    section: [named(one.views[section]) for one in EXPERIMENTS.values() if section in one.views]
    for section in chain.from_iterable(one.views for one in EXPERIMENTS.values())
}
_NOTHING = "not in this configuration"
# How the columns of a table are worded as a scale.
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
class ScaleNote:
    """The scale of a section's results and that of the paper.

    Attributes:
        mark: of a verdict if our scale is smaller or nothing was run; empty otherwise.
        ours, paper: the scales, in words.
        of: whose scale `paper` is.
    """

    mark: Badge
    ours: str
    paper: str
    of: str


@dataclass(frozen=True)
class Shown:
    """A figure with links to its files, or a table, whose files are those of the section."""

    block: Any
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Origin:
    """The origin of numbers.

    Attributes:
        links: text and address of the tables that contain them.
        command: the command that runs missing jobs, or checks published results.
        sources: the experiments and studies that fill the tables, keys of `PURPOSES`.
    """

    links: Sequence[tuple[str, str]]
    command: str
    sources: Sequence[str]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        nav: the name in the navigation.
        what: a subtitle.
        says, here: the paper's statements, and a description of the section's content.
        blocks: tables and figures, each with the `template` that shows it.
        absence: why there are no blocks; empty if there are.
        lacking: why single figures are missing.
        progress: how many of its jobs have been run.
        origin: of its tables.
        errata: the entries about it.
    """

    id: str
    nav: str
    name: str
    what: str
    says: str
    here: str
    scale: ScaleNote | None
    blocks: Sequence[Shown]
    absence: str
    lacking: Sequence[str]
    progress: str
    origin: Origin
    errata: Sequence[Erratum]

    @property
    def empty(self) -> bool:
        """Whether the configuration contains nothing for this section."""
        return self.absence == _NOTHING


@dataclass(frozen=True)
class PaperSections:
    """A paper's part of the page: its short `name`, full `title` and an `anchor`."""

    name: str
    title: str
    anchor: str
    sections: list[Section]

    @property
    def subtitle(self) -> str:
        """The title without the short name at its beginning."""
        return self.title.removeprefix(self.name).lstrip(": ")


def load(
    collected: TableReader,
    entries: Sequence[Erratum],
    own: Mapping[str, Sequence[Any]],
    expected: Sequence[str],
) -> list[PaperSections]:
    """Return the requested sections of each paper, in the page's order.

    Args:
        collected: the results.
        entries: the errata that sections refer to.
        own: blocks that the page makes itself, by section.
        expected: estimators to report if they are absent from Figures 3 and 4.

    Raises:
        ConfigError: a file of sections is invalid.
        ResultsError: a table or figure is missing or damaged.
    """
    known = {entry.id: entry for entry in entries}
    drawn = catalogue(collected.folder)
    papers: dict[str, PaperSections] = {}
    for paper, raw in words(collected.root):
        _check(raw, f"{paper.anchor}.yaml", known, drawn)
        section = _section(raw, collected, known, drawn, own, expected)
        asked = raw["source"] in collected.config.experiments
        if asked and not (collected.config.raw.get("only") and section.empty):
            papers.setdefault(paper.name, paper).sections.append(section)
    return list(papers.values())


def words(root: Path) -> Iterator[tuple[PaperSections, Mapping[str, Any]]]:
    """Yield the texts of all sections, each with its paper, whose list of sections is still empty.

    Raises:
        ConfigError: a file of sections is invalid.
    """
    for path in WORDS:
        content = read_yaml(root / path)
        check_keys(path.name, content, _PAPER)
        paper = PaperSections(content["paper"], content["title"], path.stem, [])
        for raw in content["sections"]:
            yield paper, raw


def citing(shown: Sequence[Section], entry: Erratum) -> list[Section]:
    """Return the sections that refer to an erratum."""
    return [section for section in shown if entry in section.errata]


def _section(
    raw: Mapping[str, Any],
    collected: TableReader,
    known: Mapping[str, Erratum],
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
    views = [block for view in VIEWS.get(raw["id"], ()) for block in with_rows(view(collected))]
    tables = [
        _drawn(collected, "pictures", block, "json")
        if isinstance(block, relaxation_views.Pictures)
        else Shown(block)
        for block in (*own.get(raw["id"], ()), *views)
    ]
    blocks = [*tables, *figures] if raw.get("tables_first") else [*figures, *tables]
    return Section(
        **{
            name: " ".join(str(raw[name]).split())
            for name in ("id", "nav", "name", "what", "says", "here")
        },
        scale=_scale(raw, collected) if "scale" in raw else None,
        blocks=blocks,
        absence="" if blocks else _absence(collected, raw["source"]),
        lacking=list(dict.fromkeys(filter(None, reasons))),
        progress=collected.progress(raw["source"]),
        origin=_origin(collected, raw["tables"], _sources(collected, raw["source"])),
        errata=[known[name] for name in raw.get("errata", ())],
    )


def with_rows(shown: Any) -> list[Any]:
    """Return the blocks of a view's result, one block or several, without empty tables."""
    blocks = [shown] if isinstance(shown, Table) else shown
    return [block for block in blocks if not isinstance(block, Table) or block.rows]


def _sources(collected: TableReader, source: str) -> list[str]:
    """Return an experiment or study and, if planned, its variant as run."""
    return list(
        dict.fromkeys([source, *(line["experiment"] for line in collected.planned(source))])
    )


def made_from(collected: TableReader, entry: Erratum) -> Origin | None:
    """Return the origin of an erratum's numbers; None if it uses none of this run."""
    names = dict.fromkeys(Path(item.csv).stem for item in entry.numbers if item.csv)
    return _origin(collected, list(names), [FILLED_BY[name] for name in names]) if names else None


def _origin(collected: TableReader, tables: Sequence[str], sources: Sequence[str]) -> Origin:
    kinds = (("CSV", "csv"), ("LaTeX", "tex"), ("Markdown", "md"))
    places = {f"{name}, {kind}": f"tables/{name}.{end}" for name in tables for kind, end in kinds}
    own = list(dict.fromkeys(sources))
    return Origin(
        links=[
            (text, place) for text, place in places.items() if (collected.folder / place).is_file()
        ],
        command=command(collected, own),
        sources=own,
    )


def command(collected: TableReader, sources: Sequence[str]) -> str:
    """Return the command that runs missing jobs of experiments or checks published results."""
    config = collected.config
    if config.results != path_of("results", config.raw["results"]):
        return "make verify"
    names = [name if name in config.experiments else name.removesuffix(AS_RUN) for name in sources]
    only = flow({"experiments": list(dict.fromkeys(names))}).strip("{}")
    scale = f" SCALE={config.scale}" if config.scale != "quick" else ""
    return f'make report{scale} ONLY="{only}"'


def _drawn(collected: TableReader, name: str, block: Any, data: str = "csv") -> Shown:
    """Return a figure with links to those of its files that exist."""
    places = {
        f"{name}, SVG": f"figures/{name}.svg",
        f"{name}, as drawn, {data.upper()}": f"figures/{name}.{data}",
    }
    links = [
        (text, place) for text, place in places.items() if (collected.folder / place).is_file()
    ]
    return Shown(block, links)


def _absence(collected: TableReader, source: str) -> str:
    planned = collected.planned(source)
    done = all(line["state"] == "done" for line in planned)
    return _NOTHING if done else "no result yet"


def _scale(raw: Mapping[str, Any], collected: TableReader) -> ScaleNote:
    """Return the scale of a section, from its first table and from the jobs that fill it."""
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
            # Estimators without Monte Carlo draws do not count for the number of draws.
            counts = [count for count in map(to_float, found) if count > 0 or name != "draws"]
            if not counts:
                continue
            used = max(counts) if name == "epoch" else min(counts)
            below |= used < wanted
            ours.append(_SCALE[name].format(f"{used:,.0f}"))
    units = sorted({line["hidden"] for line in done if line.get("hidden")})
    ours += [f"hidden layers of {layers} units" for layers in units]
    below |= bool(units)
    return ScaleNote(
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
    for key, options in (
        ("tables", FILLED_BY),
        ("figures", drawn),
        ("errata", known),
        ("scale", _SCALE),
    ):
        for name in raw.get(key, ()):
            if name not in options:
                raise ConfigError(f"{where}.{key}: unknown {name!r}; known: {', '.join(options)}")
