"""The benchmark: what it measures, what it holds that against, and what it writes."""

import itertools
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import __main__ as benchmark
from benchmarks import programs, rounding, rounds, steps, table
from benchmarks.bounds import BATCH, Products, operands, traffic_bytes
from benchmarks.cases import CENTRE, PARTS, Case, paper, parts
from reinrelax.core import records
from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.errors import ReinrelaxError
from reinrelax.execution import estimates
from reinrelax.experiments.cost.figures import COLUMNS, RESULTS
from reinrelax.experiments.discrete_vae import measure as vae
from tests.conftest import MNIST_ROOT
from tests.helpers.benchmarks import BLAS, ONEDNN, PACE, planted


@pytest.mark.parametrize("latent", ["8x4", "10x30"])
def test_the_bound_has_the_products_of_a_training_step_and_no_others(
    latent: str, digits: Images
) -> None:
    few = Images(digits.name, digits.train[:BATCH], digits.test[:1])
    trainer = vae.make_trainer(Case("ReinMax", latent, 2, 1, 0).runs, few, "cpu")
    batch = torch.from_numpy(few.train).float().div(255).expand(2, -1, -1)
    with FlopCounterMode(display=False) as counter:
        trainer.objective.step(batch, trainer._streams("noise", 1))
    products = operands(latent, 2)
    assert (
        sum(2 * left.numel() * right.shape[-1] for left, right, _ in products)
        == counter.get_total_flops()
    )
    for left, right, out in products:
        torch.bmm(left, right, out=out)
    weights = [p.shape for p in trainer.objective.parameters if p.ndim == 3]
    assert [out.shape for _, _, out in products if out.shape[1] != BATCH] == weights
    # Parameters, gradients and two moments, each read and written.
    assert traffic_bytes(latent, 2) == 8 * sum(p.nbytes for p in trainer.objective.parameters)


def test_every_estimator_and_shape_is_measured_and_one_size_varies_at_a_time() -> None:
    cases = parts(10, 2)
    assert list(cases) == list(PARTS)
    trained = paper().trainings["elbo"]
    assert {(case.estimator, case.latent) for case in cases["tables"]} == {
        (name, str(shape)) for name in trained.estimators for shape in trained.latent_shapes
    }
    assert {(case.latent, case.threads, case.replicas) for case in cases["replicas"]} == {
        (latent, threads, count)
        for latent in ("8x4", "10x30")
        for threads in (1, 2)
        for count in (1, 2, 5, 10, 20, 70)
    }
    assert {case.threads for case in parts(10, 1)["replicas"]} == {1}
    for part in ("categories", "latents", "draws"):
        sizes = {(*map(int, case.latent.split("x")), case.draws) for case in cases[part]}
        assert [len(set(size)) for size in zip(*sizes, strict=True)].count(1) == 2
        assert (*map(int, CENTRE.split("x")), 100) in sizes


def test_a_case_stands_for_runs_of_the_papers_settings() -> None:
    for case in {case for part in parts(3, 2).values() for case in part}:
        runs = case.runs
        assert [run.seed for run in runs] == list(range(case.replicas))
        assert {(run.estimator, str(run.shape)) for run in runs} == {(case.estimator, case.latent)}
        assert dict(runs[0].hyper).get("draws", 0) == case.draws
    (run,) = Case("Gumbel-Rao", "64x12", 1, 1, 30).runs
    (known,) = Case("Gumbel-Rao", CENTRE, 1, 1, 30).runs
    assert (run.hyper, run.optimizer) == (known.hyper, known.optimizer)


def test_bounds_are_measured_once_and_beside_their_cases() -> None:
    cases = [case for part in parts(10, 2).values() for case in part]
    wanted = rounds.jobs(cases, "cpu")
    assert len(wanted) == len(set(wanted))
    assert {job for job in wanted if isinstance(job, Case)} == set(cases)
    for case in cases:
        assert all(wanted.index(bound) < wanted.index(case) for bound in rounds.bounds(case, "cpu"))
    first = wanted[:3]
    assert first == [Products("8x4", 10, 1, "BLAS"), Products("8x4", 10, 1, "oneDNN"), cases[0]]


def test_the_table_holds_medians_the_smaller_bound_and_their_ratio() -> None:
    cases = {
        "replicas": [Case("ReinMax", "8x4", 5, 1, 0)],
        "relaxations": [Case("STS", "2x20", 3, 1, 0, "relaxed")],
    }
    found = planted(rounds.jobs([*cases["replicas"], *cases["relaxations"]], "cpu"))
    first, relaxed = table.tidy(cases, found, "cpu").to_dict("records")
    epoch = 60_000
    assert first["bound_blas"] == pytest.approx(epoch * BLAS)
    assert first["bound"] == first["bound_onednn"] == pytest.approx(epoch * ONEDNN)
    assert first["seconds"] == pytest.approx(epoch * PACE * ONEDNN)
    assert first["ratio"] == pytest.approx(PACE)
    assert (first["seconds_low"], first["seconds_high"]) == pytest.approx((0.45, 2.7))
    assert pd.isna(first["bound_traffic"])
    assert pd.isna(relaxed["bound"])
    assert pd.isna(relaxed["ratio"])


def test_where_onednn_is_not_to_be_had_or_memory_is_slower_the_bound_says_so() -> None:
    nan = float("nan")
    assert table.lowest({"bound_blas": 2.0, "bound_onednn": nan}) == 2.0
    assert table.lowest({"bound_blas": 2.0, "bound_traffic": 3.0}) == 3.0
    assert pd.isna(table.lowest({}))
    case = Case("ReinMax", "8x4", 5, 1, 0)
    found = planted(rounds.jobs([case], "cuda"))
    (row,) = table.tidy({"replicas": [case]}, found, "cuda", bandwidth=1e9).to_dict("records")
    # 600 steps an epoch, five replicas at once.
    assert row["bound_traffic"] == pytest.approx(traffic_bytes("8x4", 1) / 1e9 * 600)
    assert row["bound"] == row["bound_traffic"]


