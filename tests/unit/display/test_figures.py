"""Figures: the same bytes each time, the planned order, and looks that tell estimators apart."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection
from pathlib import Path

import pandas as pd
import pytest

from reinrelax.config.declared import EXPERIMENTS, REPORT
from reinrelax.config.load import Config
from reinrelax.display.charts import intervals, lines, style, svg
from reinrelax.display.charts.canvas import Chart
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference, RingedPoint
from reinrelax.reporting import collect, figures
from tests.conftest import ROOT
from tests.helpers.synthetic import noise, write_results, write_studies

Load = Callable[..., Config]
NAMES = {name for one in (*EXPERIMENTS.values(), REPORT) for name in one.figures}
JSON = {"figures.json", "pictures.json", "checksums.json"}


def build(
    config: Config, studies: bool = True, drawn: Collection[str] = (), **only: object
) -> None:
    """Figures of planted results: all, or those whose names are given."""
    write_results(config, lambda run: (150 + noise(run), 160 + noise(run)), **only)  # type: ignore[arg-type]
    if studies:
        write_studies(config)
    collect.write_tables(config, ROOT)
    with pytest.MonkeyPatch.context() as patch:
        if drawn:
            patch.setattr(figures, "FIGURES", {name: figures.FIGURES[name] for name in drawn})
        figures.write_figures(config, ROOT)


@pytest.fixture(scope="module")
def drawn(everything: Config) -> Config:
    """The tests' scale with everything computed, collected and drawn."""
    return everything


def test_figures_are_the_same_bytes_each_time_and_have_no_background(
    drawn: Config, drawing: Callable[[Chart], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = drawn
    monkeypatch.setattr(Chart, "draw", drawing)  # drawn once more
    first = {path.name: path.read_bytes() for path in (config.folder / "figures").iterdir()}
    assert set(first) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "csv")} | JSON
    figures.write_figures(config, ROOT)
    assert first == {path.name: path.read_bytes() for path in (config.folder / "figures").iterdir()}
    for name in NAMES:
        text = first[f"{name}.svg"].decode()
        assert "<dc:date>" not in text
        assert style.INK not in text
        assert "currentColor" in text
        assert not re.search(r"fill: ?#(fff|ffffff|000000)\b", text)
    assert "8 × 4" in first["figure3.svg"].decode()


def test_every_panel_and_series_of_the_data_is_in_the_figure(drawn: Config) -> None:
    config = drawn
    catalogue = json.loads((config.folder / "figures/figures.json").read_text(encoding="utf-8"))
    assert {entry["name"] for entry in catalogue} == NAMES
    for entry in catalogue:
        name = entry["name"]
        data = pd.read_csv(config.folder / f"figures/{name}.csv")
        text = (config.folder / f"figures/{name}.svg").read_text(encoding="utf-8")
        root = ET.fromstring(text)
        panels = [group.get("id", "") for group in root.iter() if group.get("data-frame")]
        expected = [f"{name}-{panel}" for panel in dict.fromkeys(data["panel"])]
        assert panels == expected, name
        assert [panel for panel, *_ in svg.take_apart(text, name).panels] == expected
        assert (
            set(entry["titles"])
            == set(entry["y_labels"])
            == set(entry["log"])
            == set(data["panel"])
        )
        groups = {group.get("id") for group in root.iter() if group.get("data-series")}
        if entry["kind"] == "lines":
            assert list(data.columns[:6]) == list(lines.COLUMNS)
            series = list(dict.fromkeys(data["series"]))
            assert [one["name"] for one in entry["series"]] == series
            drawn = data.dropna(subset=["value"])
            for panel, label in set(zip(drawn["panel"], drawn["series"], strict=True)):
                assert f"{name}-{panel}-line-{series.index(label)}" in groups
        elif entry["kind"] == "intervals":
            assert list(data.columns[:6]) == list(intervals.COLUMNS)
            assert {one["name"] for one in entry["series"]} >= set(data["series"])
            notes = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
            for line in data.to_dict("records"):
                assert any(
                    str(note).startswith(f"{line['row']}, {line['series']}: ") for note in notes
                )
        elif entry["kind"] == "map":
            for panel, rows in data.groupby("panel"):
                assert {f"{name}-{panel}-cell-{index}" for index in range(len(rows))} <= groups


