"""The documentation's site: it builds without a warning, has all pages, and needs no network."""

import re
import subprocess
import sys
import zlib
from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

from docs import site
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
