"""What the plan says of time, and what jobs ask a cluster for by it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reinrelax.config.load import Config
from reinrelax.core import records
from reinrelax.datasets.images import Images
from reinrelax.execution import estimates
from reinrelax.experiments.training import make_trainer
from reinrelax.jobs.runs import cells
from reinrelax.results import packed
from tests.conftest import ROOT, at_scale


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(5.0, 30), (600.0, 30), (3600.0, 180), (1e6, 1440)]
)
def test_a_time_limit_has_room_and_bounds(seconds: float, minutes: int) -> None:
    assert estimates.limit_minutes(seconds) == minutes


def test_core_hours_of_experiments_add_up_and_count_threads(
    load_config: Callable[..., Config],
) -> None:
    experiments = {"elbo": {"epochs": 50_000}, "grid": {"epochs": 50_000}}
    totals = []
    for threads in (1, 4):
        config = load_config(machine={"threads": threads}, experiments=experiments)
        *lines, last = estimates.describe(config, 8, ROOT).splitlines()
        rows = [re.fullmatch(r"([a-z-]+) +([\d,.]+) core-hours", line) for line in lines]
        parts = {row[1]: float(row[2].replace(",", "")) for row in rows if row}
        assert {"elbo", "grid", "gradients", "rl"} < parts.keys()
        assert parts["elbo"] > 1
        totals.append(float(last.rsplit("; ")[1].split()[0].replace(",", "")))
        assert sum(parts.values()) == pytest.approx(totals[-1], abs=0.05 * (len(parts) + 1))
    assert totals[1] == pytest.approx(4 * totals[0], rel=0.05)


def test_jobs_ask_for_the_memory_that_published_ones_took(tmp_path: Path) -> None:
    """All of it, and no more than half as much again."""
    planned, compared = cells(at_scale("paper")), 0
    packed.unpack(ROOT / "published/paper", tmp_path / "a")
    for name, cell in planned.items():
        if (path := tmp_path / "a" / f"{name}.json").exists():
            record = records.read(path, ["run_ids"])
            if len(record["run_ids"]) == len(cell.runs):  # a part of them needed less
                compared += 1
                assert (
                    record["peak_memory_mb"]
                    < estimates.memory_mb(cell)
                    < 1.5 * record["peak_memory_mb"]
                ), name
    assert compared > 20


def test_every_replica_adds_its_parameters_gradients_and_moments(digits: Images) -> None:
    cell = cells(at_scale("paper"))["elbo/8x4/ST"]
    one = replace(cell, runs=cell.runs[:1])
    trainer = make_trainer(one.runs, Images("digits", digits.train[:1], digits.test[:1]), "cpu")
    held = [*trainer.objective.parameters, *trainer.objective.grads, *trainer.optimizer.first]
    held += trainer.optimizer.second
    bytes_held = sum(tensor.numel() * tensor.element_size() for tensor in held)
    more = (estimates.memory_mb(cell) - estimates.memory_mb(one)) * 1e6 / (len(cell.runs) - 1)
    assert bytes_held < more < 3 * bytes_held