def test_curves_and_panels_keep_the_planned_order_when_cells_are_missing(load_config: Load) -> None:
    config = load_config()
    build(config, studies=False, drawn=["figure3"], only=lambda cell: cell.name != "elbo/8x4/ST")
    curves = pd.read_csv(config.folder / "tables/curves.csv")
    assert list(dict.fromkeys(curves["latent"])) == ["8x4", "4x24"]
    first = curves[curves["latent"] == "8x4"]
    assert list(dict.fromkeys(first["estimator"])) == ["ReinMax", "ReinMax-CV"]
    text = (config.folder / "figures/figure3.svg").read_text()
    assert text.index('id="figure3-8x4"') < text.index('id="figure3-4x24"')


def test_figures_of_nothing_say_so(load_config: Load, tmp_path: Path) -> None:
    config = load_config()
    collect.write_tables(config, ROOT)
    figures.write_figures(config, tmp_path)  # a project without a benchmark
    for name in NAMES:
        text = (config.folder / f"figures/{name}.svg").read_text(encoding="utf-8")
        assert "No results to draw yet" in text, name
        assert svg.take_apart(text, name).panels == []
        assert len(pd.read_csv(config.folder / f"figures/{name}.csv")) == 0


def test_the_papers_estimators_stand_apart_from_others(drawn: Config) -> None:
    config = drawn
    data = pd.read_csv(config.folder / "figures/figure1.csv")
    above = set(data.loc[data["panel"] == "cosine", "series"])
    below = set(data.loc[data["panel"] == "cosine-readings", "series"])
    assert {name.split(", ")[0] for name in above} == set(style.PAPER)
    assert "REINFORCE-LOO" in below
    assert not above & below


def test_the_authors_own_values_are_drawn_in(load_config: Load) -> None:
    config = load_config(
        experiments={"gradients-run": {"training": {"epochs": 10}, "every": 5}}, scale="theirs"
    )
    build(config, drawn=["figure1-run", "figure2"])
    first = (
        pd.read_csv(config.folder / "figures/figure1-run.csv")
        .set_index(["panel", "series", "x"])["value"]
        .sort_index()
    )
    assert first["cosine_batch-authors", "ReinMax", 5] == 0.8999
    assert first["std_image-authors", "ST", 10] == 2.322
    assert set(first["cosine_batch-here"].index.get_level_values(0)) == {
        *style.PAPER[:-1],
        "ReinMax-CV-run",
    }
    second = pd.read_csv(config.folder / "figures/figure2.csv").set_index(["panel", "series", "x"])[
        "value"
    ]
    second = second.sort_index()
    assert second["8x4", "the authors’ seeds", 0.5] == 142.967
    assert len(second["8x4", "the authors’ seeds"]) == 3


def test_the_grid_marks_the_best_and_the_papers_point(drawn: Config) -> None:
    config = drawn
    data = pd.read_csv(config.folder / "figures/grid.csv")
    assert data.groupby("panel")["is_best"].sum().to_dict() == {
        "ReinMax-Rao-8x4": 1,
        "ReinMax-CV-8x4": 1,
    }
    assert data.groupby("panel")["is_paper"].sum().to_dict() == {
        "ReinMax-Rao-8x4": 1,
        "ReinMax-CV-8x4": 1,
    }
    assert data.loc[data["is_best"], "value"].tolist() == [0, 0]
    text = (config.folder / "figures/grid.svg").read_text(encoding="utf-8")
    assert "<title>Adam, 0.0005, τ 1.0: train " in text


def figure(panel: LinePanel, **columns: object) -> str:
    data = pd.DataFrame({"panel": panel.name, "series": "A", "low": None, "high": None, **columns})
    data = data[list(lines.COLUMNS)].astype({"low": float, "high": float})
    return LineFigure("f", "what", data, (panel,)).draw()


