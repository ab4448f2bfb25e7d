"""Reinforcement learning: episodes, networks, updates, the experiment, and the catalogues' contract."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
import yaml
from gymnasium.spaces import Box, Discrete
from torch import Tensor

from reinrelax import config as configuration
from reinrelax.columns import COLUMNS
from reinrelax.errors import InputError
from reinrelax.experiments.rl import Sampler, measure
from reinrelax.plan import STARTUP_SECONDS, estimate_study
from reinrelax.rl import ALGORITHMS, ENVIRONMENTS, policy_gradients
from reinrelax.rl.agent import Agent
from reinrelax.rl.environments import Environments
from reinrelax.rl.episodes import Episodes, play, returns, standardised
from reinrelax.rl.networks import Perceptron
from reinrelax.rng import Streams
from reinrelax.specs import Reinforcement
from reinrelax.studies import studies
from reinrelax.training.reinforcement import Learner
from tests.conftest import ROOT, merge

SPEC = Reinforcement(
    environments=(("CartPole-v1", 30),),
    algorithms=("RELAX",),
    seeds=3,
    episodes=4,
    hidden=8,
    learning_rate=0.01,
    gamma=0.9,
    checkpoints=(0, 4),
    rollouts=3,
)
NAMES = list(ALGORITHMS)


class Countdown(gymnasium.Env[Any, Any]):
    """Ends after 2 to 6 steps, as its seed says; observes and earns the number of the step."""

    observation_space = Box(0, 10, (1,))
    action_space = Discrete(2)
    left = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        assert seed is not None, "every episode has a seed"
        self.left, self.taken = 2 + seed % 5, 0
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.left > 0, "no step is taken after the end"
        self.left, self.taken = self.left - 1, self.taken + 1
        return np.full(1, self.taken, dtype=np.float32), float(self.taken), self.left == 0, False, {}


gymnasium.register("Countdown-v0", entry_point=Countdown)


def agent_of(name: str, seeds: tuple[int, ...] = (0, 1, 2), inputs: int = 4, actions: int = 2) -> Agent:
    return Agent.initial(ALGORITHMS[name], seeds, inputs=inputs, actions=actions, hidden=8, gamma=0.9)


def random_episodes(discrete: bool = False, replicas: int = 3, steps: int = 5) -> Episodes:
    """Steps of nothing in particular; the second replica's last two are not its own."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(replicas, steps, dtype=torch.float64)
    mask[1, -2:] = 0
    dense = torch.randn(replicas, steps, 4, generator=generator, dtype=torch.float64)
    gumbel = -torch.empty(replicas, steps, 2, dtype=torch.float64).exponential_(generator=generator).log()
    ended = torch.zeros(replicas, dtype=torch.bool)
    return Episodes(
        observations=torch.randint(4, (replicas, steps), generator=generator) if discrete else dense,
        actions=torch.randint(2, (replicas, steps), generator=generator),
        gumbel=gumbel,
        rewards=torch.randn(replicas, steps, generator=generator, dtype=torch.float64) * mask,
        mask=mask,
        terminated=ended,
        truncated=~ended,
    )


def learn(seeds: tuple[int, ...], name: str = "RELAX", episodes: int = 6) -> tuple[Agent, Tensor, Tensor]:
    """An agent that has learned on CartPole, its returns `[R, episodes]`, and when it diverged."""
    with Environments("CartPole-v1", len(seeds), 30) as environments:
        agent = agent_of(name, seeds)
        sampler, learner = Sampler(environments, agent, seeds), Learner(agent, 0.01)
        earned = []
        for number in range(episodes):
            played = sampler.play(number)
            earned.append(played.rewards.sum(1))
            learner.update(agent.gradients(played, streams=sampler.streams("conditional", number)))
    return agent, torch.stack(earned, 1), learner.diverged


# Episodes


