"""What one adds to the catalogues decides nothing that is said of the papers, and is shown beside
them.
"""

import copy
import importlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reinrelax import distributions, estimators, latents, rl
from reinrelax.claims import papers
from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.display.table_reader import TableReader
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies
from reinrelax.reporting import collect, errata
from tests.conftest import ROOT, at_scale, merge
from tests.helpers import synthetic_relaxations, synthetic_rl
from tests.helpers.pages import build, flat, from_paper, line, table
from tests.helpers.synthetic import plausible, write_results, write_studies

MINE = "Mine"
NEAR = "Mine-near"  # to what the paper prints for the estimator that it is a reading of
LATENT, AGENT, PLACE, LAW = "Mine-latent", "Mine-agent", "MountainCar-v0", "MineLaw"
SETTINGS = {"optimizer": "Adam", "learning_rate": 0.0005, "tau": 1.3}


@pytest.fixture
def _added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One entry more in every catalogue, of a line that says no more than where it is."""
    st = ("straight_through_family", "straight_through", ("tau",))
    monkeypatch.setitem(estimators.CATALOGUE, MINE, estimators.Entry(*st))
    monkeypatch.setitem(estimators.CATALOGUE, NEAR, estimators.Entry(*st, "ReinMax"))
    monkeypatch.setitem(latents.CATALOGUE, LATENT, latents.Entry("bernoulli", "straight_through"))
    monkeypatch.setitem(distributions.CATALOGUE, LAW, distributions.Entry("hard_concrete"))
    monkeypatch.setitem(rl.ALGORITHMS, AGENT, rl.Algorithm("reinforce"))
    monkeypatch.setitem(rl.ENVIRONMENTS, PLACE, 200)
    monkeypatch.setitem(synthetic_rl.RETURNS, PLACE, (-200.0, -1e9, -1.0))
    rows = list(synthetic_relaxations.property_rows())
    mine = [{**row, "relaxation": LAW, "value": 1e-9, "low": 0.0, "high": 0.0} for row in rows]
    monkeypatch.setattr(synthetic_relaxations, "property_rows", lambda: iter([*rows, *mine]))
    reloaded()
    yield
    monkeypatch.undo()
    reloaded()


def reloaded() -> None:
    """Make the configuration's blocks anew of the catalogues, as at the start of a process."""
    for name in (
        *("latents.asked", "experiments.relaxed_vae.experiment"),
        *("config.declared", "config.blocks", "config.load"),
    ):
        importlib.reload(importlib.import_module(f"reinrelax.{name}"))


def raw(scale: str, folder: Path) -> dict[str, Any]:
    return {**copy.deepcopy(at_scale(scale).raw), "results": str(folder)}


def with_mine(raw: dict[str, Any]) -> dict[str, Any]:
    """A configuration in which everything that was added runs wherever it can, at a scale of its
    own.
    """
    raw = copy.deepcopy(raw)
    merge(raw, {"settings": {MINE: {"any": SETTINGS}}})
    parts = raw["experiments"]
    for part in (
        *(parts[name] for name in ("elbo", "early", "cost")),
        *(parts["gradients"][name] for name in ("figure1", "table1", "sweep")),
        *(parts["gradients-run"][name] for name in ("figure1", "table1")),
    ):
        part["estimators"] = [*part["estimators"], MINE]
    parts["readings"]["estimators"] = [*parts["readings"]["estimators"], MINE, NEAR]
    parts["relaxations"]["latents"][LATENT] = {"latent_shape": "2x20"}
    parts["rl"]["environments"][PLACE] = [100]
    parts["rl"]["algorithms"] = [*parts["rl"]["algorithms"], AGENT]
    return raw


def arrives(run: Run) -> tuple[float, float]:
    """What is added is far off, but for the reading, which comes as near to the paper as can be."""
    if run.estimator == NEAR:
        return from_paper(Run(**{**vars(run), "estimator": "ReinMax", "experiment": "elbo"}))
    return {MINE: (1e4, 1e4), LATENT: (-1e4, -1e4)}.get(run.estimator) or from_paper(run)


def far(estimator: str, hyper: dict[str, float], epoch: int, quantity: str) -> float:
    return 1e6 * (1 + epoch) if estimator == MINE else plausible(estimator, hyper, epoch, quantity)


def planted(config: Config) -> Config:
    """Results of all jobs: what was added diverges or is far off, and one of its jobs is
    missing.
    """
    shapes = {str(cell.first.shape) for cell in cells(config).values()}
    lost = [*product([MINE], shapes, range(30)), (LATENT, "2x20", 0)]
    write_results(
        config,
        arrives,
        only=lambda cell: cell.first.estimator != MINE or not cell.name.startswith("elbo/8x4"),
        diverged=lost,
        epochs=[1, 20, 80],
    )
    write_studies(config, far, only=lambda name: name != f"rl/{PLACE}-100/{AGENT}")
    collect.write_tables(config, ROOT)
    return config


