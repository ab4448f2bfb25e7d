"""The documentation's site: it builds without a warning, has all pages, and needs no network."""

import re
import subprocess
import sys
import zlib
from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

from docs import choosing, site
from docs.peers.cases import installed
from reinrelax import distributions, estimators
from reinrelax.errors import ConfigError
from tests.conftest import ROOT, made_once

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def html(paper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, with tables of what is published."""

    def build(folder: Path) -> None:
        options = ["--out", folder, "--results", paper.parents[2]]
        subprocess.run([sys.executable, "-m", "docs.site", *options], cwd=ROOT, check=True)

    return made_once(tmp_path_factory, "docs", build) / "html"


@pytest.mark.parametrize(
    "package", [estimators, distributions], ids=["estimators", "distributions"]
)
def test_every_entry_of_a_catalogue_has_its_page(html: Path, package: object) -> None:
    catalogue, folder = package.CATALOGUE, package.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    for name, entry in catalogue.items():
        page = (html / f"docs/{folder}/{entry.module}.html").read_text(encoding="utf-8")
        assert name in page
        assert "<h2>Measured" in page
        if isinstance(entry, package.Paper):  # type: ignore[attr-defined]
            for part in ("Definition", "Readings", "When to use it"):
                assert f"<h2>{part}" in page, f"{entry.module}: {part}"


def test_the_reference_has_every_public_name(html: Path) -> None:
    known = inventory(html)
    for package in site.REFERENCE:
        module = import_module(package)
        for name in getattr(module, "__all__", ()):
            if ismodule(getattr(module, name)):
                assert any(found.startswith(f"{package}.{name}.") for found in known)
            elif name != "__version__":
                assert f"{package}.{name}" in known
    assert {"reinrelax.errors.InputError", "reinrelax.estimators.base.pathwise"} <= known


def inventory(html: Path) -> set[str]:
    """The names that the site describes."""
    *_, packed = (html / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}


def test_pages_load_nothing_from_elsewhere(html: Path) -> None:
    pages = list(html.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(script|img|iframe)[^>]*src="(https?:)?//', text), page
        assert not re.search(r'<link[^>]*href="(https?:)?//', text), page


def test_numbers_on_a_page_are_those_of_the_tables(html: Path, paper: Path) -> None:
    collected = site.published(paper.parents[2])
    table = site.named("cost.page:table4")(collected)
    rows = [row for row in table.rows if row[0].text == "Gumbel-Rao"]
    assert len(rows) == 1
    page = (html / "docs/estimators/gumbel.html").read_text(encoding="utf-8")
    for cell in rows[0][1:]:
        assert cell.text in page


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text("# A page\n\n[right](https://example.org)\n", encoding="utf-8")
    site.build(source, tmp_path / "html")
    (source / "index.md").write_text("# A page\n\n[wrong](other.md)\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        site.build(source, tmp_path / "html")


def test_a_finding_that_there_is_not_is_named(paper: Path, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("[so](finding:B-nothing)", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"page\.md: no finding 'B-nothing'"):
        site.tell_findings(tmp_path, site.published(paper.parents[2]))


def test_the_picture_has_every_layer(html: Path) -> None:
    from tests.unit.core.test_project import LAYERS

    drawn = (html / "_images/architecture.svg").read_text(encoding="utf-8")
    for name in (name for layer in LAYERS[:-1] for name in layer):
        assert name.replace("<", "&lt;").replace(">", "&gt;") in drawn


def test_which_estimator_is_answered_from_the_tables(html: Path, paper: Path) -> None:
    """Every table has rows, in the order that the page says; names come from first rows."""
    collected = site.published(paper.parents[2])
    page = (html / "docs/choosing.html").read_text(encoding="utf-8")
    tables = {name: make(collected) for name, make in choosing.TABLES.items()}
    for table in tables.values():
        assert table.rows
        for cell in table.rows[0]:
            assert cell.text in page
    shown = [row[0].text for row in tables["estimators"].rows]
    assert all(estimators.lookup(name.split(",")[0]).variant_of is None for name in shown)
    for name in ("binary", "categorical", "others"):
        bounds = [float(row[3].key) for row in tables[name].rows]
        assert bounds == sorted(bounds)
        assert f"bound so far: {tables[name].rows[0][0].text}" in page or name == "others"
    every = [row[0].text for n in ("binary", "categorical", "others") for row in tables[n].rows]
    assert len(set(every)) == len(every) == len(collected.lines("relaxations"))


def test_no_number_on_the_page_of_choices_is_typed() -> None:
    """Names of methods and the conventional τ = 1 aside."""
    text = (ROOT / "docs/choosing.md").read_text(encoding="utf-8").replace("τ = 1", "")
    assert not re.search(r"(?<![\w-])\d", re.sub(r"\([^)]*\)|`[^`]*`", "", text))


def test_a_table_that_there_is_not_is_named(paper: Path, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("[so](table:nothing)", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"page\.md: no table 'nothing'; known: estimators"):
        choosing.fill(tmp_path / "page.md", site.published(paper.parents[2]))


def test_every_program_of_examples_has_a_page_and_a_notebook(html: Path) -> None:
    downloads = {path.name for path in (html / "_downloads").rglob("*.ipynb")}
    for path in (ROOT / "examples").glob("*.py"):
        page = (html / f"docs/examples/{path.stem}.html").read_text(encoding="utf-8")
        assert "def" in page
        assert f"{path.stem}.ipynb" in downloads


def test_the_page_of_peers_has_their_versions(html: Path) -> None:
    page = (html / "docs/peers.html").read_text(encoding="utf-8")
    for package, number in installed().items():
        assert f"{package} {number}" in page
    for words in ("Where a peer is right", "mass of the density", "GaussianRelaxedBernoulli"):
        assert words in page
