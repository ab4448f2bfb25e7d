"""Lay out the documentation's pages and build the site: `python -m docs.site`, into build/docs/html.

Pages are taken as they are. Those of estimators and distributions, one a module of a catalogue, get what
was measured appended, from the published results; a module without a page gets one from its docstring.
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

from docs.picture import picture
from reinrelax import distributions, estimators
from reinrelax.config import load as configuration
from reinrelax.config.declared import PURPOSES, named
from reinrelax.core.document import merged, read_yaml
from reinrelax.display.blocks import Cell, Column, Table
from reinrelax.display.collected import Collected
from reinrelax.display.tables import read_json
from reinrelax.errors import ConfigError
from reinrelax.reporting import collect, sentences
from reinrelax.reporting.typeset import markdown
from reinrelax.results import packed
from reinrelax.results.published import FOLDER

ROOT = Path(__file__).parents[1]
SCALE = "paper"
# With what they link to.
PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"),
    *("report/reference", "config.yaml", "workflow/profiles/slurm"),
)
# The report's tables with a row an estimator or a distribution, and the experiment that fills them.
VIEWS = {
    "gradients.page:figure1": "gradients",
    "discrete_vae.early_page:early": "early",
    "discrete_vae.page:readings": "readings",
    "cost.page:table4": "cost",
    "properties.page:properties": "properties",
    "relaxed_vae.page:vae": "relaxations",
    "library.page:library": "library",
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
}
_FINDING = re.compile(r"\[[^\]]*\]\(finding:([\w.-]+)\)")


def lay_out(target: Path, collected: Collected) -> None:
    """Write all pages of the site, and what they link to, below `target`.

    Raises:
        ConfigError: a page names a finding that there is not.
    """
    for name in PAGES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        else:
            shutil.copy(ROOT / name, target / name)
    (target / "docs/index.md").rename(target / "index.md")
    (target / "docs/architecture.svg").write_text(picture(ROOT / "docs/design.md"), encoding="utf-8")
    measured = [(source, table) for view, source in VIEWS.items() for table in named(view)(collected)]
    for package in (estimators, distributions):
        _family_pages(target / "docs" / package.__name__.rpartition(".")[2], package, collected, measured)
    _reference(target / "docs/api")
    tell_findings(target / "docs", collected)


def _family_pages(
    folder: Path, package: ModuleType, collected: Collected, measured: Sequence[tuple[str, Table]]
) -> None:
    """Complete the pages of a catalogue, one a module, and list them in its index."""
    modules: dict[str, dict[str, Any]] = {}
    for name, entry in package.CATALOGUE.items():
        modules.setdefault(entry.module, {})[name] = entry
    listed = []
    for module, entries in modules.items():
        page = folder / f"{module}.md"
        if not page.exists():
            title, _, text = (getdoc(import_module(f"{package.__name__}.{module}")) or module).partition("\n")
            page.write_text(f"# {title.rstrip('.')}\n{text.split('>>>')[0]}\n", encoding="utf-8")
        own = [_in_code(package, entries), "## Measured", *_measured(entries, collected, measured)]
        with page.open("a", encoding="utf-8") as file:
            file.write("\n" + "\n\n".join(own) + "\n")
        title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        listed.append(f"| [{title}]({module}.md) | {', '.join(entries)} |")
    with (folder / "index.md").open("a", encoding="utf-8") as file:
        file.write("\n| page | of |\n|---|---|\n" + "\n".join(listed))
        file.write("\n\n```{toctree}\n:hidden:\n" + "\n".join(modules) + "\n```\n")


def _in_code(package: ModuleType, entries: Mapping[str, Any]) -> str:
    """How the members of a family are called, and where their formulas are from."""
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
            f"| {name} | {{py:func}}`~reinrelax.estimators.{entry.function}` | {estimator.equation} "
            f"| {', '.join(entry.hyperparameters)} | {'yes' if estimator.unbiased else 'no'} "
            f"| {entry.variant_of or ''} |"
        )
    head = "| estimator | function | equation | hyper-parameters | unbiased by construction | reading of |"
    return "\n".join(["## In the code", "", head, "|---|---|---|---|---|---|", *rows])


def _measured(
    entries: Mapping[str, Any], collected: Collected, measured: Sequence[tuple[str, Table]]
) -> Iterator[str]:
    """What the report's tables say of a family, and what of it is not measured."""
    wanted = {*entries, *map(_spaced, entries), *filter(None, map(_section, entries, entries.values()))}
    for source, table in measured:
        if rows := [row for row in table.rows if _named(row[0]) & wanted]:
            text = _written(table, rows)
            if not table.folded:
                yield f"### {PURPOSES[source]}"
            yield (
                f"<details><summary>All {len(rows)} lines</summary>\n\n{text}\n</details>"
                if table.folded
                else text
            )
    shown = {source for source, table in measured if any(_named(row[0]) & wanted for row in table.rows)}
    left = [PURPOSES[source] for source in VIEWS.values() if source not in shown]
    yield f"Of this family nothing is published from: {'; '.join(left)}."


