"""The page of differences in a real browser."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from reinrelax.config import load as configuration
from reinrelax.reporting import collect
from tests.conftest import ROOT, merge
from tests.helpers.pages import to_be_changed
from tests.helpers.synthetic import noise, write_results, write_studies

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as a user makes it: of two folders that differ in a verdict, a number and a commit."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))
    raw["results"] = str(tmp_path_factory.mktemp("results"))
    config = configuration.load(raw, ROOT)
    write_results(config, lambda run: (140 + noise(run), 142.0))
    write_studies(config)
    collect.write_tables(config, ROOT)
    other = Path(shutil.copytree(config.folder, config.folder.parent / "other"))
    to_be_changed(other)
    tables = other / "tables"
    stated = json.loads((tables / "claims.json").read_text(encoding="utf-8"))
    stated[0]["verdict"] = "near"
    (tables / "claims.json").write_text(json.dumps(stated), encoding="utf-8")
    for name, column, value in (("table4", "seconds", "123.5"), ("jobs", "commit", "f" * 40)):
        rows = pd.read_csv(tables / f"{name}.csv", dtype=str, keep_default_na=False)
        rows[column] = value
        rows.to_csv(tables / f"{name}.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-m", "reinrelax", "diff", str(config.folder), str(other)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    path = config.folder.parent / "diff.html"
    assert done.stdout == f"difference: {path}\n"
    return path


def test_the_page_works_alone_in_both_schemes_and_on_a_phone(browser: Any, page: Path) -> None:
    backgrounds = set()
    for width, scheme in ((1280, "light"), (375, "dark")):
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        complaints: list[str] = []
        requests: list[str] = []
        tab.on("console", lambda message, into=complaints: into.append(message.text))
        tab.on("pageerror", lambda error, into=complaints: into.append(str(error)))
        tab.on("request", lambda asked, into=requests: into.append(asked.url))
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        backgrounds.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
        changed = tab.locator("#claims-changed tbody tr")
        assert changed.count() == 1
        assert "near" in changed.inner_text()
        head = tab.locator("#table4-changed th", has_text="B − A")
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert "ffffffffffff" in tab.locator("#job-changed").inner_text()
        for link in tab.locator("nav a").all():
            assert tab.locator(link.get_attribute("href")).count() == 1
        tab.close()
        assert complaints == []
        assert [url for url in requests if not url.startswith("data:")] == [page.as_uri()]
    assert len(backgrounds) == 2
