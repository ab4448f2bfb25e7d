"""Tables, figures and page at every stage of completion, from results that are planted."""

import csv
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reinrelax.config import Config
from reinrelax.errors import ConfigError, ResultsError
from reinrelax.reporting import collect, figures, page, sections
from reinrelax.reporting.collected import FILLED_BY
from reinrelax.reporting.gather import last_rows, recompute
from reinrelax.reporting.wording import anchor, fixed, interval, signed, significant, subscripts
from reinrelax.run import Run
from reinrelax.runs import Cell, cells, table_path
from tests import toy
from tests.conftest import ROOT
from tests.synthetic import noise, published, write_results, write_studies

Load = Callable[..., Config]

PAPER: dict[str, Any] = {
    "scale": "paper",
    "dataset": {"name": "mnist", "train_images": None, "test_images": None},
    "experiments": {"elbo": {"seeds": 5, "epochs": 160, "draws": 100}},
}


def flat(run: Run) -> tuple[float, float]:
    return 150 + noise(run), 160 + noise(run)


def from_paper(run: Run) -> tuple[float, float]:
    return published(run, ROOT) if run.experiment == "elbo" else flat(run)


def elbo(cell: Cell) -> bool:
    return cell.first.experiment == "elbo"


def table(config: Config, name: str) -> pd.DataFrame:
    return pd.read_csv(config.folder / "tables" / name, keep_default_na=False, dtype=str)


def line(config: Config, name: str, estimator: str, latent: str) -> dict[str, str]:
    found = table(config, name)
    row = found[(found["estimator"] == estimator) & (found["latent"] == latent)]
    if "experiment" in row:
        row = row[row["experiment"] == "elbo"]
    assert len(row) == 1
    return {str(key): value for key, value in row.iloc[0].items()}


def build(config: Config) -> str:
    collect.write_tables(config, ROOT)
    figures.write_figures(config, ROOT)
    return page.write_report(config, ROOT).read_text(encoding="utf-8")


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


def test_planted_numbers_come_back_with_their_interval_and_verdict(load_config: Load) -> None:
    config = load_config(**PAPER)
    write_results(config, from_paper, only=elbo, epochs=[1])
    collect.write_tables(config, ROOT)
    found = line(config, "table2.csv", "ReinMax", "8x4")
    reference = pd.read_csv(ROOT / "report/reference/table2_train_elbo.csv").set_index(
        ["estimator", "latent"]
    )
    assert float(found["paper_mean"]) == reference["mean"]["ReinMax", "8x4"]
    finals = [from_paper(run)[0] for run in cells(config)["elbo/8x4/ReinMax"].runs]
    mean = sum(finals) / 5
    assert float(found["mean"]) == pytest.approx(mean + 4 * sum(f - 125.08 for f in finals) / 5 / 160)
    assert float(found["ci_low"]) < float(found["mean"]) < float(found["ci_high"])
    assert float(found["difference"]) == pytest.approx(float(found["mean"]) - 125.08)
    assert (found["seeds"], found["diverged"], found["verdict"]) == ("5", "0", "reproduced")
    # What the paper has and this configuration has not is there too, and said to be absent.
    assert len(table(config, "table2.csv")) == len(table(config, "table3.csv")) == 42
    absent = line(config, "table3.csv", "STGS", "64x8")
    assert (absent["mean"], absent["verdict"]) == ("", "not run")
    assert absent["reason"] == "STGS at 64x8 is not in this configuration"


def test_partial_results_are_reported_as_such(load_config: Load) -> None:
    config = load_config(**PAPER)
    write_results(config, from_paper, only=lambda cell: cell.name == "elbo/8x4/ST", epochs=[1])
    html = build(config)
    states = table(config, "cells.csv").set_index("cell")["state"]
    planned = len(states)
    assert states["elbo/8x4/ST"] == "done"
    assert (states.drop("elbo/8x4/ST") == "missing").all()
    assert line(config, "table2.csv", "ST", "8x4")["verdict"] == "reproduced"
    assert line(config, "table2.csv", "ReinMax", "8x4")["reason"] == "ReinMax at 8x4 has not been run"
    words = Text(html).text
    studies = len(table(config, "studies.csv"))
    assert f"1 of {planned} cells done" in words
    assert f"0 of {studies} studies done" in words
    assert f"{planned - 1 + studies} missing" in words
    assert "incomplete" in words
    assert "Tables 2 and 3, ReinMax: 8 × 4, 4 × 24" in words
    assert "Figure 1 and Table 1: epoch 0" in words