def test_an_early_end_leaves_no_stale_step() -> None:
    """The environment itself objects to a step after its end, and to a reset without a seed."""
    cap, seeds = 4, (0, 1, 2, 3, 4)  # which end after 2, 3, 4, 5, 6 steps
    with Environments("Countdown-v0", 5, cap) as environments:
        agent = agent_of("REINFORCE", seeds, inputs=1)
        for _ in range(2):
            episodes = play(environments, agent.policy, seeds, streams=Streams.derive(seeds, "test"))
    own = torch.tensor([2, 3, 4, 4, 4])
    mask = torch.arange(cap) < own[:, None]
    assert torch.equal(episodes.mask, mask.double())
    assert torch.equal(episodes.lengths, own.double())
    assert torch.equal(episodes.observations[..., 0][mask], torch.arange(cap).expand(5, cap)[mask].double())
    assert torch.equal(episodes.rewards, torch.arange(1, cap + 1) * episodes.mask)
    # The third comes to its end with the very step at which it would have been cut.
    assert episodes.terminated.tolist() == [True, True, True, False, False]
    assert episodes.truncated.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_behind_the_end_changes_no_gradient(name: str) -> None:
    episodes, agent = random_episodes(), agent_of(name)
    beyond = episodes.mask == 0
    changed = replace(
        episodes,
        observations=episodes.observations + 50 * beyond[..., None],
        actions=torch.where(beyond, 1 - episodes.actions, episodes.actions),
        gumbel=episodes.gumbel + 3 * beyond[..., None],
    )
    first, second = (
        agent.gradients(e, streams=Streams.derive((0, 1, 2), "test")) for e in (episodes, changed)
    )
    for a, b in zip((*first.actor, *first.critic), (*second.actor, *second.critic), strict=True):
        torch.testing.assert_close(a, b)
    assert all(part[1].abs().sum() > 0 for part in first.actor)


def test_an_action_is_the_largest_key() -> None:
    with Environments("Taxi-v4", 3, 10) as environments:
        agent = agent_of("RELAX", inputs=environments.inputs, actions=environments.actions)
        episodes = play(environments, agent.policy, (0, 1, 2), streams=Streams.derive((0, 1, 2), "test"))
    keys = agent.policy(episodes.observations) + episodes.gumbel
    assert torch.equal(keys.argmax(-1), episodes.actions)
    assert episodes.observations.shape == (3, 10)


def test_environments_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match="Pendulum-v1: expected discrete actions"):
        Environments("Pendulum-v1", 2, 10)


def test_returns_are_their_definition() -> None:
    episodes, gamma = random_episodes(), 0.7
    powers = [[gamma ** (k - t) if k >= t else 0.0 for k in range(5)] for t in range(5)]
    expected = torch.einsum("tk,rk->rt", torch.tensor(powers, dtype=torch.float64), episodes.rewards)
    torch.testing.assert_close(returns(episodes, gamma), expected)


def test_standardised_returns_are_those_of_the_own_steps() -> None:
    values, mask = torch.randn(3, 5, dtype=torch.float64), torch.ones(3, 5, dtype=torch.float64)
    mask[1, 3:] = 0
    mask[2, 1:] = 0
    found, own = standardised(values, mask), values[1, :3]
    torch.testing.assert_close(found[1, :3], (own - own.mean()) / own.std())
    assert not found[mask == 0].any()
    assert found[2, 0] == 0
    assert not standardised(torch.full_like(values, 2.0), mask).any()


# Networks


@pytest.mark.parametrize("discrete", [False, True])
def test_gradients_of_single_steps_are_those_of_autograd(discrete: bool) -> None:
    """Their sum, and of each the squares' means that the control variate minimises."""
    episodes = random_episodes(discrete)
    net = Perceptron.initial(4, 8, 2, Streams.derive((0, 1, 2), "test")).leaves()
    x, cotangent = episodes.observations, torch.randn(3, 5, 2, dtype=torch.float64)
    hidden = net.before(x).relu()
    logits = net.after(hidden)
    squares = torch.zeros(3, 5, dtype=torch.float64)
    for t in range(5):
        each = torch.autograd.grad((logits * cotangent)[:, t].sum(), net.parameters, retain_graph=True)
        squares[:, t] = torch.stack([part.flatten(1).square().mean(1) for part in each]).sum(0)
    torch.testing.assert_close(net.mean_squares(x, hidden, cotangent), squares)
    total = torch.autograd.grad((logits * cotangent).sum(), net.parameters)
    for found, expected in zip(net.gradients(x, hidden, cotangent), total, strict=True):
        torch.testing.assert_close(found, expected)


def test_an_index_stands_for_a_one_hot_vector() -> None:
    index = torch.randint(4, (3, 5))
    dense = torch.nn.functional.one_hot(index, 4).double()
    net = Perceptron.initial(6, 8, 1, Streams.derive((0, 1, 2), "test"))
    z = torch.randn(3, 5, 2, dtype=torch.float64)
    together = net.after(net.before(torch.cat([dense, z], -1)).relu())[..., 0]
    torch.testing.assert_close(net.scalar(index)(z), together)
    torch.testing.assert_close(net.scalar(dense)(z), together)