def test_a_complete_run_renews_the_projects_files_and_a_partial_one_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digits: Images,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(benchmark, "ROOT", tmp_path)
    monkeypatch.setattr(benchmark, "measure_all", lambda wanted, source, count: planted(wanted))
    monkeypatch.setattr("reinrelax.datasets.data.mnist", lambda root: digits)
    benchmark.main(["--device", "cpu", "--parts", "replicas"])
    assert "nothing written" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    benchmark.main(["--device", "cpu"])
    assert {path.name for path in (tmp_path / RESULTS).iterdir()} == {"cpu.csv", "cpu.json"}
    assert {timing.estimator for timing in estimates.reference(tmp_path)} >= {"ReinMax-CV", "Top-k"}
    known = {
        (timing.estimator, timing.latent, timing.draws) for timing in estimates.reference(tmp_path)
    }
    assert known == {(t.estimator, t.latent, t.draws) for t in estimates.reference()}
    shown = capsys.readouterr().out
    assert all(f"{part}: {words}" in shown for part, words in PARTS.items())
    with pytest.raises(SystemExit):
        benchmark.main(["--images", "0"])


@pytest.mark.slow
@pytest.mark.usefixtures("mnist")
def test_a_tiny_run_leaves_a_whole_table_and_its_record(tmp_path: Path) -> None:
    arguments = [
        "--parts",
        "plain",
        "--images",
        "100",
        "--rounds",
        "1",
        "--replicas",
        "2",
        "--device",
        "cpu",
    ]
    benchmark.main([*arguments, "--out", str(tmp_path)])
    path = tmp_path / RESULTS / "cpu.csv"
    assert {found.name for found in tmp_path.rglob("*.*")} == {"cpu.csv", "cpu.json"}
    found = pd.read_csv(path)
    assert tuple(found.columns) == COLUMNS
    assert list(found["program"]) == ["plain", "engine"] * 2
    assert list(found["estimator"]) == ["ReinMax"] * 2 + ["Gumbel-Rao"] * 2
    assert (found[["seconds", "bound_blas", "bound", "ratio", "peak_memory_mb"]] > 0).all().all()
    assert (found["ratio"] - found["seconds"] / found["bound"]).abs().max() < 1e-3 * found[
        "ratio"
    ].max()
    record = records.read(
        path.with_suffix(".json"), ("commit", "processor", "finished", "wall_seconds")
    )
    records.check(path, record)
    assert (record["images"], record["rounds"], record["replicas"]) == (100, 1, 2)


@pytest.mark.slow
def test_a_process_of_its_own_keeps_its_settings_and_its_end_to_itself(
    tmp_path: Path, digits: Images
) -> None:
    images.save(Images(digits.name, digits.train.repeat(4, 0), digits.test), tmp_path)
    source = programs.Source(tmp_path, MNIST_ROOT, 100, "cpu")
    before = torch.get_num_threads()
    job = Case("STS", "2x20", 1, 2, 0, "relaxed")
    found = rounds.measure_all([job], source, rounds=2)[job]
    assert len(found) == 2
    assert all(timing.seconds > 0 and timing.memory_mb > 100 for timing in found)
    assert torch.get_num_threads() == before
    with pytest.raises(ReinrelaxError, match="3: the process was killed"):
        rounds.alone(os._exit, 3)


def test_rounding_is_told_as_paired_differences(digits: Images) -> None:
    few = replace(digits, train=digits.train[:100], test=digits.test[:50])
    found = pd.DataFrame(rounding.trained(few, seeds=2, epochs=1, device="cpu"))
    assert found.groupby("products")["seed"].apply(list).to_dict() == {
        "float32": [0, 1],
        "bfloat16": [0, 1],
    }
    wide = found.pivot_table(index="seed", columns="products", values="train_nelbo_nats")
    assert (wide["float32"] != wide["bfloat16"]).all()
    planted = found.assign(train_nelbo_nats=[100.0, 104.0, 101.0, 105.5])
    line, _ = rounding.differences(planted)
    assert line.startswith("train: 102.00 nats, bfloat16 +1.250 [")
    assert line.endswith("standard deviation over seeds 2.828")


def test_a_steps_time_is_split_into_phases(
    digits: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    many = replace(digits, train=np.tile(digits.train, (2, 1)))
    found = list(steps.measured(many, [1, 2], steps=2))
    assert [row["replicas"] for row in found] == [1] * 7 + [2] * 7
    names = ["products", "networks", "Adam", "estimator", "loss", "images", "rest"]
    assert [row["phase"] for row in found] == names * 2
    for row in found:
        assert row["milliseconds"] > 0 or row["phase"] == "networks"
        assert (row["gigabytes_per_second"] is None) == (row["phase"] != "Adam")
    whole = sum(row["of_products"] for row in found[:7])
    assert whole == pytest.approx(found[0]["step_of_products"], rel=0.3)
    assert "step / products" in steps.shown(pd.DataFrame(found))


def test_a_phase_within_another_stops_the_outer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(now) ** 2)
    phases = steps.Phases()  # at 0
    with phases.phase("outer"), phases.phase("inner"):  # at 1, 4, 9 and 16
        pass
    assert phases.take() == {"rest": 1 + 25 - 16, "outer": 4 - 1 + 16 - 9, "inner": 9 - 4}
    assert phases.take() == {"rest": 36 - 25}
