"""Reinforcement learning: episodes, networks and updates."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators.gumbel import conditional_keys
from reinrelax.experiments.policy_gradient.measure import Sampler
from reinrelax.rl import ALGORITHMS, environments
from reinrelax.rl.agent import Agent
from reinrelax.rl.environments import Environments
from reinrelax.rl.episodes import Episodes, play, returns, standardised
from reinrelax.rl.networks import Perceptron
from reinrelax.training.reinforcement import Learner
from tests.helpers.agents import agent_of, random_episodes

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
        return (
            np.full(1, self.taken, dtype=np.float32),
            float(self.taken),
            self.left == 0,
            False,
            {},
        )


gymnasium.register("Countdown-v0", entry_point=Countdown)


def learn(
    seeds: tuple[int, ...], name: str = "RELAX", episodes: int = 6
) -> tuple[Agent, Tensor, Tensor]:
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
            episodes = play(
                environments, agent.policy, seeds, streams=Streams.derive(seeds, "test")
            )
    own = torch.tensor([2, 3, 4, 4, 4])
    mask = torch.arange(cap) < own[:, None]
    assert torch.equal(episodes.mask, mask.double())
    assert torch.equal(episodes.lengths, own.double())
    assert torch.equal(
        episodes.observations[..., 0][mask], torch.arange(cap).expand(5, cap)[mask].double()
    )
    assert torch.equal(episodes.rewards, torch.arange(1, cap + 1) * episodes.mask)
    # The third comes to its end with the very step at which it would have been cut.
    assert episodes.terminated.tolist() == [True, True, True, False, False]
    assert episodes.truncated.tolist() == [False, False, False, True, True]


def test_what_an_ended_copy_does_is_of_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, the vector environment plays on after an end, from a start of its own."""

    def played() -> Episodes:
        with Environments("CartPole-v1", 3, 40) as copies:
            policy = agent_of("REINFORCE").policy
            return play(copies, policy, (0, 1, 2), streams=Streams.derive((0, 1, 2), "test"))

    resting = played()
    monkeypatch.setattr(environments, "Resting", gymnasium.Wrapper)
    restless = played()
    own = resting.mask > 0
    assert torch.equal(resting.mask, restless.mask)
    assert torch.equal(resting.rewards, restless.rewards)
    assert torch.equal(resting.terminated, restless.terminated)
    assert torch.equal(resting.observations[own], restless.observations[own])
    assert not torch.equal(resting.observations[~own], restless.observations[~own])


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
        episodes = play(
            environments, agent.policy, (0, 1, 2), streams=Streams.derive((0, 1, 2), "test")
        )
    keys = agent.policy(episodes.observations) + episodes.gumbel
    assert torch.equal(keys.argmax(-1), episodes.actions)
    assert episodes.observations.shape == (3, 10)


def test_environments_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match="Pendulum-v1: expected discrete actions"):
        Environments("Pendulum-v1", 2, 10)


def test_returns_are_their_definition() -> None:
    episodes, gamma = random_episodes(), 0.7
    powers = [[gamma ** (k - t) if k >= t else 0.0 for k in range(5)] for t in range(5)]
    expected = torch.einsum(
        "tk,rk->rt", torch.tensor(powers, dtype=torch.float64), episodes.rewards
    )
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
        each = torch.autograd.grad(
            (logits * cotangent)[:, t].sum(), net.parameters, retain_graph=True
        )
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


def step_by_step(
    agent: Agent, episodes: Episodes, streams: Streams
) -> tuple[list[Tensor], list[Tensor]]:
    """The actor's and the critic's gradient of RELAX, by autograd at every step from the parameters
    up.
    """
    assert agent.critic is not None
    actor, critic = agent.actor.leaves(), agent.critic.leaves()
    x, hot = episodes.observations, torch.nn.functional.one_hot(episodes.actions).double()
    gains = standardised(returns(episodes, agent.gamma), episodes.mask)
    log_probs = actor.after(actor.before(x).relu()).log_softmax(-1)

    def control(z: Tensor) -> Tensor:
        return critic.after(critic.before(torch.cat([x, z], -1)).relu())[..., 0]

    at_draw = control(log_probs + episodes.gumbel)
    given_draw = control(conditional_keys(log_probs, hot, streams))
    chosen = (log_probs * hot).sum(-1)
    total = [torch.zeros_like(p) for p in actor.parameters]
    loss = torch.zeros((), dtype=torch.float64)
    for r, t in episodes.mask.nonzero().tolist():
        score, slope = (
            torch.autograd.grad(value[r, t], actor.parameters, create_graph=True)
            for value in (chosen, at_draw - given_draw)
        )
        for whole, a, b in zip(total, score, slope, strict=True):
            each = (gains - given_draw)[r, t] * a[r] + b[r]
            whole[r] += each.detach()
            loss = loss + each.square().mean() / episodes.lengths[r]
    return total, list(torch.autograd.grad(loss, critic.parameters))


def test_relaxs_gradients_are_those_of_autograd_throughout() -> None:
    agent, episodes = agent_of("RELAX"), random_episodes()
    found = agent.gradients(episodes, streams=Streams.derive((0, 1, 2), "test"))
    actor, critic = step_by_step(agent, episodes, Streams.derive((0, 1, 2), "test"))
    for a, b in zip((*found.actor, *found.critic), (*actor, *critic), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("discrete", [False, True])
def test_a2cs_gradients_are_those_of_its_losses(discrete: bool) -> None:
    agent, episodes = agent_of("A2C"), random_episodes(discrete)
    assert agent.critic is not None
    actor, critic = agent.actor.leaves(), agent.critic.leaves()
    x, mask = episodes.observations, episodes.mask
    log_probs = actor.after(actor.before(x).relu()).log_softmax(-1)
    error = standardised(returns(episodes, agent.gamma), mask) - critic.scalar(x)()
    chosen = log_probs.gather(-1, episodes.actions[..., None])[..., 0]
    ascended = torch.autograd.grad((chosen * error.detach() * mask).sum(), actor.parameters)
    descended = torch.autograd.grad(
        ((error.square() * mask).sum(1) / mask.sum(1)).sum(), critic.parameters
    )
    found = agent.gradients(episodes, streams=Streams([]))
    for a, b in zip((*found.actor, *found.critic), (*ascended, *descended), strict=True):
        torch.testing.assert_close(a, b)


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
            learner.update(
                one.gradients(random_episodes(), streams=Streams.derive((0, 1, 2), number))
            )
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