# Learning


@pytest.mark.parametrize("name", ["A2C", "RELAX"])
def test_a_replica_alone_equals_itself_in_a_batch(name: str) -> None:
    together, earned, _ = learn((0, 1, 2), name)
    alone, own, _ = learn((1,), name)
    assert torch.equal(earned[1:2], own)
    assert not torch.equal(earned[0], earned[1])
    for a, b in zip(together.learned, alone.learned, strict=True):
        torch.testing.assert_close(a[1:2], b)


def test_a_diverging_agent_is_frozen_while_others_go_on() -> None:
    agent, undisturbed = agent_of("RELAX"), agent_of("RELAX")
    assert agent.critic is not None
    before = [p.clone() for p in agent.learned]
    learners = Learner(agent, 0.01), Learner(undisturbed, 0.01)
    for number in range(3):
        if number == 1:
            agent.critic.w2[1] = torch.inf
            before = [p.clone() for p in agent.learned]
        for one, learner in zip((agent, undisturbed), learners, strict=True):
            learner.update(one.gradients(random_episodes(), streams=Streams.derive((0, 1, 2), number)))
    assert learners[0].diverged.tolist() == [0, 2, 0]
    assert not learners[1].diverged.any()
    for now, then, good in zip(agent.learned, before, undisturbed.learned, strict=True):
        assert torch.equal(now[1], then[1])
        assert torch.equal(now[::2], good[::2])
        assert not torch.equal(now[::2], then[::2])


def test_an_untrained_critic_keeps_its_initial_values() -> None:
    agent, _, _ = learn((0, 1), "RELAX-untrained")
    fresh = agent_of("RELAX-untrained", (0, 1))
    assert agent.critic is not None
    assert fresh.critic is not None
    assert all(map(torch.equal, agent.critic.parameters, fresh.critic.parameters))
    assert not torch.equal(agent.actor.w1, fresh.actor.w1)


# The experiment


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
        name: measure(replace(SPEC, episodes=2, checkpoints=(0,)), "CartPole-v1", 30, name) for name in NAMES
    }

    def of(name: str, episode: int) -> list[float]:
        return [row["return"] for row in tables[name]["episodes"] if row["episode"] == episode]

    for name in NAMES:
        assert of(name, 1) == of("REINFORCE", 1)
    # And at the same parameters REINFORCE's variance on the held episodes is the same.
    variances = {
        name: [row["value"] for row in table["policy_gradients"] if row["quantity"] == "variance_reinforce"]
        for name, table in tables.items()
    }
    assert all(values == variances["REINFORCE"] for values in variances.values())


def test_held_episodes_do_not_disturb_learning() -> None:
    few = measure(replace(SPEC, checkpoints=(4,), rollouts=2), "CartPole-v1", 30, "RELAX")
    many = measure(replace(SPEC, checkpoints=(0, 1, 2, 3, 4), rollouts=5), "CartPole-v1", 30, "RELAX")
    assert few["episodes"] == many["episodes"]


def test_gradient_variance_is_unbiased_over_the_rollouts() -> None:
    """For N = 3: against the mean over the three pairs of half their squared distance."""
    (found,) = (
        row["value"]
        for row in measure(replace(SPEC, seeds=1, checkpoints=(0,)), "CartPole-v1", 30, "RELAX")[
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
    rows = measure(replace(SPEC, learning_rate=1e308, checkpoints=(0,)), "CartPole-v1", 30, "A2C")["episodes"]
    assert {row["diverged"] for row in rows if row["episode"] > 1} == {1}


# Catalogues


@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_keeps_the_contract(name: str) -> None:
    entry = ALGORITHMS[name]
    assert getattr(policy_gradients, entry.function).__doc__
    assert entry.variant_of is None or ALGORITHMS[entry.variant_of].variant_of is None
    assert entry.objective in {None, {"value": "error", "control": "variance", None: None}[entry.critic]}
    agent = agent_of(name)
    for discrete in (False, True):
        found = agent.gradients(random_episodes(discrete), streams=Streams.derive((0, 1, 2), "test"))
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
        name: estimate_study(config, study, [])
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
