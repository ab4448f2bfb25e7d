"""The cost study: what is timed, and how often."""

from collections import Counter

import pytest

from reinrelax.config.declared import COLUMNS
from reinrelax.config.specs import Cost, Measured
from reinrelax.core.types import LatentShape
from reinrelax.datasets.images import Images
from reinrelax.experiments.cost import measure as cost


def test_every_estimator_is_timed_once_a_round_alone_and_batched(digits: Images) -> None:
    chosen = (
        Measured("STGS", (("tau", 1.0),)),
        Measured("Gumbel-Rao", (("draws", 2), ("tau", 1.0))),
    )
    spec = Cost(chosen, LatentShape(4, 3), images=200, rounds=2, replicas=3)
    calls = []
    rows = cost.measure(spec, digits, "cpu", lambda: calls.append(1))
    counted = Counter((row["estimator"], row["draws"], row["replicas"]) for row in rows)
    assert counted == dict.fromkeys(
        [("STGS", 0, 1), ("STGS", 0, 3), ("Gumbel-Rao", 2, 1), ("Gumbel-Rao", 2, 3)], 2
    )
    assert len(calls) == len(rows)
    assert {row["images"] for row in rows} == {200}
    assert {row["latent"] for row in rows} == {"4x3"}
    assert all(set(row) == set(COLUMNS["cost"]) for row in rows)


def test_seconds_are_reckoned_for_sixty_thousand_images(
    digits: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that runs one second a reading makes each timed epoch last a second."""
    ticks = iter(range(1000))
    monkeypatch.setattr(cost.time, "perf_counter", lambda: float(next(ticks)))
    spec = Cost(
        (Measured("ST", (("tau", 1.0),)),), LatentShape(3, 2), images=100, rounds=1, replicas=2
    )
    rows = cost.measure(spec, digits, "cpu")
    assert [row["seconds"] for row in rows] == [600.0, 600.0]
