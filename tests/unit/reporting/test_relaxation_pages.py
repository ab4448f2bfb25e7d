"""Paper A's part of the page: pictures pixel by pixel, agreement, regions of densities, maps."""

import base64
import io
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reinrelax.config.declared import DEMONSTRATIONS
from reinrelax.config.load import Config
from reinrelax.display.charts import simplex
from reinrelax.display.charts.maps import ColourScale, MapFigure, MapPanel
from reinrelax.display.comparison import AGREES, DIFFERS, NOTHING, OUTSIDE, agreement, compared
from reinrelax.errors import ResultsError
from reinrelax.experiments.properties.page import properties
from reinrelax.experiments.relaxed_vae import pictures
from reinrelax.jobs.runs import cells, table_path
from reinrelax.reporting import collect, figures, page
from tests.conftest import ROOT
from tests.helpers.pages import Text, rendered
from tests.helpers.synthetic import noise, write_results, write_studies

Load = Callable[..., Config]
_SHOWN = ("Correlated-Bernoulli", "Relaxed-Bernoulli", "Decoupled-STGS")


def build(config: Config, latents: tuple[str, ...] = _SHOWN) -> str:
    """The page of these kinds of latent variables and of all demonstrations."""
    write_results(
        config,
        lambda run: (150 + noise(run), 160 + noise(run)),
        only=lambda cell: (
            cell.first.experiment == "relaxations" and cell.first.estimator in latents
        ),
    )
    write_studies(config, only=DEMONSTRATIONS.__contains__)
    collect.write_tables(config, ROOT)
    figures.write_figures(config, ROOT)
    return rendered(config)


def decoded(png: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_pictures_are_the_stored_pixels_of_the_run_that_they_are_named_after(
    load_config: Load,
) -> None:
    config = load_config()
    html = build(config)
    entries = json.loads((config.folder / "figures/pictures.json").read_text(encoding="utf-8"))
    by_label = {entry["label"]: entry for entry in entries}
    assert [entry["label"] for entry in entries][:3] == [
        f"Relaxed-Bernoulli, τ {t}" for t in (0.1, 0.5, 1.0)
    ]
    stored = dict(
        np.load(table_path(config, "relaxations/2x20/Correlated-Bernoulli").with_suffix(".npz"))
    )
    shown = by_label["Correlated-Bernoulli"]
    samples, rows = decoded(shown["samples"]["png"]), decoded(shown["reconstructions"]["png"])
    assert samples.shape == (shown["samples"]["height"], shown["samples"]["width"]) == (224, 224)
    assert (samples[28:56, 56:84].ravel() == stored["samples"][0, 10]).all()
    assert rows.shape == (84, 224)
    for row, name in enumerate(("originals", "hard", "relaxed")):
        expected = stored[name] if name == "originals" else stored[name][0]
        assert (rows[28 * row : 28 * row + 28, 28:56].ravel() == expected[1]).all()
    # Of others a few shades, near the stored ones; each setting has its own.
    cell = cells(config)["relaxations/2x20/Relaxed-Bernoulli"]
    stored = dict(np.load(table_path(config, cell.name).with_suffix(".npz")))
    index = [dict(run.hyper)["tau"] for run in cell.runs if run.seed == 0].index(0.5)
    samples = decoded(by_label["Relaxed-Bernoulli, τ 0.5"]["samples"]["png"])
    off = samples[:28, :28].ravel().astype(int) - stored["samples"][index, 0]
    assert abs(off).max() <= 9
    assert len(np.unique(samples)) == 16
    assert html.count('src="data:image/png;base64,') == 2 * len(entries)
    assert html.count('alt="Correlated-Bernoulli: ') == 2
    # The paper's own stand open, all others open on demand.
    assert html.count('<details class="picture">') == 2 * (len(entries) - 1)


def test_partial_pictures_say_what_is_missing_and_damaged_ones_are_named(load_config: Load) -> None:
    config = load_config()
    html = build(config, ("Decoupled-STGS",))
    assert "alt=&#34;Correlated" not in html
    assert 'alt="Correlated-Bernoulli' not in html
    assert "missing: relaxations/" in html
    path = table_path(config, "relaxations/10x20/Decoupled-STGS").with_suffix(".npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ResultsError, match="cannot be read as pictures"):
        figures.write_figures(config, ROOT)


def test_a_picture_is_the_same_bytes_each_time() -> None:
    images = np.arange(4 * 784, dtype=np.uint32).astype(np.uint8).reshape(4, 784)
    tiled = pictures.tiled(images, 2, 28)
    assert tiled.shape == (56, 56)
    assert (tiled[28:, :28].ravel() == images[2]).all()
    assert pictures.encode(tiled) == pictures.encode(tiled.copy())
    assert (decoded(pictures.encode(tiled)) == tiled).all()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"value": 1.0, "low": 0.9, "high": 1.1, "expected": 1.05}, AGREES),
        ({"value": 1.0, "low": 0.9, "high": 1.1, "expected": 1.15}, OUTSIDE),
        ({"value": 1.0, "low": 0.9, "high": 1.1, "expected": 1.25}, DIFFERS),
        ({"value": 1.0, "low": "", "high": "", "expected": 1.0 + 1e-9}, AGREES),
        ({"value": 1.0, "low": "", "high": "", "expected": 1.01}, DIFFERS),
        ({"value": 0.0, "low": 0.0, "high": 0.0, "expected": 0.0}, AGREES),
        ({"value": 1.0, "low": 0.9, "high": 1.1, "expected": ""}, NOTHING),
        ({"value": "", "low": "", "high": "", "expected": 1.0}, NOTHING),
    ],
)
def test_agreement_has_a_symbol_and_a_word(line: dict[str, Any], expected: Any) -> None:
    assert agreement(line) == expected
    small = " ".join(compared(line).small)
    if expected.text:
        assert f"{expected.symbol} " in small
        assert expected.text.split()[0].rstrip("s") in small


