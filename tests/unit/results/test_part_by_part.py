"""Runs are what is finished, merged, published and read: a cell that is filled seed by seed."""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reinrelax.config.load import Config
from reinrelax.core import provenance
from reinrelax.datasets import data, images
from reinrelax.datasets.images import Images
from reinrelax.display.tables import read_table
from reinrelax.errors import ResultsError
from reinrelax.execution import verify
from reinrelax.experiments.discrete_vae import grid_page as grid_views
from reinrelax.experiments.training import train_cell
from reinrelax.jobs.runs import cells
from reinrelax.reporting import collect
from reinrelax.results import finished, pictures
from reinrelax.results.gather import gather
from reinrelax.results.merge import merge
from reinrelax.results.packed import unpack
from reinrelax.results.published import publish
from reinrelax.results.read import held, is_done, part, pictures_of, read_job
from tests.conftest import ROOT
from tests.helpers.pages import table

Load = Callable[..., Config]
ST, GATES = "elbo/8x4/ST", "relaxations/2x20/Relaxed-Bernoulli"
EXPERIMENTS = {
    "elbo": {"estimators": ["ST"], "latent_shapes": ["8x4"], "seeds": 3, "epochs": 2},
    "relaxations": {
        "latents": {"Relaxed-Bernoulli": {"latent_shape": "2x20", "tau": 0.5}},
        "seeds": 3,
        "epochs": 1,
    },
}


@pytest.fixture
def load(load_config: Load, tmp_path: Path) -> Callable[[str], Config]:
    """The same configuration in a folder of this name."""
    return lambda name: load_config(results=str(tmp_path / name), experiments=EXPERIMENTS)


@pytest.fixture
def at_hand(digits: Images, monkeypatch: pytest.MonkeyPatch) -> Callable[[Images], None]:
    """Makes images those that the configuration's data set has; the session's digits are."""

    def put(found: Images) -> None:
        monkeypatch.setattr(data, "prepare", lambda dataset: found)

    put(digits)
    return put