def said(config: Config) -> dict[str, Any]:
    """All that is concluded: claims, findings and errata."""
    lists = {
        name: json.loads((config.folder / f"tables/{name}.json").read_text(encoding="utf-8"))
        for name in ("claims", "findings")
    }
    numbers = {
        f"erratum {entry.id}": asdict(entry) for entry in errata.load(TableReader(config, ROOT))
    }
    return {
        f"{name} {entry['id']}": entry for name, found in lists.items() for entry in found
    } | numbers


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


@pytest.mark.slow
def test_what_is_added_changes_nothing_that_is_said_of_the_papers(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = raw("paper", tmp_path)
    before = said(planted(configuration.load(plain, ROOT)))
    assert {"reproduced", "not reproduced"} <= {entry.get("verdict") for entry in before.values()}
    request.getfixturevalue("_added")
    after = planted(configuration.load(with_mine(plain), ROOT))
    assert not changed(before, said(after))
    # Were all rows counted, it would: what is planted does harm.
    monkeypatch.setattr(papers, "added", dict)
    collect.write_tables(after, ROOT)
    harmed = changed(before, said(after))
    assert {"claims B-F3-01", "claims A-07-DIVERGED"} <= harmed
    assert {"claims A-08-LOG-PROB", "erratum A-own-loss"} <= harmed
    assert {name.split()[0] for name in harmed} == {"claims", "findings", "erratum"}


@pytest.mark.slow
@pytest.mark.usefixtures("_added")
def test_what_is_added_stands_in_tables_and_figures_beside_reinmax(tmp_path: Path) -> None:
    config = configuration.load(with_mine(raw("test", tmp_path)), ROOT)
    write_results(config, lambda run: tuple(np.add(flat(run), 5 * (run.estimator == MINE))))
    write_studies(config)
    html = build(config)
    for name in ("table2.csv", "table3.csv"):
        mine, base = (line(config, name, one, "8x4") for one in (MINE, "ReinMax"))
        low, paired, high = (float(mine[end]) for end in ("to_base_low", "to_base", "to_base_high"))
        assert paired == pytest.approx(float(mine["mean"]) - float(base["mean"]))
        assert low < paired < high
        assert base["to_base"] == ""
        assert f"minus ReinMax +{paired:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−") in html
    shown = {
        **dict.fromkeys(
            ("curves", "early_last", "readings", "figure1", "sweep", "table1", "table4"), MINE
        ),
        **dict.fromkeys(("relaxations", "relaxations_curves"), LATENT),
        **dict.fromkeys(("rl_summary", "rl_curves"), AGENT),
        **{"rl_scores": PLACE, "properties": LAW},
    }
    for name, mine in shown.items():
        assert (table(config, f"{name}.csv") == mine).to_numpy().any(), name
    for name in ("figure1", "figure3", "figure4", "rl-gradients"):
        drawn = pd.read_csv(config.folder / f"figures/{name}.csv", dtype=str)
        assert drawn["series"].str.startswith("Mine").any(), name


@pytest.mark.usefixtures("_added")
def test_own_rows_count_where_they_are_named() -> None:
    rows = pd.DataFrame(
        {"estimator": ["ST", MINE, LATENT], "label": ["ST", f"{MINE}, τ 1.0", LATENT]}
    )
    assert papers.counted(rows).tolist() == [True, False, False]
    assert papers.counted(rows, [MINE]).tolist() == [True, True, False]
    assert papers.counted(rows, [f"{MINE}, τ 1.0"]).tolist() == [True, True, False]
    agents = pd.DataFrame(
        {"environment": ["Taxi-v4", PLACE, None], "algorithm": [AGENT, "RELAX", None]}
    )
    assert papers.counted(agents).tolist() == [False, False, True]
    # To name the algorithm is not to name the environment.
    assert papers.counted(agents, ["RELAX", AGENT]).tolist() == [True, False, True]
    assert papers.counted(rows.iloc[:0]).tolist() == []


def test_a_name_that_a_paper_has_too_is_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    before = papers.added()
    monkeypatch.setitem(latents.CATALOGUE, "ST", latents.Entry("bernoulli", "straight_through"))
    assert papers.added() == {**before, "latents": {"ST"}}
    assert "ST" not in before["estimator"]


@pytest.mark.usefixtures("_added")
def test_what_is_added_recomputes_no_identity() -> None:
    study = studies(at_scale("test"))["identities"]
    estimators.CATALOGUE[MINE] = estimators.Entry("mine", "mine", ())
    assert studies(at_scale("test"))["identities"].source_hash == study.source_hash
