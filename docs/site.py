"""Lay out the documentation's pages and build the site: `python -m docs.site`, into
build/docs/html.

Pages are taken as they are. Those of estimators and distributions, one per module of a catalogue,
get measurements appended, from the published results; a module without a page gets one from its
docstring.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from types import ModuleType
from typing import Any

from docs import choosing, notebooks
from docs.peers import tables as peers
from docs.picture import picture
from reinrelax import distributions, estimators
from reinrelax.config import load as configuration
from reinrelax.config.declared import PURPOSES, named
from reinrelax.core.yaml_file import merged, read_yaml
from reinrelax.display.table_blocks import Cell, Column, Table, to_float, value_cell
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_json
from reinrelax.display.text_format import fixed, shape
from reinrelax.errors import ConfigError
from reinrelax.reporting import collect, sentences
from reinrelax.reporting.sections import with_rows
from reinrelax.reporting.typeset import markdown
from reinrelax.results import packed
from reinrelax.results.published import FOLDER

ROOT = Path(__file__).parents[1]
SCALE = "paper"
# With what they link to.
PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"),
    *("report/reference", "config.yaml", "workflow/profiles"),
)
# The report's tables with a row per estimator or per distribution, by the experiments that fill
# them.
OF_ESTIMATORS = {
    "gradients": "gradients.page:figure1",
    "early": "discrete_vae.early_page:early",
    "readings": "discrete_vae.page:readings",
    "cost": "cost.page:table4",
}
OF_DISTRIBUTIONS = {
    "properties": "properties.page:properties",
    "relaxations": "relaxed_vae.page:vae",
    "library": "library.page:library",
}
# What the reference has beside the public names of each package: modules, and `module:name`.
REFERENCE = {
    "reinrelax": ("reinrelax.errors",),
    "reinrelax.estimators": (
        "reinrelax.estimators.base",
        "reinrelax.estimators.relax:relax_with",
        "reinrelax.estimators.exact",
        "reinrelax.core.rng:Streams",
        "reinrelax.core.types:LatentShape",
    ),
    "reinrelax.distributions": (
        "reinrelax.distributions.base",
        "reinrelax.distributions.hard",
        "reinrelax.distributions.laplace_bridge",
    ),
    "reinrelax.layers": (),
}
_FINDING = re.compile(r"\[[^\]]*\]\(finding:([\w.-]+)\)")


def lay_out(target: Path, collected: TableReader) -> None:
    """Write all pages of the site, and what they link to, below `target`.

    Raises:
        ConfigError: a page names a finding that there is not.
    """
    for name in PAGES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, target / name, ignore=shutil.ignore_patterns("*.py", "__pycache__")
            )
        else:
            shutil.copy(ROOT / name, target / name)
    (target / "docs/index.md").rename(target / "index.md")
    (target / "docs/architecture.svg").write_text(
        picture(ROOT / "docs/design.md"), encoding="utf-8"
    )
    views = OF_ESTIMATORS | OF_DISTRIBUTIONS
    measured = [
        (source, table)
        for source, view in views.items()
        for table in with_rows(named(view)(collected))
    ]
    measured = [("elbo", _table3(collected)), *measured]
    _family_pages(target / "docs/estimators", estimators, measured, ("elbo", *OF_ESTIMATORS))
    _family_pages(target / "docs/distributions", distributions, measured, tuple(OF_DISTRIBUTIONS))
    _reference(target / "docs/api")
    notebooks.lay_out(sorted((ROOT / "examples").glob("*.py")), target / "docs/examples")
    peers.append(target / "docs/peers.md")
    choosing.fill(target / "docs/choosing.md", collected)
    tell_findings(target / "docs", collected)


def _family_pages(
    folder: Path, package: ModuleType, measured: Sequence[tuple[str, Table]], sources: Sequence[str]
) -> None:
    """Complete the pages of a catalogue, one per module, and list them in its index.

    Args:
        folder: which has its pages.
        package: which has the catalogue.
        measured: tables of the report, each with the experiment that fills it.
        sources: experiments of which a page says so where they have nothing on it.
    """
    modules: dict[str, dict[str, Any]] = {}
    for name, entry in package.CATALOGUE.items():
        modules.setdefault(entry.module, {})[name] = entry
    listed = []
    for module, entries in modules.items():
        page = folder / f"{module}.md"
        if not page.exists():
            title, _, text = (
                getdoc(import_module(f"{package.__name__}.{module}")) or module
            ).partition("\n")
            page.write_text(f"# {title.rstrip('.')}\n{text.split('>>>')[0]}\n", encoding="utf-8")
        own = [_in_code(package, entries), "## Measured", *_measured(entries, measured, sources)]
        with page.open("a", encoding="utf-8") as file:
            file.write("\n" + "\n\n".join(own) + "\n")
        title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        listed.append(f"| [{title}]({module}.md) | {', '.join(entries)} |")
    with (folder / "index.md").open("a", encoding="utf-8") as file:
        file.write("\n| page | of |\n|---|---|\n" + "\n".join(listed))
        file.write("\n\n```{toctree}\n:hidden:\n" + "\n".join(modules) + "\n```\n")


def _in_code(package: ModuleType, entries: Mapping[str, Any]) -> str:
    """Table of the members of a family: how they are called, and the sources of their formulas."""
    if package is distributions:
        rows = [
            f"| {{py:class}}`~reinrelax.distributions.{name}` | {entry.section} |"
            for name, entry in entries.items()
        ]
        return "\n".join(["## In the code", "", "| class | section |", "|---|---|", *rows])
    rows = []
    for name, entry in entries.items():
        estimator = estimators.get(name)
        rows.append(
            f"| {name} | {{py:func}}`~reinrelax.estimators.{entry.function}` | {estimator.equation}"
            f" | {', '.join(entry.hyperparameters)} | {'yes' if estimator.unbiased else 'no'} |"
            f" {entry.variant_of or ''} |"
        )
    head = (
        "| estimator | function | equation | hyper-parameters | unbiased by construction | reading"
        " of |"
    )
    return "\n".join(["## In the code", "", head, "|---|---|---|---|---|---|", *rows])


def _measured(
    entries: Mapping[str, Any], measured: Sequence[tuple[str, Table]], sources: Sequence[str]
) -> Iterator[str]:
    """The report's tables on a family, and a line on the experiments that have nothing on it."""
    wanted = {
        *entries,
        *map(_spaced, entries),
        *filter(None, map(_section, entries, entries.values())),
    }
    left = dict.fromkeys(sources)
    for source, table in measured:
        if rows := [row for row in table.rows if _named(row[0]) & wanted]:
            left.pop(source, None)
            text = _written(table, rows)
            if not table.folded:
                yield f"### {PURPOSES[source]}"
            folded = f"<details><summary>All {len(rows)} lines</summary>\n\n{text}\n</details>"
            yield folded if table.folded else text
    if left:
        yield (
            "Nothing on this page is published from:"
            f" {'; '.join(PURPOSES[source] for source in left)}."
        )


