"""Training of agents by reinforcement, and the variance of their gradients (A, Figure 3)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.rng import Streams, derive
from reinrelax.experiments.policy_gradient.experiment import Reinforcement
from reinrelax.rl import lookup
from reinrelax.rl.agent import Agent
from reinrelax.rl.environments import Environments
from reinrelax.rl.episodes import Episodes, play
from reinrelax.training.reinforcement import Learner

Row = dict[str, Any]


def measure(
    spec: Reinforcement,
    environment: str,
    cap: int,
    algorithm: str,
    *,
    on_episode: Callable[[], object] = lambda: None,
) -> dict[str, list[Row]]:
    """Train all seeds of one algorithm in one environment, together.

    For the same seed, all algorithms start with the same actor and have the same environment seeds
    and action noise, so the first episode is the same.

    Args:
        spec: the seeds, the number of episodes and the settings.
        environment: the name of the environment.
        cap: the number of steps after which an episode is cut.
        algorithm: the name of the algorithm.
        on_episode: called after each episode.

    Returns:
        episodes: rows of environment, cap, algorithm, seed, episode (from 1), return (undiscounted
            sum of rewards), length (steps), terminated (1 if the environment ended), truncated (1
            if the episode was cut before that), diverged (1 from the episode after which the agent
            no longer learns, because some value was not finite).
        policy_gradients: rows of environment, cap, algorithm, seed, episode (updates done),
            rollouts, quantity and value. Quantities of the actor's gradient from one episode:
            variance: trace of the covariance of the agent's estimate over episodes and its noise.
            variance_reinforce: that of REINFORCE's estimate on the same episodes.
            norm: of the mean of the agent's estimates.
    """
    common = {"environment": environment, "cap": cap, "algorithm": algorithm}
    rows: list[Row] = []
    measured: list[Row] = []
    with Environments(environment, len(spec.seeds), cap) as environments:
        agent = Agent.initial(
            lookup(algorithm),
            spec.seeds,
            inputs=environments.inputs,
            actions=environments.actions,
            hidden=spec.hidden,
            gamma=spec.gamma,
        )
        learner = Learner(agent, spec.learning_rate)
        sampler = Sampler(environments, agent, spec.seeds)
        for done in range(spec.episodes + 1):
            if done:
                episodes = sampler.play("training", done)
                streams = sampler.streams("conditional", "training", done)
                learner.update(agent.gradients(episodes, streams=streams))
                rows += (
                    {**common, **row} for row in _rows(spec.seeds, done, episodes, learner.diverged)
                )
                on_episode()
            if done in spec.checkpoints:
                found = gradient_moments(agent, sampler, done, spec.rollouts)
                measured += (
                    {**common, **row}
                    for row in _gradient_rows(spec.seeds, done, spec.rollouts, found)
                )
    return {"episodes": rows, "policy_gradients": measured}


@dataclass(frozen=True)
class Sampler:
    """A source of named episodes: each depends only on its name, its seed and the agent."""

    environments: Environments
    agent: Agent
    seeds: Sequence[int]

    def play(self, *name: object) -> Episodes:
        """Play one episode per replica."""
        starts = [derive(seed, "episode", *name) for seed in self.seeds]
        return play(
            self.environments, self.agent.policy, starts, streams=self.streams("action", *name)
        )

    def streams(self, *name: object) -> Streams:
        """Return the noise streams of that name."""
        return Streams.derive(self.seeds, *name)


def gradient_moments(agent: Agent, sampler: Sampler, done: int, rollouts: int) -> dict[str, Tensor]:
    """Return the quantities of `measure`, `[R]` each, from N episodes at the current parameters."""
    agents = (agent, agent.reinforced())
    own, reinforce = moments = (_Moments(), _Moments())
    for number in range(rollouts):
        name = ("held", done, number)
        episodes = sampler.play(*name)
        for one, moment in zip(agents, moments, strict=True):
            streams = sampler.streams("conditional", *name)
            moment.add(one.gradients(episodes, streams=streams, critic=False).actor)
    return {
        "variance": own.variance(),
        "variance_reinforce": reinforce.variance(),
        "norm": own.norm(),
    }


class _Moments:
    """Accumulated first and second moments of gradients, each a few tensors `[R, ...]`."""

    def __init__(self) -> None:
        self._count = 0
        self._total: list[Tensor] = []
        self._squares = torch.zeros((), dtype=torch.float32)

    def add(self, gradient: Sequence[Tensor]) -> None:
        self._count += 1
        self._squares = self._squares + _square(gradient)
        if not self._total:
            self._total = [torch.zeros_like(part) for part in gradient]
        for total, part in zip(self._total, gradient, strict=True):
            total += part

    def norm(self) -> Tensor:
        """Return the norm of the mean, `[R]`."""
        return _square(self._total).sqrt() / self._count

    def variance(self) -> Tensor:
        """Return the unbiased trace of the covariance, (Σ_n ‖g_n‖² − N ‖ḡ‖²) / (N − 1), `[R]`."""
        return (self._squares - self._count * self.norm() ** 2) / (self._count - 1)


def _square(tensors: Sequence[Tensor]) -> Tensor:
    """Return the squared norm of each replica's tensors `[R, ...]`, `[R]`."""
    return torch.stack([tensor.flatten(1).square().sum(1) for tensor in tensors]).sum(0)


def _rows(seeds: Sequence[int], number: int, episodes: Episodes, diverged: Tensor) -> Iterator[Row]:
    columns = {
        "return": episodes.rewards.sum(1),
        "length": episodes.lengths.long(),
        "terminated": episodes.terminated.long(),
        "truncated": episodes.truncated.long(),
        "diverged": (diverged > 0).long(),
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    for seed, row in zip(seeds, values, strict=True):
        yield {"seed": seed, "episode": number, **dict(zip(columns, row, strict=True))}


def _gradient_rows(
    seeds: Sequence[int], done: int, rollouts: int, found: dict[str, Tensor]
) -> Iterator[Row]:
    for quantity, values in found.items():
        for seed, value in zip(seeds, values.tolist(), strict=True):
            beside = {"seed": seed, "episode": done, "rollouts": rollouts}
            yield {**beside, "quantity": quantity, "value": value}
