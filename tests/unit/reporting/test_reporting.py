"""Tables, figures and page at every stage of completion, from results that are planted."""

import csv
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reinrelax.claims.model import JUDGED
from reinrelax.config.declared import FILLED_BY
from reinrelax.config.load import Config
from reinrelax.core.sources import FORMAT
from reinrelax.display.tables import CHECKSUMS, read_text
from reinrelax.errors import ResultsError
from reinrelax.jobs.runs import cells, table_path
from reinrelax.reporting import collect, figures, page
from reinrelax.results.gather import last_rows
from tests.conftest import ROOT
from tests.helpers.pages import PAPER, Load, Text, build, elbo, flat, from_paper, line, table
from tests.helpers.synthetic import write_results


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
    assert float(found["mean"]) == pytest.approx(
        mean + 4 * sum(f - 125.08 for f in finals) / 5 / 160
    )
    assert float(found["ci_low"]) < float(found["mean"]) < float(found["ci_high"])
    assert float(found["difference"]) == pytest.approx(float(found["mean"]) - 125.08)
    assert (found["seeds"], found["diverged"], found["verdict"]) == ("5", "0", "reproduced")
    # What the paper has and this configuration has not is there too, and said to be absent.
    assert len(table(config, "table2.csv")) == len(table(config, "table3.csv")) == 42 + 9
    absent = line(config, "table3.csv", "STGS", "64x8")
    assert (absent["mean"], absent["verdict"]) == ("", "not run")
    assert absent["reason"] == "STGS at 64x8 is not in this configuration"


def test_partial_results_are_reported_as_such(load_config: Load) -> None:
    config = load_config(**PAPER)
    write_results(config, from_paper, only=lambda cell: cell.name == "elbo/8x4/ST", epochs=[1])
    html = build(config)
    states = table(config, "jobs.csv").set_index("job")["state"]
    planned = len(cells(config))
    assert states["elbo/8x4/ST"] == "done"
    assert (states.drop("elbo/8x4/ST") == "missing").all()
    # The paper's own standard error, 0.41 nats, is too large to be within half a nat for certain.
    assert line(config, "table2.csv", "ST", "8x4")["verdict"] == "near"
    assert (
        line(config, "table2.csv", "ReinMax", "8x4")["reason"] == "ReinMax at 8x4 has not been run"
    )
    words = Text(html).text
    studies = len(states) - planned
    assert f"1 of {planned} cells done" in words
    assert f"0 of {studies} studies done" in words
    assert f"{planned - 1 + studies} missing" in words
    assert "incomplete" in words
    assert "Tables 2 and 3, ReinMax: 8 × 4, 4 × 24" in words
    assert "Figure 1 and Table 1: epoch 0" in words


def test_a_report_of_nothing_can_be_built(load_config: Load, tmp_path: Path) -> None:
    html = build(load_config(), tmp_path)
    words = Text(html).text
    assert f"0 of {len(cells(load_config()))} cells done" in words
    # Tables 2 and 3 and the paper's own settings are shown; all else says that there is nothing.
    assert words.count("Nothing to show: no result yet.") == 25
    assert "Here:" in words
    assert html.count("data-cell=") == 102
    assert "This run:" not in words