def _table3(collected: TableReader) -> Table:
    """Trained cells of Table 3, one per row; in the report they are a grid."""
    rows = [
        [
            *(Cell(line["estimator"]), Cell(line["method"]), Cell(shape(line["latent"]))),
            value_cell(line, 5, ("mean", "ci_low", "ci_high")),
            *(Cell(fixed(to_float(line[name]))) for name in ("paper_mean", "to_base")),
            Cell(line["verdict"]),
        ]
        for line in collected.lines("table3")
        if to_float(line["seeds"]) > 0
    ]
    heads = ["Estimator", "Method", "Shape", "Ours", "Paper", "Minus ReinMax", "Verdict"]
    kinds = ["text"] * 3 + ["number"] * 3 + ["text"]
    caption = "Test negative ELBO, nats, with the 95% interval of the mean over seeds."
    return Table(
        "table3", caption, [Column(*head) for head in zip(heads, kinds, strict=True)], rows
    )


def _named(cell: Cell) -> Set[str]:
    """Names, in the first cell of a row, of the subject of the row."""
    return {cell.text, cell.text.split(",")[0], *cell.small}


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _section(name: str, entry: Any) -> str:
    """The section of paper A, by which the VAEs and the library's classes are named."""
    if isinstance(entry, distributions.Entry):
        return entry.section
    equation = estimators.get(name).equation
    return equation.removeprefix("A, ") if equation.startswith("A, ") else ""


