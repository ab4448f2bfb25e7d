"""The experiment on agents that learn from episodes, and the contract of its catalogues."""

from dataclasses import replace
from typing import Any

import gymnasium
import pytest
import torch
import yaml

from reinrelax.config import load as configuration
from reinrelax.config.declared import COLUMNS
from reinrelax.core.rng import Streams
from reinrelax.execution.estimates import STARTUP_SECONDS, estimate
from reinrelax.experiments.policy_gradient.experiment import Reinforcement
from reinrelax.experiments.policy_gradient.measure import Sampler, measure
from reinrelax.jobs.studies import studies
from reinrelax.rl import ALGORITHMS, ENVIRONMENTS, policy_gradients
from reinrelax.rl.environments import Environments
from tests.conftest import ROOT, merge, unchecked
from tests.helpers.agents import agent_of, random_episodes

SPEC = Reinforcement(
    environments=(("CartPole-v1", 30),),
    algorithms=("RELAX",),
    seeds=(0, 1, 2),
    episodes=4,
    hidden=8,
    learning_rate=0.01,
    gamma=0.9,
    checkpoints=(0, 4),
    rollouts=3,
)
NAMES = list(ALGORITHMS)


def test_the_experiments_tables() -> None:
    tables = measure(SPEC, "CartPole-v1", 30, "RELAX")
    rows, found = tables["episodes"], tables["policy_gradients"]
    assert [(row["seed"], row["episode"]) for row in rows] == [
        (s, e) for e in (1, 2, 3, 4) for s in (0, 1, 2)
    ]
    for row in rows:
        assert row["return"] == row["length"] <= 30  # CartPole earns 1 a step
        assert row["terminated"] + row["truncated"] == 1
        assert row["truncated"] == 0 or row["length"] == 30
        assert row["diverged"] == 0
    assert len(found) == 2 * 3 * 3
    for name, table in tables.items():
        assert all(set(row) == set(COLUMNS[name]) for row in table)
    assert all(row["value"] > 0 for row in found)


def test_algorithms_of_a_seed_begin_alike() -> None:
    tables = {
        name: measure(replace(SPEC, episodes=2, checkpoints=(0,)), "CartPole-v1", 30, name)
        for name in NAMES
    }

    def of(name: str, episode: int) -> list[float]:
        return [row["return"] for row in tables[name]["episodes"] if row["episode"] == episode]

    for name in NAMES:
        assert of(name, 1) == of("REINFORCE", 1)
    # And at the same parameters REINFORCE's variance on the held episodes is the same.
    variances = {
        name: [
            row["value"]
            for row in table["policy_gradients"]
            if row["quantity"] == "variance_reinforce"
        ]
        for name, table in tables.items()
    }
    assert all(values == variances["REINFORCE"] for values in variances.values())


def test_held_episodes_do_not_disturb_learning() -> None:
    few = measure(replace(SPEC, checkpoints=(4,), rollouts=2), "CartPole-v1", 30, "RELAX")
    many = measure(
        replace(SPEC, checkpoints=(0, 1, 2, 3, 4), rollouts=5), "CartPole-v1", 30, "RELAX"
    )
    assert few["episodes"] == many["episodes"]


def test_gradient_variance_is_unbiased_over_the_rollouts() -> None:
    """For N = 3: against the mean over the three pairs of half their squared distance."""
    (found,) = (
        row["value"]
        for row in measure(replace(SPEC, seeds=(0,), checkpoints=(0,)), "CartPole-v1", 30, "RELAX")[
            "policy_gradients"
        ]
        if row["quantity"] == "variance"
    )
    with Environments("CartPole-v1", 1, 30) as environments:
        sampler = Sampler(environments, agent_of("RELAX", (0,)), (0,))
        flat = []
        for number in range(3):
            streams = sampler.streams("conditional", "held", 0, number)
            gradients = sampler.agent.gradients(sampler.play("held", 0, number), streams=streams)
            flat.append(torch.cat([part.flatten() for part in gradients.actor]))
    pairs = [(flat[i] - flat[j]).square().sum() / 2 for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found == pytest.approx(torch.stack(pairs).mean().item())


def test_divergence_is_in_the_table() -> None:
    rows = measure(
        unchecked(SPEC, learning_rate=1e308, checkpoints=(0,)), "CartPole-v1", 30, "A2C"
    )["episodes"]
    assert {row["diverged"] for row in rows if row["episode"] > 1} == {1}


@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_keeps_the_contract(name: str) -> None:
    entry = ALGORITHMS[name]
    assert getattr(policy_gradients, entry.function).__doc__
    assert entry.variant_of is None or ALGORITHMS[entry.variant_of].variant_of is None
    assert entry.objective in {
        None,
        {"value": "error", "control": "variance", None: None}[entry.critic],
    }
    agent = agent_of(name)
    for discrete in (False, True):
        found = agent.gradients(
            random_episodes(discrete), streams=Streams.derive((0, 1, 2), "test")
        )
        assert [part.shape for part in (*found.actor, *found.critic)] == [
            part.shape for part in agent.learned
        ]
        assert all(part.isfinite().all() for part in (*found.actor, *found.critic))
        assert (found.objective > 0).all() == (entry.objective is not None)
    other = agent_of("REINFORCE")
    assert all(map(torch.equal, agent.actor.parameters, other.actor.parameters))


@pytest.mark.parametrize("scale", ["paper", "test"])
def test_every_study_of_a_scale_has_an_estimate(scale: str) -> None:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / f"workflow/scales/{scale}.yaml").read_text(encoding="utf-8")))
    config = configuration.load(raw, ROOT)
    found = {
        name: estimate(config, study, [])
        for name, study in studies(config).items()
        if name[:3] == "rl/"
    }
    assert {name.split("/")[1].rpartition("-")[0] for name in found} == set(ENVIRONMENTS)
    assert all(seconds > STARTUP_SECONDS for seconds in found.values())
    if scale == "paper":
        assert len(found) == len(ENVIRONMENTS) * 2 * len(ALGORITHMS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environments_own_limit_is_gymnasiums(name: str) -> None:
    assert gymnasium.spec(name).max_episode_steps == ENVIRONMENTS[name]


def test_taxi_is_the_deterministic_one() -> None:
    """What the paper's Taxi-v3 was: the present version's rain and fickle passengers are off."""
    taxi: Any = gymnasium.make("Taxi-v4").unwrapped
    transitions = [one for by_action in taxi.P.values() for one in by_action.values()]
    assert all(len(one) == 1 and one[0][0] == 1 for one in transitions)
    assert not taxi.fickle_passenger