def test_part_of_a_split_cell_is_not_judged(load_config: Load) -> None:
    config = load_config(**{**PAPER, "machine": {"max_replicas_per_job": 3}})
    write_results(config, from_paper, only=lambda cell: cell.name == "elbo/8x4/ST.1", epochs=[1])
    collect.write_tables(config, ROOT)
    found = line(config, "table2.csv", "ST", "8x4")
    assert (found["seeds"], found["verdict"]) == ("3", "not tested at this scale")
    assert "3 seeds (required: at least 5)" in found["reason"]
    write_results(config, from_paper, only=elbo, epochs=[1])
    collect.write_tables(config, ROOT)
    assert line(config, "table2.csv", "ST", "8x4")["verdict"] == "near"
    assert '<tr id="cell-elbo-8x4-ST.2"' in build(config)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.with_suffix(".json").write_text('{"fingerprint"'),
            "provenance cannot be read",
        ),
        (
            lambda path: path.with_suffix(".json").unlink(),
            "ST.json is missing, but the job's other files exist",
        ),
        (lambda path: path.write_text(""), "cannot be read as a results table"),
        (
            lambda path: path.write_text(path.read_text()[: len(path.read_text()) // 2]),
            "does not contain",
        ),
        (
            lambda path: path.write_text(re.sub("test_nelbo_nats", "x", path.read_text())),
            "is missing",
        ),
        (
            lambda path: path.write_text(path.read_text().replace(",ok,", ",ok,x")),
            "that are not numbers",
        ),
    ],
)
def test_a_damaged_cell_is_shown_and_not_hidden(
    load_config: Load, damage: Callable[[Path], Any], message: str
) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    damage(table_path(config, "elbo/8x4/ST"))
    html = build(config)
    found = line(config, "jobs.csv", "ST", "8x4")
    assert found["state"] == "unreadable"
    assert message in found["message"]
    assert line(config, "jobs.csv", "ReinMax", "8x4")["state"] == "done"
    number = line(config, "table2.csv", "ST", "8x4")
    assert (number["verdict"], number["mean"]) == ("not run", "")
    assert message in number["reason"]
    words = Text(html).text
    assert "1 unreadable" in words
    assert "cannot be read" in words
    assert message in words


def test_a_stale_cell_says_how_to_mend_it(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo, fingerprint="f" * 64, source_hash=FORMAT + "f" * 64)
    words = Text(build(config)).text
    states = table(config, "jobs.csv").groupby("experiment")["state"].unique()
    assert states["elbo"].tolist() == ["unreadable"]
    assert "was computed from another configuration or source" in words
    assert "Delete it and rerun" in words


def test_a_run_cut_short_does_not_count(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    path = table_path(config, "elbo/8x4/ST")
    rows = pd.read_csv(path)
    rows[~((rows["seed"] == 1) & (rows["epoch"] == 2))].to_csv(path, index=False)
    collect.write_tables(config, ROOT)
    assert line(config, "jobs.csv", "ST", "8x4")["seeds"] == "1"
    found = line(config, "table2.csv", "ST", "8x4")
    assert (found["seeds"], found["ci_low"]) == ("1", "")
    assert "1 seeds (required: at least 5)" in found["reason"]


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
        curves[(curves["estimator"] == "ST") & (curves["latent"] == "8x4")]
        .groupby("epoch")["seeds"]
        .first()
    )
    assert (ends["1"], ends["160"]) == ("5", "4")


def test_a_run_that_diverged_early_has_ended() -> None:
    shared = {"epochs": 5, "test_nelbo_nats": 1.0}
    rows = pd.DataFrame(
        [
            {**shared, "run_id": "a", "epoch": 1, "status": "ok", "train_nelbo_nats": 1.0},
            {
                **shared,
                "run_id": "a",
                "epoch": 2,
                "status": "diverged",
                "train_nelbo_nats": math.nan,
            },
            {**shared, "run_id": "b", "epoch": 5, "status": "ok", "train_nelbo_nats": math.nan},
            {**shared, "run_id": "c", "epoch": 5, "status": "ok", "train_nelbo_nats": 1.0},
            {**shared, "run_id": "d", "epoch": 4, "status": "ok", "train_nelbo_nats": 1.0},
        ]
    )
    found = last_rows(rows)
    assert dict(zip(found["run_id"], found["diverged"], strict=True)) == {
        "a": True,
        "b": True,
        "c": False,
    }


def test_an_estimator_that_the_paper_lacks_appears_everywhere(load_config: Load) -> None:
    name = "ReinMax-CV-matched"
    experiment = {"estimators": ["ST", name]}
    settings = {
        name: {"any": {"optimizer": "Adam", "learning_rate": 0.0005, "tau": 1.0, "eta": 0.5}}
    }
    config = load_config(experiments={"elbo": experiment}, settings=settings)
    write_results(config, flat, only=elbo)
    html = build(config)
    found = line(config, "table2.csv", name, "8x4")
    assert (found["paper_mean"], found["verdict"]) == ("", "")
    assert found["reason"] == "the paper has no number for it"
    assert float(found["mean"]) == pytest.approx(150, abs=3)
    assert len(table(config, "table2.csv")) == 48 + 9
    assert name in set(table(config, "curves.csv")["estimator"])
    assert name in (config.folder / "figures/figure3.svg").read_text()
    assert html.count(f'data-cell="{name} ') == 12


