"""What the plan says of time, and what jobs ask a cluster for by it."""

import re
from collections.abc import Callable

import pytest

from reinrelax.config.load import Config
from reinrelax.execution import plan
from tests.conftest import ROOT


@pytest.mark.parametrize(("seconds", "minutes"), [(5.0, 30), (600.0, 30), (3600.0, 180), (1e6, 1440)])
def test_a_time_limit_has_room_and_bounds(seconds: float, minutes: int) -> None:
    assert plan.limit_minutes(seconds) == minutes


def test_core_hours_of_experiments_add_up_and_count_threads(load_config: Callable[..., Config]) -> None:
    experiments = {"elbo": {"epochs": 50_000}, "grid": {"epochs": 50_000}}
    totals = []
    for threads in (1, 4):
        config = load_config(machine={"threads": threads}, experiments=experiments)
        *lines, last = plan.describe(config, 8, ROOT).splitlines()
        rows = [re.fullmatch(r"([a-z-]+) +([\d,.]+) core-hours", line) for line in lines]
        parts = {row[1]: float(row[2].replace(",", "")) for row in rows if row}
        assert {"elbo", "grid", "gradients", "rl"} < parts.keys()
        assert parts["elbo"] > 1
        totals.append(float(last.rsplit("; ")[1].split()[0].replace(",", "")))
        assert sum(parts.values()) == pytest.approx(totals[-1], abs=0.05 * (len(parts) + 1))
    assert totals[1] == pytest.approx(4 * totals[0], rel=0.05)