@pytest.fixture
def whole(load: Callable[[str], Config], digits: Images, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Three seeds of two cells, trained at once, by a source that is in a commit."""
    monkeypatch.setattr(provenance, "commit", lambda: "1" * 40)
    config = load("whole")
    images.save(digits, config.folder / "data")
    for name in (ST, GATES):
        cell = cells(config)[name]
        place = config.folder / f"{name}.csv"
        train_cell(cell, digits, table=place, known={}, device="cpu", checkpoint_every=9, extra={})
    return config


def share(whole: Config, into: Config, seeds: Collection[int]) -> Config:
    """A folder that has these seeds alone, as a merge leaves what is not whole."""
    shutil.copytree(whole.folder / "data", into.folder / "data")
    for name in (ST, GATES):
        cell = cells(whole)[name]
        wanted = {run.run_id for run in cell.runs if run.seed in seeds}
        runs = {run_id: entry for run_id, entry in held(whole, cell).items() if run_id in wanted}
        place = into.folder / f"{name}.csv"
        finished.write(place, runs)
        if found := pictures_of(whole.folder, cell):
            pictures.write(pictures.kept(place), pictures.joined(part(cell, runs).runs, [found]))
    return into


def same(one: Config, other: Config, name: str) -> None:
    """Two folders have the same table of a cell, to the last digit, and the same pictures."""
    paths = [config.folder / f"{name}.csv" for config in (one, other)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found, expected = (pictures_of(config.folder, cells(config)[name]) for config in (one, other))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_a_cell_is_published_seed_by_seed(
    whole: Config, load: Callable[[str], Config], tmp_path: Path
) -> None:
    packed = tmp_path / "published/test"
    two, third = share(whole, load("two"), {0, 1}), share(whole, load("third"), {2})
    done = publish(two, packed)
    assert done.parts == {ST: "2 of 3 runs", GATES: "2 of 3 runs"}
    assert not set(done.parts) & {*done.taken, *done.kept, *done.absent}
    assert "2 incomplete" in done.describe()
    assert "8x4/ST (2 of 3 runs)" in (packed / "README.md").read_text()
    read = load("read")
    unpack(packed, read.folder)
    for name in (ST, GATES):
        found = read_job(read, cells(read)[name], any_source=True)
        assert found is not None
        expected = pd.read_csv(whole.folder / f"{name}.csv")
        pd.testing.assert_frame_equal(*found.tables.values(), expected[expected["seed"] < 2])
    before = {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()}
    publish(two, packed)
    assert {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()} == before
    done = publish(third, packed)
    assert (done.parts, set(done.kept)) == ({}, set())
    unpack(packed, read.folder)
    for name in (ST, GATES):
        same(read, whole, name)
        result = read_job(read, cells(read)[name], any_source=True)
        assert result is not None
        assert result.record["seeds"] == [0, 1, 2]
        assert {origin["commit"] for origin in result.record["reused"].values()} == {"1" * 40}
    # Nothing is taken away by a folder that has less.
    publish(two, packed)
    unpack(packed, read.folder)
    same(read, whole, ST)


def test_runs_of_several_folders_make_a_cell_whole(
    whole: Config, load: Callable[[str], Config]
) -> None:
    two, third, both = (
        share(whole, load("two"), {0, 1}),
        share(whole, load("third"), {2}),
        load("both"),
    )
    merged = merge(both, both.folder, [two.folder])
    assert merged.parts == {ST: "2 of 3 runs", GATES: "2 of 3 runs"}
    assert {ST, GATES} <= set(merged.missing)
    assert "2 incomplete: elbo/8x4/ST (2 of 3 runs)" in merged.describe()
    # The cell's job is still to be done, so it has no table yet.
    assert not (both.folder / f"{ST}.csv").exists()
    assert len(held(both, cells(both)[ST])) == 2
    merged = merge(both, both.folder, [two.folder, third.folder])
    assert (set(merged.joined), merged.parts) == ({ST, GATES}, {})
    for name in (ST, GATES):
        assert is_done(both, cells(both)[name])
        same(both, whole, name)
    assert set(merge(both, both.folder, [third.folder]).present) == {ST, GATES}


def test_published_runs_are_merged_one_by_one(
    whole: Config, load: Callable[[str], Config], tmp_path: Path, at_hand: Callable[[Images], None]
) -> None:
    packed = tmp_path / "published/test"
    publish(share(whole, load("two"), {0, 1}), packed)
    third = share(whole, load("third"), {2})
    merged = merge(third, third.folder, [packed])
    assert set(merged.joined) == {ST, GATES}
    assert merged.passed_over == {packed: []}
    same(third, whole, ST)
    same(third, whole, GATES)


def test_contradicting_runs_are_refused(whole: Config, load: Callable[[str], Config]) -> None:
    one, other, both = (
        share(whole, load("one"), {0, 1}),
        share(whole, load("other"), {1, 2}),
        load("both"),
    )
    place = finished.place(other.folder / f"{ST}.csv")
    runs = finished.read(place)
    changed = next(iter(runs.values())).results["train_nelbo_nats"]
    assert isinstance(changed, list)
    changed[0] += 1e-6
    finished.write(other.folder / f"{ST}.csv", runs)
    with pytest.raises(ResultsError, match="have different results for it") as caught:
        merge(both, both.folder, [one.folder, other.folder])
    assert f"{ST}: {one.folder} and {other.folder}" in str(caught.value)
    assert not (both.folder / f"{ST}.runs.json").exists()


def test_runs_of_other_images_do_not_count(whole: Config, digits: Images) -> None:
    shutil.rmtree(whole.folder / "data")
    images.save(Images(digits.name, digits.train[:-1], digits.test), whole.folder / "data")
    cell = cells(whole)[ST]
    (whole.folder / f"{ST}.json").unlink()
    (whole.folder / f"{ST}.csv").unlink()
    assert read_job(whole, cell) is None


def test_a_report_counts_the_seeds_that_are_there(
    whole: Config, load: Callable[[str], Config]
) -> None:
    two = share(whole, load("two"), {0, 1})
    (line,) = gather(two, ROOT).of("elbo").plan.to_dict("records")
    assert (line["state"], line["seeds"], line["planned_seeds"]) == ("partial", 2, 3)
    assert line["message"] == "2 of 3 trainings are there"
    assert not line["source_changed"]
    collect.write_tables(two, ROOT)
    found = table(two, "table2.csv").query("estimator == 'ST' and latent == '8x4'")
    assert found["seeds"].tolist() == ["2"]
    judged, planned = (read_table(two.folder / f"tables/{name}.csv") for name in ("table2", "jobs"))
    assert "2 of 3 seeds" in str(grid_views.blocks("table2", "Table 2", judged, planned))


def test_published_trainings_are_verified(
    whole: Config,
    load: Callable[[str], Config],
    tmp_path: Path,
    digits: Images,
    at_hand: Callable[[Images], None],
) -> None:
    packed = tmp_path / "published/test"
    publish(whole, packed)
    said: list[str] = []
    outcomes = verify.verify(load("read"), packed, 10, 1, said.append)
    assert sorted(outcome.company.cell.name for outcome in outcomes) == [ST, GATES]
    assert all((outcome.difference, outcome.at) == (0, "") for outcome in outcomes)
    assert f"{ST}: 2 of 2 epochs, 3 runs: agree to the last digit" in said
    # Less time: one epoch, and of the cheapest alone.
    outcomes = verify.verify(load("read"), packed, 1e-6, 1, said.append)
    assert [outcome.epochs for outcome in outcomes] == [1]
    # Images at hand that are others.
    at_hand(Images("digits", digits.train[:50], digits.test))
    with pytest.raises(ResultsError, match="other images than those available here"):
        verify.verify(load("read"), packed, 10, 1, said.append)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultsError, match="contains no trainings of this configuration"):
        verify.verify(load("read"), tmp_path / "empty", 10, 1, said.append)


@pytest.mark.parametrize(
    ("shift", "rounding", "says"),
    [
        (1e-7, 0.0, "agree within rounding, at most 1e-07 nats"),
        (0.3, 0.5, "agree within rounding, at most 0.3 nats"),
        (1.0, 0.0, "DIFFER. "),
        (8.0, 0.5, "DIFFER. "),
        (float("nan"), 0.5, "DIFFER. "),
    ],
)
def test_a_number_that_was_not_computed_so_is_found(
    whole: Config, shift: float, rounding: float, says: str
) -> None:
    """Rounding is what the twins of a training differ by."""
    runs = held(whole, cells(whole)[ST])
    (company,) = verify.companies_of(cells(whole)[ST], runs)

    def train(twin: int) -> dict[str, finished.Finished]:
        out = {}
        for run_id, entry in runs.items():
            results = {name: list(values) for name, values in entry.results.items()}
            results["test_kl_nats"][1] += shift + rounding * (-1) ** twin * bool(twin)
            out[run_id] = finished.Finished(results, 0, entry.dataset, entry.origin)
        return out

    outcome = verify.compared(company, train, 2)
    assert says in outcome.describe()
    assert bool(outcome.at) == (says == "DIFFER. ")
    assert verify.compared(company, train, 1).describe().endswith("agree to the last digit")


def test_rounding_is_what_nudged_weights_do(
    whole: Config, digits: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twins are trainings of the same numbers: near one another, and none the same."""
    (company,) = verify.companies_of(cells(whole)[ST], held(whole, cells(whole)[ST]))
    monkeypatch.setattr(verify, "NUDGE", 2.0**-12)  # that three steps are enough
    found = [verify.retrained(company, digits, 1, twin) for twin in range(3)]
    for run in company.cell.runs:
        first, *twins = [one[run.run_id].results["train_nelbo_nats"][0] for one in found]
        assert len({first, *twins}) == 3
        assert twins == pytest.approx([first] * 2, abs=5)


def test_runs_are_verified_in_the_company_that_they_were_trained_in(whole: Config) -> None:
    cell = cells(whole)[ST]
    runs = held(whole, cell)
    last = list(runs)[-1]
    later = {"started": "2030-01-01T00:00:00+00:00"}
    entry = runs[last]
    runs[last] = finished.Finished(entry.results, 0, entry.dataset, {**entry.origin, **later})
    assert [[run.seed for run in group.cell.runs] for group in verify.companies_of(cell, runs)] == [
        [0, 1],
        [2],
    ]