def test_missing_tables_are_named(load_config: Load, of_nothing: Config) -> None:
    config = load_config(scale="other")
    with pytest.raises(ResultsError, match=r"\w+\.csv: cannot be read .* run snakemake again"):
        figures.write_figures(config, ROOT)
    with pytest.raises(ResultsError, match=r"jobs\.csv: cannot be read"):
        page.write_report(config, ROOT)
    config = of_nothing
    table = config.folder / "tables/control.csv"
    table.rename(table.with_suffix(".elsewhere"))
    with pytest.raises(ResultsError, match=r"control\.csv: cannot be read"):
        page.write_report(config, ROOT)
    table.with_suffix(".elsewhere").rename(table)
    (config.folder / "figures/figure3.svg").write_text("<svg")
    with pytest.raises(ResultsError, match=r"figure3\.svg: differs from the checksum"):
        page.write_report(config, ROOT)
    (config.folder / "figures" / CHECKSUMS).unlink()
    with pytest.raises(ResultsError, match=r"figure3\.svg: cannot be read"):
        page.write_report(config, ROOT)


def test_a_number_that_was_changed_in_what_the_page_is_made_of_is_named(of_elbo: Config) -> None:
    """Every file of the folders in which something is read back."""
    config = of_elbo
    changed = 0
    for folder in ("tables", "figures"):
        for path in sorted((config.folder / folder).iterdir()):
            if path.suffix in (".csv", ".svg", ".json") and path.name != CHECKSUMS:
                text = path.read_text(encoding="utf-8")
                path.write_text(f"{text} ", encoding="utf-8")
                with pytest.raises(ResultsError, match=r"checksum.*elete it and rerun"):
                    read_text(path)
                path.write_text(text, encoding="utf-8")
                changed += 1
    assert changed > 100


def test_claims_json_holds_rule_and_reason_of_each(of_elbo: Config) -> None:
    config = of_elbo
    found = json.loads((config.folder / "tables/claims.json").read_text(encoding="utf-8"))
    assert {claim["paper"] for claim in found} == {"Beyond ReinMax", "Just Relax It!"}
    assert all(claim["rule"] and (claim["reason"] or claim["verdict"] in JUDGED) for claim in found)
    # What replicates nothing has words of its own.
    findings = json.loads((config.folder / "tables/findings.json").read_text(encoding="utf-8"))
    asides = {entry["id"] for entry in findings if entry["aside"]}
    words = {claim["verdict"] for claim in found if claim["finding"] in asides}
    assert {"consistent in the paper", "inconsistent in the paper"} <= words
    assert not words & {"reproduced", "not reproduced"}
    # What is measured without training may be judged at any scale.
    assert {claim["verdict"] for claim in found if claim["subject"] != "measurements"} == {
        *("not tested at this scale", "not run", "ambiguous in the paper"),
    }


def test_tables_are_the_same_bytes_each_time(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo)
    collect.write_tables(config, ROOT)
    first = {path.name: path.read_bytes() for path in (config.folder / "tables").iterdir()}
    read = {f"{name}.csv" for name in ("jobs", "curves", "rates", "rules", *FILLED_BY)}
    read |= {"claims.json", "findings.json", CHECKSUMS}
    assert set(first) == read
    collect.write_tables(config, ROOT)
    assert first == {path.name: path.read_bytes() for path in (config.folder / "tables").iterdir()}
    with (config.folder / "tables/jobs.csv").open(newline="") as file:
        whole = [row["train_images"] for row in csv.DictReader(file) if row["state"] == "done"]
    assert set(whole) == {"300"}