def _named(cell: Cell) -> Set[str]:
    """What the first cell of a row says that the row is about."""
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
    kept = [i for i in range(len(table.columns)) if any(row[i].text or row[i].small for row in rows)]
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
    """Write the reference: a page a package, of its public names and what else they need."""
    folder.mkdir()
    for package, beside in REFERENCE.items():
        module = import_module(package)
        lines = [f".. automodule:: {package}", "   :no-index:", ""]
        for name in (*getattr(module, "__all__", ()), *beside):
            lines += _directive(package, name)
        title = f"# `{package}`\n\n```{{eval-rst}}\n"
        (folder / f"{package}.md").write_text(title + "\n".join(lines) + "```\n", encoding="utf-8")
    listed = "\n".join(REFERENCE)
    (folder / "index.md").write_text(f"# Reference\n\n```{{toctree}}\n{listed}\n```\n", encoding="utf-8")


def _directive(package: str, name: str) -> list[str]:
    """What autodoc is asked for a public name of a package, for `module:name`, or for a module."""
    module, _, inside = name.rpartition(":") if ":" in name else (package, "", name)
    value = getattr(import_module(module), inside, None)
    if isinstance(value, ModuleType):
        return []  # REFERENCE has it
    if value is None:
        return [f".. automodule:: {name}", "   :members:", ""]
    place = f"{module}.{inside}"
    if isinstance(value, type):
        return [f".. autoclass:: {place}", "   :members:", ""]
    return [f".. autofunction:: {place}" if callable(value) else f".. autodata:: {place}\n   :no-value:", ""]


def tell_findings(folder: Path, collected: Collected) -> None:
    """Put what was found in the place of each link `[…](finding:<id>)`."""
    claims, found = (read_json(collected.folder / f"tables/{name}.json") for name in ("claims", "findings"))
    said = sentences.load(collected, claims, found)

    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if unknown := set(_FINDING.findall(text)) - set(said):
            raise ConfigError(f"{page.name}: no finding {min(unknown)!r}; report/findings.yaml has them")
        page.write_text(_FINDING.sub(lambda match: _told(said[match[1]]), text), encoding="utf-8")


def _told(finding: sentences.Said) -> str:
    label = f"**{finding.label}** " if finding.label else ""
    return f"{label}{finding.text} *({finding.mark.symbol} {finding.mark.text}; `{finding.id}`)*"


def published(results: Path) -> Collected:
    """What is published, collected below `results` unless it is there."""
    raw = merged(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / f"workflow/scales/{SCALE}.yaml"))
    config = configuration.load({**raw, "results": str(results.absolute())}, ROOT)
    config = replace(config, results=config.results / FOLDER)
    if not config.folder.exists():
        packed.unpack(ROOT / FOLDER / SCALE, config.folder)
        collect.write_tables(config, ROOT, any_source=True)
    return Collected(config, ROOT)


def build(source: Path, html: Path) -> None:
    """Make the site of pages that are laid out; a warning, such as of a link to nowhere, is an error.

    Raises:
        CalledProcessError: a page, a link or a name in it is wrong; Sphinx has said which.
    """
    strictly = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    command = [sys.executable, "-m", "sphinx", *strictly, "-c", str(ROOT / "docs"), str(source), str(html)]
    subprocess.run(command, check=True, cwd=ROOT)


def main() -> None:
    """Lay the pages out, build the site of them and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build/docs", help="(default: build/docs)")
    parser.add_argument("--results", type=Path, help="where the published ones have been collected, if so")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    source = options.out / "source"
    source.mkdir(parents=True)
    lay_out(source, published(options.results or options.out / "results"))
    build(source, options.out / "html")
    print(f"documentation: {options.out / 'html/index.html'}")


if __name__ == "__main__":
    main()
