"""Small agents, and steps of nothing in particular for them to learn from."""

import torch

from reinrelax.rl import ALGORITHMS
from reinrelax.rl.agent import Agent
from reinrelax.rl.episodes import Episodes


def agent_of(
    name: str, seeds: tuple[int, ...] = (0, 1, 2), inputs: int = 4, actions: int = 2
) -> Agent:
    return Agent.initial(
        ALGORITHMS[name], seeds, inputs=inputs, actions=actions, hidden=8, gamma=0.9
    )


def random_episodes(discrete: bool = False, replicas: int = 3, steps: int = 5) -> Episodes:
    """Steps of nothing in particular; the second replica's last two are not its own."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(replicas, steps, dtype=torch.float64)
    mask[1, -2:] = 0
    dense = torch.randn(replicas, steps, 4, generator=generator, dtype=torch.float64)
    gumbel = (
        -torch.empty(replicas, steps, 2, dtype=torch.float64)
        .exponential_(generator=generator)
        .log()
    )
    ended = torch.zeros(replicas, dtype=torch.bool)
    return Episodes(
        observations=torch.randint(4, (replicas, steps), generator=generator)
        if discrete
        else dense,
        actions=torch.randint(2, (replicas, steps), generator=generator),
        gumbel=gumbel,
        rewards=torch.randn(replicas, steps, generator=generator, dtype=torch.float64) * mask,
        mask=mask,
        terminated=ended,
        truncated=~ended,
    )
