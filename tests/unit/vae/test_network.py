"""A network of one's own: other hidden layers than the papers'."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from reinrelax.config.declared import BLOCKS
from reinrelax.config.load import GRADIENTS, Config
from reinrelax.datasets.images import Images
from reinrelax.errors import ConfigError
from reinrelax.execution import estimates
from reinrelax.experiments.discrete_vae.experiment import Trainings
from reinrelax.experiments.relaxed_vae.experiment import Relaxations
from reinrelax.experiments.snapshots import read_snapshot
from reinrelax.experiments.training import make_trainer, train_cell
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells, table_path
from reinrelax.jobs.studies import studies
from reinrelax.reporting import collect
from reinrelax.vae.enumerated import EnumeratedLoss
from tests.conftest import ROOT
from tests.helpers.pages import PAPER, Text, build, from_paper, line
from tests.helpers.synthetic import write_results

Load = Callable[..., Config]
PLACES = [
    *((name,) for name, kind in BLOCKS.items() if issubclass(kind, Trainings | Relaxations)),
    *((name, "training") for name in GRADIENTS),
]


def with_network(load_config: Load, place: tuple[str, ...], hidden: Any) -> Config:
    change: dict[str, Any] = {"hidden": hidden}
    for key in reversed(place):
        change = {key: change}
    return load_config(experiments=change)


def first(config: Config, place: tuple[str, ...]) -> Job:
    return next(cell for cell in cells(config).values() if cell.first.experiment == place[0])


@pytest.mark.parametrize("place", PLACES)
def test_only_another_network_is_another_run(load_config: Load, place: tuple[str, ...]) -> None:
    def hashes(config: Config) -> dict[str, str]:
        return {
            name: job.settings_hash for name, job in {**cells(config), **studies(config)}.items()
        }

    before = hashes(load_config())
    papers = [400] if place == ("relaxations",) else [512, 256]
    assert hashes(with_network(load_config, place, papers)) == before
    own = with_network(load_config, place, [32])
    changed = {name.split("/")[0] for name, found in hashes(own).items() if found != before[name]}
    assert changed in ({place[0]}, {place[0], f"{place[0]}-run"})
    assert first(own, place).first.units == (32,)
    large = first(with_network(load_config, place, [2048, 2048]), place)
    small, usual = first(own, place), first(load_config(), place)
    assert estimates.memory_mb(small) < estimates.memory_mb(usual) < estimates.memory_mb(large)
    timings = estimates.reference(ROOT)
    assert estimates.training_seconds(small, timings) < estimates.training_seconds(usual, timings)
    assert estimates.training_seconds(usual, timings) < estimates.training_seconds(large, timings)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        ([], r"hidden: must have at least 1"),
        ([0], r"hidden\[0\]: must be >= 1; got 0"),
        (512, r"hidden: must be of type array; got 512"),
        ([2.5], r"hidden\[0\]: must be of type integer"),
    ],
)
def test_a_wrong_network_is_named(
    load_config: Load, place: tuple[str, ...], hidden: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        with_network(load_config, place, hidden)


@pytest.mark.parametrize("place", [("elbo",), ("relaxations",)])
def test_replicas_have_that_network(
    load_config: Load, place: tuple[str, ...], digits: Images
) -> None:
    cell = first(with_network(load_config, place, [24, 16, 8]), place)
    trainer = make_trainer(cell.runs, digits, "cpu")
    encoder = [tuple(tensor.shape[1:]) for tensor in trainer.objective.parameters[:6:2]]
    assert encoder == [(784, 24), (24, 16), (16, 8)]
    trainer.run_epoch()
    assert all(torch.isfinite(parameter).all() for parameter in trainer.objective.parameters)


def test_snapshots_say_their_network_and_are_enumerated(load_config: Load, digits: Images) -> None:
    config = with_network(load_config, ("gradients", "training"), [24, 12])
    cell = first(config, ("gradients",))
    table: Path = table_path(config, cell.name)
    options: dict[str, Any] = {"device": "cpu", "checkpoint_every": 5, "extra": {}}
    record = train_cell(cell, digits, table=table, known={}, **options)
    assert record["hidden"] == [24, 12]
    assert set(pd.read_csv(table)["hidden"]) == {"24-12"}
    model, seeds = read_snapshot(
        table.with_suffix(".pt"), cell.first.shape, cell.snapshots[-1], "cpu"
    )
    assert seeds == [run.seed for run in cell.runs]
    assert [tuple(w.shape[1:]) for w in model.stack.parameters[::2]] == [
        *((784, 24), (24, 12), (12, 32)),
        *((32, 12), (12, 24), (24, 784)),
    ]
    batch = torch.from_numpy(digits.train[:2]).float() / 255
    loss = EnumeratedLoss(model, 0, batch)
    codes = loss.codes[:5]
    for image, found in zip(batch, loss.value, strict=True):
        direct = model.reconstruction(image.expand(1, 5, -1), codes[None])[0]
        np.testing.assert_allclose(found[:5], direct.detach(), rtol=1e-4)


def test_the_papers_numbers_are_not_held_against_another_network(load_config: Load) -> None:
    config = load_config(**PAPER)
    write_results(config, from_paper, epochs=[1])
    collect.write_tables(config, ROOT)
    assert line(config, "table2.csv", "ReinMax", "8x4")["verdict"] == "reproduced"
    elbo = {**PAPER["experiments"]["elbo"], "hidden": [64, 32]}
    config = load_config(
        **{**PAPER, "scale": "own", "experiments": {"elbo": elbo, "relaxations": {"hidden": [64]}}}
    )
    write_results(config, from_paper, epochs=[1])
    words = Text(build(config)).text
    found = line(config, "table2.csv", "ReinMax", "8x4")
    assert (found["verdict"], found["mean"] != "") == ("not tested at this scale", True)
    assert found["reason"] == "hidden layers of 64-32 units (required: the paper's)"
    assert "hidden layers 64-32" in line(config, "jobs.csv", "ReinMax", "8x4")["settings"]
    assert "hidden layers of 64-32 units" in words
    claims = pd.read_json(config.folder / "tables/claims.json").set_index("id")
    judged = claims[claims["reason"].str.contains("hidden layers of 64 units")]
    assert set(judged["verdict"]) == {"not tested at this scale"}
