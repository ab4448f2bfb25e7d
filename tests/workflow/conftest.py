"""A report of planted results, and a real browser to read it with."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import sync_playwright

from reinrelax.config import load as configuration
from reinrelax.execution import report as finished
from reinrelax.reporting import collect, figures, page
from reinrelax.results import packed
from reinrelax.results.published import FOLDER
from tests.conftest import ROOT, made_once, merge
from tests.helpers.synthetic import noise, published, write_results, write_studies
from tests.workflow import planted

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
CHANGES: dict[str, Any] = {
    "scale": "browser",
    "dataset": {"name": "mnist", "train_images": None, "test_images": None},
    "experiments": {"elbo": {"seeds": 5, "epochs": 160, "draws": 100}},
}


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report at the paper's scale, one cell missing, one seed diverged."""
    return made_once(tmp_path_factory, "browser", _report_of_planted) / "mine/browser/report.html"


def _report_of_planted(folder: Path) -> None:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, {**CHANGES, "results": "mine"})
    config = configuration.load(raw, ROOT)
    folder.mkdir()
    with contextlib.chdir(
        folder
    ):  # results lie here, and all else is taken from the project's folder
        write_results(
            config,
            lambda run: (
                published(run, ROOT) if run.experiment == "elbo" else (140 + noise(run), 142.0)
            ),
            only=lambda cell: cell.name != "elbo/8x4/GST-1.0",
            diverged=[("STGS", "4x24", 2)],
            epochs=[1, 40, 80, 120],
        )
        write_studies(config, only=lambda name: name != "cost")
        collect.write_tables(config, ROOT)
        figures.write_figures(config, ROOT)
        page.write_report(config, ROOT)
    assert [found.name for found in folder.iterdir()] == ["mine"]


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of what is published."""
    made = made_once(tmp_path_factory, "paper", _report_of_published)
    return made / "results/published/paper/report.html"


def _report_of_published(folder: Path) -> None:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/paper.yaml").read_text(encoding="utf-8")))
    folder.mkdir()
    with contextlib.chdir(folder):
        config = configuration.load(raw, ROOT)
        config = replace(config, results=config.results / FOLDER)
        packed.unpack(ROOT / FOLDER / config.scale, config.folder)
        finished.build(config, any_source=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, as installed."""
    assert CHROMIUM is not None, "the browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Any, report: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page of the report that a module calls `PAGE`, opened.

    Whatever the test does must leave no complaint, and ask for nothing but the report's own pages.
    """
    settings = {"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})}
    opened = browser.new_page(**settings)
    complaints: list[str] = []
    requests: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda asked: requests.append(asked.url))
    opened.goto((report.parent / getattr(request.module, "PAGE", report.name)).as_uri())
    yield opened
    opened.close()
    assert complaints == []
    site = {(report.parent / name).as_uri() for name in page.SITE}
    asked = {re.split("[?#]", url)[0] for url in requests if not url.startswith("data:")}
    assert asked <= site, asked - site


@pytest.fixture(scope="session")
def claims(report: Path) -> list[dict[str, Any]]:
    """What the report's claims are."""
    found: list[dict[str, Any]] = json.loads(
        (report.parent / "tables/claims.json").read_text(encoding="utf-8")
    )
    return found


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A project whose run has finished with planted results, to be changed."""
    made = made_once(tmp_path_factory, "planted", planted.make)
    shutil.copytree(made, tmp_path / "planted", copy_function=shutil.copy2, symlinks=True)
    return tmp_path / "planted/project"
