"""Seeds by name: an independent replication, wherever seeds are asked for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reinrelax.config.load import GRADIENTS, Config
from reinrelax.datasets.images import Images
from reinrelax.errors import ConfigError
from reinrelax.execution.estimates import estimate
from reinrelax.experiments.policy_gradient import measure as rl
from reinrelax.experiments.training import train_cell
from reinrelax.jobs.runs import cells, run_table, table_path
from reinrelax.jobs.studies import studies
from reinrelax.results.read import held

Load = Callable[..., Config]
# Keys of every block that has seeds.
PLACES = [
    *((name,) for name in ("elbo", "early", "beta", "grid", "readings", "relaxations", "rl")),
    *((name, "training") for name in GRADIENTS),
]


def seeded(load_config: Load, place: tuple[str, ...], seeds: Any) -> Config:
    change: dict[str, Any] = {"seeds": seeds}
    for key in reversed(place):
        change = {key: change}
    return load_config(experiments=change)


def hashes(config: Config) -> dict[str, str]:
    return {name: job.settings_hash for name, job in {**cells(config), **studies(config)}.items()}


@pytest.mark.parametrize("place", PLACES)
def test_named_seeds_are_other_runs_and_as_many_the_same(
    load_config: Load, place: tuple[str, ...]
) -> None:
    counted = hashes(seeded(load_config, place, 3))
    for same in ([0, 1, 2], [2, 0, 1]):
        assert hashes(seeded(load_config, place, same)) == counted
    anew = seeded(load_config, place, [12, 10, 11])
    changed = {name.split("/")[0] for name, found in hashes(anew).items() if found != counted[name]}
    assert changed in ({place[0]}, {place[0], f"{place[0]}-run"})
    if place == ("rl",):
        assert anew.rl.seeds == (10, 11, 12)
        (name, *_) = (name for name in counted if name.startswith("rl/"))
        three = seeded(load_config, place, 3)
        times = [estimate(config, studies(config)[name], []) for config in (three, anew)]
        assert times[0] == times[1]
        json.dumps(studies(anew)[name].settings)
    else:
        assert {run.seed for run in run_table(anew) if run.experiment == place[0]} == {10, 11, 12}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([3, 3], "must not have a value twice"),
        ([0, -1], "must be >= 0; got -1"),
        ([], "must have at least 1"),
        ([1.0], "must be of type integer; got 1.0"),
        (0, "must be >= 1"),
        ("3", "must be of type integer or array"),
    ],
)
def test_wrong_seeds_are_named(
    load_config: Load, place: tuple[str, ...], seeds: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^experiments\.{'.'.join(place)}\.seeds.*: {says}"):
        seeded(load_config, place, seeds)


def test_agents_of_a_seed_do_the_same_in_other_company(load_config: Load) -> None:
    few, more = (
        rl.measure(seeded(load_config, ("rl",), seeds).rl, "CartPole-v1", 20, "REINFORCE")[
            "episodes"
        ]
        for seeds in ([7, 5], [5, 6])
    )
    assert {row["seed"] for row in few} == {5, 7}
    first = [[row["return"] for row in rows if row["seed"] == 5] for rows in (few, more)]
    assert first[0] == first[1]


def test_pictures_are_of_the_first_named_seed(load_config: Load, digits: Images) -> None:
    """Even where that was trained before, beside another whose pictures were kept."""
    own = {"latents": {"ST-Bernoulli": {"latent_shape": "2x4"}}, "epochs": 1}
    for seeds, fresh in (([3, 4, 5], 3), ([4, 5], 1)):
        config = load_config(experiments={"relaxations": {**own, "seeds": seeds}})
        cell = cells(config)["relaxations/2x4/ST-Bernoulli"]
        table: Path = table_path(config, cell.name)
        known = held(config, cell)
        options: dict[str, Any] = {"device": "cpu", "checkpoint_every": 1, "extra": {}}
        record = train_cell(cell, digits, table=table, known=known, **options)
        assert record["images_trained"] == fresh * len(digits.train)
        with np.load(table.with_suffix(".npz")) as drawn:
            assert drawn["shown_run_ids"].tolist() == [cell.first.run_id]
            assert drawn["run_ids"].tolist() == [run.run_id for run in cell.runs]
            assert len(drawn["samples"]) == 1