def test_a_report_of_nothing_can_be_built(load_config: Load) -> None:
    html = build(load_config())
    words = Text(html).text
    assert f"0 of {len(cells(load_config()))} cells done" in words
    # Tables 2 and 3 and the paper's own settings are shown; all else says that there is nothing.
    assert words.count("Nothing to show: no result yet.") == 22
    assert "Here:" in words
    assert html.count("data-cell=") == 84
    assert "This run:" not in words


def test_part_of_a_split_cell_is_not_judged(load_config: Load) -> None:
    config = load_config(**{**PAPER, "machine": {"max_replicas_per_job": 3}})
    write_results(config, from_paper, only=lambda cell: cell.name == "elbo/8x4/ST.1", epochs=[1])
    collect.write_tables(config, ROOT)
    found = line(config, "table2.csv", "ST", "8x4")
    assert (found["seeds"], found["verdict"]) == ("3", "not tested at this scale")
    assert "3 of 5 planned seeds ended" in found["reason"]
    write_results(config, from_paper, only=elbo, epochs=[1])
    collect.write_tables(config, ROOT)
    assert line(config, "table2.csv", "ST", "8x4")["verdict"] == "reproduced"
    assert '<tr id="cell-elbo-8x4-ST.2">' in build(config)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.with_suffix(".json").write_text('{"fingerprint"'), "provenance cannot be read"),
        (lambda path: path.with_suffix(".json").unlink(), "provenance cannot be read"),
        (lambda path: path.write_text(""), "cannot be read as a results table"),
        (lambda path: path.write_text(path.read_text()[: len(path.read_text()) // 2]), "holds"),
        (lambda path: path.write_text(re.sub("test_nelbo_nats", "x", path.read_text())), "is missing"),
        (lambda path: path.write_text(path.read_text().replace(",ok,", ",ok,x")), "other than numbers"),
    ],
)
def test_a_damaged_cell_is_shown_and_not_hidden(
    load_config: Load, damage: Callable[[Path], Any], message: str
) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    damage(table_path(config, "elbo/8x4/ST"))
    html = build(config)
    found = line(config, "cells.csv", "ST", "8x4")
    assert found["state"] == "unreadable"
    assert message in found["message"]
    assert line(config, "cells.csv", "ReinMax", "8x4")["state"] == "done"
    number = line(config, "table2.csv", "ST", "8x4")
    assert (number["verdict"], number["mean"]) == ("not run", "")
    assert message in number["reason"]
    words = Text(html).text
    assert "1 unreadable" in words
    assert "cannot be read" in words
    assert message in words


def test_a_stale_cell_says_how_to_mend_it(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo, fingerprint="f" * 64)
    words = Text(build(config)).text
    states = table(config, "cells.csv").groupby("experiment")["state"].unique()
    assert states["elbo"].tolist() == ["unreadable"]
    assert "was computed from another configuration or source" in words
    assert "Run snakemake again" in words


def test_a_run_cut_short_does_not_count(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    path = table_path(config, "elbo/8x4/ST")
    rows = pd.read_csv(path)
    rows[~((rows["seed"] == 1) & (rows["epoch"] == 2))].to_csv(path, index=False)
    collect.write_tables(config, ROOT)
    assert line(config, "cells.csv", "ST", "8x4")["seeds"] == "1"
    found = line(config, "table2.csv", "ST", "8x4")
    assert (found["seeds"], found["ci_low"]) == ("1", "")
    assert "1 of 2 planned seeds ended" in found["reason"]


def test_a_diverged_seed_is_counted_and_never_makes_a_verdict_better(load_config: Load) -> None:
    config = load_config(**PAPER)
    write_results(config, from_paper, only=elbo, diverged=[("ST", "8x4", 2)], epochs=[1])
    html = build(config)
    found = line(config, "table2.csv", "ST", "8x4")
    assert (found["seeds"], found["diverged"], found["verdict"]) == ("4", "1", "not reproduced")
    assert found["reason"] == "1 of 5 seeds diverged"
    assert math.isfinite(float(found["mean"]))
    words = Text(html).text
    assert "1 diverged" in words
    assert "Tables 2 and 3, ST at 8 × 4: 1 of 5 trainings" in words
    curves = table(config, "curves.csv")
    ends = (
        curves[(curves["estimator"] == "ST") & (curves["latent"] == "8x4")].groupby("epoch")["seeds"].first()
    )
    assert (ends["1"], ends["160"]) == ("5", "4")


def test_a_run_that_diverged_early_has_ended() -> None:
    shared = {"epochs": 5, "test_nelbo_nats": 1.0}
    rows = pd.DataFrame(
        [
            {**shared, "run_id": "a", "epoch": 1, "status": "ok", "train_nelbo_nats": 1.0},
            {**shared, "run_id": "a", "epoch": 2, "status": "diverged", "train_nelbo_nats": math.nan},
            {**shared, "run_id": "b", "epoch": 5, "status": "ok", "train_nelbo_nats": math.nan},
            {**shared, "run_id": "c", "epoch": 5, "status": "ok", "train_nelbo_nats": 1.0},
            {**shared, "run_id": "d", "epoch": 4, "status": "ok", "train_nelbo_nats": 1.0},
        ]
    )
    found = last_rows(rows)
    assert dict(zip(found["run_id"], found["diverged"], strict=True)) == {"a": True, "b": True, "c": False}


def test_an_estimator_that_the_paper_lacks_appears_everywhere(load_config: Load) -> None:
    name = "ReinMax-CV-matched"
    experiment = {"estimators": ["ST", name]}
    settings = {name: {"any": {"optimizer": "Adam", "learning_rate": 0.0005, "tau": 1.0, "eta": 0.5}}}
    config = load_config(experiments={"elbo": experiment}, settings=settings)
    write_results(config, flat, only=elbo)
    html = build(config)
    found = line(config, "table2.csv", name, "8x4")
    assert (found["paper_mean"], found["verdict"]) == ("", "")
    assert found["reason"] == "the paper has no number for it"
    assert float(found["mean"]) == pytest.approx(150, abs=3)
    assert len(table(config, "table2.csv")) == 48
    assert name in set(table(config, "curves.csv")["estimator"])
    assert name in (config.folder / "figures/figure3.svg").read_text()
    assert html.count(f'data-cell="{name} ') == 12


def test_names_and_messages_are_escaped(load_config: Load) -> None:
    config = load_config()
    evil = "<script>alert(1)</script>&<b>"
    write_results(config, flat, only=elbo, host=evil, device=evil, commit=evil)
    collect.write_tables(config, ROOT)
    for name in ("table2.csv", "curves.csv", "cells.csv"):
        path = config.folder / "tables" / name
        path.write_text(path.read_text().replace("ReinMax-CV", evil).replace("Adam", evil), encoding="utf-8")
    figures.write_figures(config, ROOT)
    html = page.write_report(config, ROOT).read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&lt;b&gt;" in html
    scripts = [attrs for tag, attrs in Text(html).tags if tag == "script"]
    assert len(scripts) == 3
    ET.parse(config.folder / "figures/figure3.svg")


def test_the_page_needs_nothing_beside_it_and_links_only_to_what_exists(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    log = config.folder / "logs/train/elbo/8x4/ST.log"
    log.parent.mkdir(parents=True)
    log.write_text("trained")
    found = Text(build(config))
    targets = {attrs["id"] for _, attrs in found.tags if attrs.get("id")}
    ids = [attrs["id"] for _, attrs in found.tags if attrs.get("id")]
    assert len(ids) == len(targets), "an id is used twice"
    for tag, attrs in found.tags:
        assert attrs.get("src", "data:").startswith("data:")
        href = attrs.get("href") or attrs.get("xlink:href") or ""
        if href.startswith("#"):
            assert href[1:] in targets, href
        elif tag == "a":
            assert (config.folder / href).is_file(), href
        elif href:
            assert href == "data:,"
    assert any(attrs.get("href") == "logs/train/elbo/8x4/ST.log" for _, attrs in found.tags)
    assert "url(http" not in page.write_report(config, ROOT).read_text()


def test_headers_have_scope_and_tables_captions(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    tags = Text(build(config)).tags
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in tags if tag == "th")
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table") > 6
    assert all(attrs.get("aria-label") or attrs.get("aria-hidden") for tag, attrs in tags if tag == "svg")


def test_digits_are_announced_loudly_and_mnist_is_not(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    assert "These numbers are not from MNIST" in Text(build(config)).text
    # The fallback: asked for MNIST, computed with digits.
    config = load_config(dataset={"name": "mnist"}, scale="other")
    write_results(config, flat, only=elbo, dataset="digits")
    assert "These numbers are not from MNIST" in Text(build(config)).text
    config = load_config(dataset={"name": "mnist"}, scale="third")
    write_results(config, flat, only=elbo)
    words = Text(build(config)).text
    assert "These numbers are not from MNIST" not in words
    assert "Nothing here is held against the paper" in words


def test_commands_name_the_file_and_the_scale(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    html = build(config)
    target = f"{config.folder.as_posix()}/elbo/8x4/ST.csv"
    command = f"snakemake --cores all --configfile workflow/scales/test.yaml --force {target}"
    assert line(config, "cells.csv", "ST", "8x4")["command"] == command
    assert command in html
    config = load_config(scale="mine")
    assert recompute(config, "x y.csv", ROOT) == f"snakemake --cores all --force {config.folder}/'x y.csv'"


def test_missing_tables_are_named(load_config: Load) -> None:
    config = load_config()
    with pytest.raises(ResultsError, match=r"\w+\.csv: cannot be read .* Run snakemake again"):
        figures.write_figures(config, ROOT)
    with pytest.raises(ResultsError, match=r"cells\.csv: cannot be read"):
        page.write_report(config, ROOT)
    build(config)
    (config.folder / "tables/control.csv").unlink()
    with pytest.raises(ResultsError, match=r"control\.csv: cannot be read"):
        page.write_report(config, ROOT)
    build(config)
    (config.folder / "figures/figure3.svg").write_text("<svg")
    with pytest.raises(ResultsError, match=r"figure3\.svg: cannot be read"):
        page.write_report(config, ROOT)


def test_claims_json_holds_rule_and_reason_of_each(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    collect.write_tables(config, ROOT)
    found = json.loads((config.folder / "tables/claims.json").read_text(encoding="utf-8"))
    assert len(found) == 127
    assert all(claim["rule"] and (claim["reason"] or claim["verdict"] == "reproduced") for claim in found)
    assert {claim["verdict"] for claim in found} == {
        *("not tested at this scale", "not run", "ambiguous in the paper"),
    }


def test_tables_are_the_same_bytes_each_time(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    collect.write_tables(config, ROOT)
    first = {path.name: path.read_bytes() for path in (config.folder / "tables").iterdir()}
    read = {f"{name}.csv" for name in ("cells", "studies", "curves", *FILLED_BY)} | {"claims.json"}
    assert set(first) == read
    collect.write_tables(config, ROOT)
    assert first == {path.name: path.read_bytes() for path in (config.folder / "tables").iterdir()}
    with (config.folder / "tables/cells.csv").open(newline="") as file:
        whole = [row["train_images"] for row in csv.DictReader(file) if row["state"] == "done"]
    assert set(whole) == {"300"}


def test_everything_is_shown_once_it_has_run(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat)
    write_studies(config)
    html = build(config)
    words = Text(html).text
    assert "Nothing to show" not in words
    assert "complete" in words
    assert "Everything that this configuration plans was run" not in words  # other shapes were not planned
    tables = {attrs["id"] for tag, attrs in Text(html).tags if tag == "table" and "id" in attrs}
    assert tables >= {
        *("table1-rows", "figure1-last", "sweep-rows", "table2-grid", "table3-grid", "control-terms"),
        *("identities-deviations", "figure2-minimum", "quadrature-rules", "table4-rows", "table5-rows"),
        *("readings-rows", "studies-table", "relaxations-rows", "learned-rows", "gates-correlations"),
        *("bridge-forward", "bridge-round-trip", "sharpness-rows", "inert-analysis", "decoupled-rows"),
        *("properties-rows", "properties-all"),
    }
    # Below the paper's scale: said in each section that has one, and nothing is judged.
    assert words.count("not tested at this scale This run:") == 13
    assert "closest, not judged" in words
    assert {claim["verdict"] for claim in json.loads((config.folder / "tables/claims.json").read_text())} <= {
        *("not tested at this scale", "not run", "ambiguous in the paper"),
    }


def test_tables_say_what_was_measured(load_config: Load) -> None:
    config = load_config()
    build(config)
    toy.write(config.folder, toy.everything())
    words = Text(page.write_report(config, ROOT).read_text(encoding="utf-8")).text
    assert "ReinMax 7.400 2.71 1.50 [1.25, 1.75] 2.50" in words
    assert "Theorem 1 0 2.50 0.500 ≠ does not hold" in words
    assert "Theorem 1 0.5 1.00 × 10⁻¹⁵ 1.00 × 10⁻¹⁶ = holds to rounding" in words
    assert "STGS in the paper: Gumbel 3.45 20.0 [19.0, 21.0]" in words
    assert "Adam, 0.0005, τ 1 Adam, 0.0005, τ 0.7 130.25 131.50 +1.25 3 6 of 6 2" in words
    assert "Eq. 23, α = 2/3 order of the local error 3.01" in words


def test_a_section_is_at_the_papers_scale_or_says_that_it_is_not(load_config: Load) -> None:
    config = load_config()
    write_studies(config)
    build(config)
    rows = toy.everything()
    for row in rows["table1"]:
        row.update(epoch=50, estimates=1024, images=100)
    toy.write(config.folder, rows)
    cells_csv = config.folder / "tables/cells.csv"
    own = pd.read_csv(cells_csv, dtype=str, keep_default_na=False)
    own.loc[own["experiment"] == "gradients", ["state", "dataset"]] = ["done", "mnist"]
    own.to_csv(cells_csv, index=False)
    shown = [section for paper in page.context(config, ROOT)["papers"] for section in paper.sections]
    scales = {section.id: section.scale for section in shown if section.scale}
    assert scales["table1"].mark.text == ""
    assert scales["table1"].ours == "MNIST, after epoch 50, 1,024 estimates, 100 images"
    assert scales["control"].mark.text == "not tested at this scale"
    assert scales["figure2"].mark.text == "not run"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {id: x, naw: y}", r"sections\.yaml: x\.naw: unknown key"),
        ("- {id: x}", r"sections\.yaml: x: missing nav"),
        ("- {id: x, nav: x, name: x, what: x, says: x, here: x, source: elbo, tables: [table9]}", "table9"),
    ],
)
def test_a_wrong_section_is_named(
    load_config: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    config = load_config()
    build(config)
    path = tmp_path / "sections.yaml"
    path.write_text(f"paper: P\ntitle: T\nsections:\n{text}")
    monkeypatch.setattr(sections, "WORDS", (path,))
    with pytest.raises(ConfigError, match=message):
        page.write_report(config, ROOT)


def test_numbers_of_any_size_are_written() -> None:
    assert [significant(x) for x in (0.0, 1.5, -0.0123456, 1.8e-15, 1234567.0)] == [
        *("0", "1.50", "−0.0123", "1.80 × 10⁻¹⁵", "1.23 × 10⁶"),
    ]
    assert significant(math.nan) == significant(None) == ""
    assert str(subscripts("θ_D of <b> and std_root, (π_τ + D)")) == (
        "θ<sub>D</sub> of &lt;b&gt; and std_root, (π<sub>τ</sub> + D)"
    )


def test_numbers_are_written_with_care() -> None:
    assert fixed(-0.001) == "0.00"
    assert fixed(-1.5) == "−1.50"
    assert fixed(None) == fixed(math.nan) == fixed(math.inf) == ""
    assert (signed(0.2), signed(-0.2), signed(0.001)) == ("+0.20", "−0.20", "0.00")
    assert interval(-1, 2) == "[−1.00, 2.00]"
    assert interval(math.nan, 2) == ""
    assert anchor("cell", 'a b"<c>/d') == "cell-a-b-c-d"


def test_reporting_needs_no_torch() -> None:
    code = (
        "import sys; from reinrelax.reporting import collect, figures, page; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
