"""Figures: the same bytes each time, the planned order, and looks that tell estimators apart."""

import re
from collections.abc import Callable

import pandas as pd

from reinrelax.config import Config
from reinrelax.reporting import collect, figures, style
from tests.conftest import ROOT
from tests.synthetic import noise, write_results

Load = Callable[..., Config]


def build(config: Config, **only: object) -> None:
    """Figures of planted results."""
    write_results(config, lambda run: (150 + noise(run), 160 + noise(run)), **only)  # type: ignore[arg-type]
    collect.write_tables(config, ROOT)
    figures.write_figures(config, ROOT)


def test_figures_are_the_same_bytes_each_time_and_have_no_background(load_config: Load) -> None:
    config = load_config()
    build(config)
    first = {path.name: path.read_bytes() for path in (config.folder / "figures").iterdir()}
    assert set(first) == {"figure3.svg", "figure4.svg", "figure3.csv", "figure4.csv"}
    figures.write_figures(config, ROOT)
    assert first == {path.name: path.read_bytes() for path in (config.folder / "figures").iterdir()}
    text = first["figure3.svg"].decode()
    assert "<dc:date>" not in text
    assert "8 × 4" in text
    assert style.INK not in text
    assert "currentColor" in text
    assert not re.search(r"fill: ?#(fff|ffffff|000000)\b", text)


def test_curves_and_panels_keep_the_planned_order_when_cells_are_missing(load_config: Load) -> None:
    config = load_config()
    build(config, only=lambda cell: cell.name != "elbo/8x4/ST")
    curves = pd.read_csv(config.folder / "tables/curves.csv")
    assert list(dict.fromkeys(curves["latent"])) == ["8x4", "4x24"]
    first = curves[curves["latent"] == "8x4"]
    assert list(dict.fromkeys(first["estimator"])) == ["ReinMax", "ReinMax-CV"]
    text = (config.folder / "figures/figure3.svg").read_text()
    assert text.index('id="figure3-8x4"') < text.index('id="figure3-4x24"')


def test_no_two_estimators_look_alike() -> None:
    names = [f"E{index}" for index in range(30)]
    looks = style.styles(["ReinMax", "STGS", *names])
    assert len(set(looks.values())) == 32
    seven = style.styles(
        ["STGS", "Gumbel-Rao", "ST", "GST-1.0", "ReinMax", "ReinMax-Rao", "ReinMax-CV"]
    ).values()
    for part in ("colour", "dashes", "marker"):
        assert len({getattr(look, part) for look in seven}) == 7
    # Leaving estimators out does not change how the others look.
    assert style.styles(["ReinMax"])["ReinMax"] == looks["ReinMax"]
