"""What tests of the page share: planted results, and a page taken apart."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.display.tables import CHECKSUMS
from reinrelax.jobs.job import Job
from reinrelax.reporting import collect, figures, page
from tests.conftest import ROOT
from tests.helpers.synthetic import noise, published

Load = Callable[..., Config]

PAPER: dict[str, Any] = {
    "scale": "paper",
    "dataset": {"name": "mnist", "train_images": None, "test_images": None},
    "experiments": {"elbo": {"seeds": 5, "epochs": 160, "draws": 100}},
}


def to_be_changed(folder: Path) -> None:
    """Take what a test writes into the tables of a results folder for what was written there."""
    (folder / "tables" / CHECKSUMS).unlink()


def flat(run: Run) -> tuple[float, float]:
    return 150 + noise(run), 160 + noise(run)


def from_paper(run: Run) -> tuple[float, float]:
    return published(run, ROOT) if run.experiment == "elbo" else flat(run)


def elbo(cell: Job) -> bool:
    return cell.first.experiment == "elbo"


def table(config: Config, name: str) -> pd.DataFrame:
    return pd.read_csv(config.folder / "tables" / name, keep_default_na=False, dtype=str)


def line(
    config: Config, name: str, estimator: str, latent: str, method: str = "as printed"
) -> dict[str, str]:
    found = table(config, name)
    row = found[(found["estimator"] == estimator) & (found["latent"] == latent)]
    if "experiment" in row:
        row = row[row["experiment"] == "elbo"]
    if "method" in row:
        row = row[row["method"] == method]
    assert len(row) == 1
    return {str(key): value for key, value in row.iloc[0].items()}


def build(config: Config, project: Path = ROOT) -> str:
    """All pages; `project` may be a folder without a benchmark, of which the figures of speed are
    made.
    """
    collect.write_tables(config, ROOT)
    figures.write_figures(config, project)
    return rendered(config)


def shown(config: Config) -> str:
    """All pages of a report that is there, one after the other."""
    return "\n".join((config.folder / name).read_text(encoding="utf-8") for name in page.SITE)


def rendered(config: Config) -> str:
    """All pages, made anew of what is collected and drawn."""
    page.write_report(config, ROOT)
    return shown(config)


class Text(HTMLParser):
    """The words of a page without its scripts and styles, and the number of each start tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.tags, self._hidden = [], [], False
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def column(table: Any, number: int) -> list[str]:
    """What stands in a column of a table in the browser, in the rows that are shown."""
    texts: list[str] = table.locator(
        f"tbody tr:not([hidden]) > :nth-child({number})"
    ).all_inner_texts()
    return texts