def test_regions_of_a_density_hold_what_they_say() -> None:
    """A triangle's worth of equal areas with a linear density: the share above a level is known."""
    density = np.linspace(0, 1, 100_001)
    # Above c lies 1 − c² of the mass.
    assert simplex.levels(density) == pytest.approx(
        [math.sqrt(1 - s) for s in simplex.SHARES], abs=1e-4
    )


def test_maps_show_signs_about_a_neutral_middle_and_no_numbers_where_there_is_no_room() -> None:
    scale = ColourScale(-1, 1, "unit", digits=None, diverging=True)
    data = pd.DataFrame(
        {
            "panel": "p",
            "x": ["1", "2", "3"],
            "y": "1",
            "value": [-1.0, 0.0, math.nan],
            "note": ["low", "middle", "none"],
            "is_best": False,
            "is_paper": False,
        }
    )
    plan = MapFigure(
        "m", "what", data, (MapPanel("p", "", "x", "y", ("1", "2", "3"), ("1",), scale),)
    )
    text = plan.draw()
    assert plan.draw() == text
    assert "our lowest" not in text
    assert "m-p-over-0" not in text
    assert "m-p-over-2" in text  # what has no value says so
    red, green, blue, _ = scale.colour(0.0)
    assert min(red, green, blue) > 0.9
    assert scale.colour(-5.0) == scale.colour(-1.0) != scale.colour(1.0)


def test_properties_say_in_words_what_disagrees(load_config: Load) -> None:
    config = load_config()
    html = build(config)
    assert "+30% ≠ differs" in html  # the planted bias of a relaxation
    assert re.search(r"≠ no fit", html)
    assert "All " in html
    assert properties.__doc__


def test_the_library_stands_beside_our_laws_with_what_it_raises(load_config: Load) -> None:
    html = build(load_config())
    words = Text(html).text
    assert "rsample(sample_shape): RuntimeError" in words
    assert "≠ differs from 0" in words  # the planted correlation of a batch
    assert "NotImplementedError" in words


def test_sections_are_grouped_by_paper(load_config: Load) -> None:
    config = load_config()
    html = build(config)
    papers = page.context(config, ROOT, {})["papers"]
    assert [paper.name for paper in papers] == ["Beyond ReinMax", "Just Relax It!"]
    assert all(section.id.startswith("a-") for section in papers[1].sections)
    assert not any(section.id.startswith("a-") for section in papers[0].sections)
    for paper in papers:
        assert f'<h2 class="paper" id="{paper.anchor}">{paper.name}' in html
    places = [html.index(f'id="{name}"') for name in ("just-relax-it", "a-vae", "both-papers")]
    assert places == sorted(places)


def test_the_page_stays_small(load_config: Load) -> None:
    config = load_config()
    build(config)
    sizes = {path.stem: path.stat().st_size for path in (config.folder / "figures").glob("*.svg")}
    assert max(sizes.values()) < 400_000, sizes