def test_numbers_at_the_axes_keep_their_digits_and_limits_their_precision() -> None:
    text = figure(LinePanel("p", "", "x", "y"), x=[0, 1], value=[0.9751, 0.9762])
    assert ">0.9754<" in text
    found = re.search(r'data-y="([\d.]+) ([\d.]+)"', text)
    assert found
    assert 0.974 < float(found[1]) < 0.9751 < 0.9762 < float(found[2]) < 0.977


def test_a_logarithmic_panel_says_so_and_leaves_out_what_has_no_logarithm() -> None:
    text = figure(LinePanel("p", "", "x", "y", log=True), x=[0, 1, 2], value=[1e-6, 0.0, 1e-3])
    assert 'data-log="y"' in text
    assert "10⁻⁵" in text


def test_panels_of_a_group_have_the_same_range_of_y() -> None:
    values = {"p": [1.0, 2.0], "q": [5.0, 9.0], "r": [0.3, 0.4]}
    rows = [
        (name, "A", x, value, None, None)
        for name, own in values.items()
        for x, value in enumerate(own)
    ]
    data = pd.DataFrame(rows, columns=list(lines.COLUMNS)).astype({"low": float, "high": float})
    panels = tuple(
        LinePanel(name, "", "x", "y", group="" if name == "r" else "g") for name in values
    )
    found = re.findall(r'data-y="(\S+) (\S+)"', LineFigure("f", "what", data, panels).draw())
    ends = [(float(low), float(high)) for low, high in found]
    assert len(ends) == 3
    assert ends[0] == ends[1] != ends[2]
    assert ends[0][0] < 1 < 9 < ends[0][1]
    assert ends[2][1] < 1


@pytest.mark.parametrize(
    ("value", "words"), [(10.5, "paper"), (90.0, "paper 90 ↑"), (-90.0, "paper -90 ↓")]
)
def test_a_reference_far_from_the_lines_does_not_squash_them(value: float, words: str) -> None:
    panel = LinePanel("p", "", "x", "y", references=(Reference("y", value, "paper"),))
    text = figure(panel, x=[0, 1], value=[9.0, 10.0])
    assert f">{words}<" in text
    found = re.search(r'data-y="\S+ (\S+)"', text)
    assert found
    assert float(found[1]) < 12


def test_a_minimum_without_interval_is_drawn_too() -> None:
    panel = LinePanel(
        "p", "", "x", "y", marks=(RingedPoint("A", 1, 9, float("nan"), float("nan")),)
    )
    ET.fromstring(figure(panel, x=[0, 1, 2], value=[10.0, 9.0, 10.0]))


def test_a_panel_without_numbers_says_so() -> None:
    text = figure(LinePanel("p", "", "x", "y"), x=[0, 1], value=[float("nan")] * 2)
    assert "No results to draw yet" in text
    assert 'id="f-p"' in text


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


def test_an_estimator_with_settings_alone_keeps_its_looks_for_one_of_them() -> None:
    looks = style.styles(["ST", "ReinMax-CV, η 0.5", "ReinMax-CV, η 1.5", "g′"])
    assert looks["ReinMax-CV, η 0.5"] == style.styles(["ReinMax-CV"])["ReinMax-CV"]
    assert len(set(looks.values())) == 4


def test_an_axis_of_less_than_a_decade_has_several_ticks() -> None:
    """Wherever it lies: plain steps may begin at zero, which a logarithmic axis has not."""
    for low, high in ((1.0, 1.1), (0.9, 3.0), (1e-4, 3e-4), (2e5, 3e5)):
        rows = [
            {"panel": "all", "series": "a", "x": x, "value": v} for x, v in ((0, low), (1, high))
        ]
        data = pd.DataFrame(rows).assign(low=float("nan"), high=float("nan"))
        text = lines.LineFigure(
            "f", "w", data, (lines.LinePanel("all", "", "", "", log=True),)
        ).draw()
        assert text.count("<text") >= 6, (low, high)  # of x some, and of y more than one
