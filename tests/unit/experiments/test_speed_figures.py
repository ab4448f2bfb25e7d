"""Figures of speed: drawn from the timings that lie in the project, or a word that there
are none.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reinrelax.config.load import Config
from reinrelax.display.charts.lines import LineFigure
from reinrelax.display.charts.maps import MapFigure
from reinrelax.errors import ResultsError
from reinrelax.experiments.cost import figures as speed_figures
from reinrelax.experiments.cost.figures import RESULTS
from reinrelax.reporting import collect, figures
from tests.conftest import ROOT
from tests.helpers.benchmarks import ONEDNN, PACE, write
from tests.helpers.pages import Text, rendered

Load = Callable[..., Config]


def plans(folder: Path) -> tuple[MapFigure, LineFigure]:
    speed, scaling = speed_figures.plans(folder)
    assert isinstance(speed, MapFigure)
    assert isinstance(scaling, LineFigure)
    return speed, scaling


def test_the_map_has_the_ratio_of_every_estimator_and_shape(tmp_path: Path) -> None:
    write(tmp_path)
    speed, _ = plans(tmp_path)
    assert len(speed.data) == 7 * 6
    values = speed.data.set_index(["y", "x"])["value"]
    assert values["ReinMax", "8 × 4"] == pytest.approx(PACE)
    assert values["Gumbel-Rao", "10 × 30"] == pytest.approx(2 * PACE)
    (panel,) = speed.panels
    assert panel.title == "10 models together, 1 thread"
    assert panel.scale.low == 1
    note = speed.data["note"][0]
    assert (
        "STGS at 8 × 4: 0.900 s per model and epoch, 1.50 times its bound of 0.600 s; 500 MB"
        in note
    )


def test_cost_is_drawn_against_each_size_beside_the_bound(tmp_path: Path) -> None:
    write(tmp_path)
    _, scaling = plans(tmp_path)
    assert [panel.title for panel in scaling.panels] == [
        *("ReinMax at 8 × 4", "ReinMax at 10 × 30"),
        *("L = 12, K = 100, R = 10", "C = 16, K = 100, R = 10", "C = 16, L = 12, R = 10"),
    ]
    grouped = scaling.data.groupby("panel", sort=False)
    assert [sorted(set(own["x"])) for _, own in grouped] == [
        *([1, 2, 5, 10, 20, 70],) * 2,
        *([4, 8, 16, 32, 64], [3, 6, 12, 24, 48], [1, 10, 30, 100, 300]),
    ]
    names = ["ReinMax", "ReinMax, 2 threads", "Matrix products", "Matrix products, 2 threads"]
    averaged = ["Gumbel-Rao", "ReinMax-Rao", "ReinMax-CV", "Matrix products"]
    assert [list(dict.fromkeys(own["series"])) for _, own in grouped] == [names] * 2 + [
        averaged
    ] * 3
    bound = scaling.data[scaling.data["series"] == "Matrix products"]
    assert bound["value"].tolist() == pytest.approx([60_000 * ONEDNN] * len(bound))
    assert not scaling.data.duplicated(["panel", "series", "x"]).any()
    draws = scaling.data[
        (scaling.data["panel"] == "cpu-draws") & (scaling.data["series"] == "Gumbel-Rao")
    ]
    assert draws["value"].is_monotonic_increasing
    assert scaling.describe()["absence"] == ""


def test_another_device_has_panels_of_its_own(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "cuda", bandwidth=1e12)
    speed, scaling = plans(tmp_path)
    assert [panel.title for panel in speed.panels][1] == "10 models together, on a GPU"
    assert len(scaling.panels) == 10
    origins = [f"{name}, torch 2.0, commit {12 * 'c'}" for name in ("A processor", "A device")]
    for what in (speed.what, scaling.what):
        assert what.endswith(f"; measured by make bench on {origins[0]} and on {origins[1]}")


def test_damaged_timings_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "cpu.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("ReinMax", "ReinMin"), encoding="utf-8")
    with pytest.raises(ResultsError, match=r"cpu\.csv: differs from the checksum"):
        speed_figures.plans(tmp_path)
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".json").unlink()
    with pytest.raises(ResultsError, match=r"cpu\.json: provenance cannot be read"):
        speed_figures.plans(tmp_path)


@pytest.mark.parametrize("measured", [True, False])
def test_the_section_on_cost_shows_them_or_says_that_there_are_none(
    tmp_path: Path, load_config: Load, measured: bool
) -> None:
    config = load_config()
    project = tmp_path / "project"
    if measured:
        write(project / RESULTS)
    collect.write_tables(config, ROOT)
    figures.write_figures(config, project)
    html = rendered(config)
    section = html.split('<section id="table4"')[1].split("</section>")[0]
    told = " ".join(Text(section).text.split())
    assert ("make bench has not been run" in told) is not measured
    assert (
        f"measured by make bench on A processor, torch 2.0, commit {12 * 'c'}" in told
    ) is measured
    for name in ("speed", "scaling"):
        assert (f'id="{name}-panels"' in section) is measured
        assert (f'href="figures/{name}.csv"' in section) is measured
    catalogue = json.loads((config.folder / "figures/figures.json").read_text(encoding="utf-8"))
    absences = {entry["name"]: entry.get("absence", "") for entry in catalogue}
    assert bool(absences["speed"] and absences["scaling"]) is not measured