def _written(table: Table, rows: Sequence[Sequence[Cell]]) -> str:
    """Some rows of a table as Markdown, without columns that are empty in all of them."""
    kept = [
        i for i in range(len(table.columns)) if any(row[i].text or row[i].small for row in rows)
    ]
    columns = [table.columns[i] for i in kept]
    names = [f"{c.head} ({c.small})" if c.small else c.head for c in columns]
    cells = [[" · ".join(filter(None, (row[i].text, *row[i].small))) for i in kept] for row in rows]
    if len(rows) < len(kept) / 2:  # few rows of many columns would not fit beside each other
        first, *others = zip(names, *cells, strict=True)
        heads, cells = [Column(name, "text") for name in first], [list(line) for line in others]
    else:
        heads = [Column(name, column.kind) for name, column in zip(names, columns, strict=True)]
    shown = [[Cell(text) for text in line] for line in cells]
    return markdown("", Table(table.id, table.caption, heads, shown, notes=table.notes))


def _reference(folder: Path) -> None:
    """Write the reference: a page per package, of its public names and those of `REFERENCE`."""
    folder.mkdir()
    for package, beside in REFERENCE.items():
        module = import_module(package)
        lines = [f".. automodule:: {package}", "   :no-index:", ""]
        for name in (*getattr(module, "__all__", ()), *beside):
            lines += _directive(package, name)
        title = f"# `{package}`\n\n```{{eval-rst}}\n"
        (folder / f"{package}.md").write_text(title + "\n".join(lines) + "```\n", encoding="utf-8")
    listed = "\n".join(REFERENCE)
    (folder / "index.md").write_text(
        f"# Reference\n\n```{{toctree}}\n{listed}\n```\n", encoding="utf-8"
    )


def _directive(package: str, name: str) -> list[str]:
    """Directive of autodoc for a public name of a package, for `module:name`, or for a module."""
    module, _, inside = name.rpartition(":") if ":" in name else (package, "", name)
    value = getattr(import_module(module), inside, None)
    if isinstance(value, ModuleType):
        return []  # REFERENCE has it
    if value is None:
        return [f".. automodule:: {name}", "   :members:", ""]
    place = f"{module}.{inside}"
    if isinstance(value, type):
        return [f".. autoclass:: {place}", "   :members:", ""]
    return [
        (
            f".. autofunction:: {place}"
            if callable(value)
            else f".. autodata:: {place}\n   :no-value:"
        ),
        "",
    ]


def tell_findings(folder: Path, collected: TableReader) -> None:
    """Replace each link `[…](finding:<id>)` by the report's sentence on that finding.

    Raises:
        ConfigError: there is no such finding.
    """
    claims, found = (
        read_json(collected.folder / f"tables/{name}.json") for name in ("claims", "findings")
    )
    said = sentences.load(collected, claims, found)

    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if unknown := set(_FINDING.findall(text)) - set(said):
            raise ConfigError(
                f"{page.name}: no finding {min(unknown)!r}; report/findings.yaml has them"
            )
        page.write_text(_FINDING.sub(lambda match: _told(said[match[1]]), text), encoding="utf-8")


def _told(finding: sentences.Said) -> str:
    label = f"**{finding.label}** " if finding.label else ""
    return f"{label}{finding.text} *({finding.mark.symbol} {finding.mark.text}; `{finding.id}`)*"


def published(results: Path) -> TableReader:
    """Collect the published results below `results`, unless that was done."""
    raw = merged(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / f"workflow/scales/{SCALE}.yaml"))
    config = configuration.load({**raw, "results": str(results.absolute())}, ROOT)
    config = replace(config, results=config.results / FOLDER)
    if not config.folder.exists():
        packed.unpack(ROOT / FOLDER / SCALE, config.folder)
        collect.write_tables(config, ROOT, any_source=True)
    return TableReader(config, ROOT)


def build(source: Path, html: Path) -> None:
    """Make the site of pages that are laid out; a warning, such as of a link to nowhere, is an
    error.

    Raises:
        CalledProcessError: a page, a link or a name in it is wrong; Sphinx has said which.
    """
    strictly = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    command = [
        sys.executable,
        "-m",
        "sphinx",
        *strictly,
        "-c",
        str(ROOT / "docs"),
        str(source),
        str(html),
    ]
    subprocess.run(command, check=True, cwd=ROOT)


def main() -> None:
    """Lay the pages out, build the site of them and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build/docs", help="(default: build/docs)"
    )
    parser.add_argument(
        "--results", type=Path, help="where the published ones have been collected, if so"
    )
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    source = options.out / "source"
    source.mkdir(parents=True)
    lay_out(source, published(options.results or options.out / "results"))
    build(source, options.out / "html")
    print(f"documentation: {options.out / 'html/index.html'}")


if __name__ == "__main__":
    main()
