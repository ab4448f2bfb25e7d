"""One episode of each replica, side by side, and its returns.

Letters: R replicas, T steps of the longest episode, D numbers of an observation, A actions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.rl.environments import Environments

_TINY = 1e-10


@dataclass(frozen=True)
class Episodes:
    """What happened. After a replica's end, `mask` and `rewards` are zero and the rest means nothing.

    Attributes:
        observations: before each action, `[R, T, D]` float64, or `[R, T]` int64 where they are discrete.
        actions: `[R, T]` int64.
        gumbel: G of the draw argmax(θ + G) that each action is, `[R, T, A]`.
        rewards: `[R, T]`.
        mask: 1 at a replica's own steps, `[R, T]` float64.
        terminated: whether the environment came to an end, `[R]`.
        truncated: whether the episode was cut off before that, `[R]`.
    """

    observations: Tensor
    actions: Tensor
    gumbel: Tensor
    rewards: Tensor
    mask: Tensor
    terminated: Tensor
    truncated: Tensor

    @property
    def lengths(self) -> Tensor:
        """Steps of each replica, `[R]` float64."""
        return self.mask.sum(1)


# From observations `[R, 1, D]` or `[R, 1]` to logits `[R, 1, A]`.
Policy = Callable[[Tensor], Tensor]


@torch.no_grad()
def play(environments: Environments, policy: Policy, seeds: Sequence[int], *, streams: Streams) -> Episodes:
    """An episode of each replica.

    Args:
        environments: R of them.
        policy: gives the logits θ of the actions.
        seeds: of the environments, one a replica.
        streams: of the actions' noise. Each gives as many numbers as the longest possible episode takes, so
            that they do not depend on what other replicas do.
    """
    R, cap, A = environments.replicas, environments.cap, environments.actions
    # Time first: what a step reads and writes is in one piece.
    noise = streams.exponential_(torch.empty(R, cap, A, dtype=torch.float64, device="cpu"))
    gumbel = noise.log_().neg_().transpose(0, 1).contiguous()
    kind = (torch.int64,) if environments.one_hot else (torch.float64, environments.inputs)
    observations = torch.zeros(cap, R, *kind[1:], dtype=kind[0], device="cpu")
    actions = torch.zeros(cap, R, dtype=torch.int64, device="cpu")
    rewards, mask = (torch.zeros(cap, R, dtype=torch.float64, device="cpu") for _ in range(2))
    seen, chosen, earned, taken = (t.numpy() for t in (observations, actions, rewards, mask))
    alive = np.ones(R, dtype=bool)
    terminated, truncated = np.zeros((2, R), dtype=bool)
    observation, steps = environments.reset(seeds), 0
    while steps < cap and alive.any():
        seen[steps], taken[steps] = observation, alive
        keys = policy(observations[steps][:, None])[:, 0].add_(gumbel[steps])
        torch.argmax(keys, -1, out=actions[steps])
        observation, reward, ended, cut = environments.step(chosen[steps])
        np.multiply(reward, alive, out=earned[steps])
        terminated |= alive & ended
        truncated |= alive & cut & ~ended
        alive &= ~(ended | cut)
        steps += 1

    def by_replica(tensor: Tensor) -> Tensor:
        return tensor[:steps].transpose(0, 1).contiguous()

    return Episodes(
        observations=by_replica(observations),
        actions=by_replica(actions),
        gumbel=by_replica(gumbel),
        rewards=by_replica(rewards),
        mask=by_replica(mask),
        terminated=torch.from_numpy(terminated),
        truncated=torch.from_numpy(truncated),
    )


def returns(episodes: Episodes, gamma: float) -> Tensor:
    """G_t = Σ_{k ≥ t} γ^(k−t) r_k, `[R, T]`: Monte Carlo returns to the episode's end, however it came."""
    rewards = episodes.rewards
    time = torch.arange(rewards.shape[1], dtype=torch.float64, device=rewards.device)
    lag = time - time[:, None]  # k − t
    return rewards @ torch.where(lag >= 0, gamma ** lag.clamp_min(0), 0.0).mT


def standardised(values: Tensor, mask: Tensor) -> Tensor:
    """(x − mean) / (standard deviation + 1e-10) over each replica's own steps, and zero elsewhere, `[R, T]`.

    The standard deviation is Bessel's. An episode of one step has none and gives zero.
    """
    count = mask.sum(1, keepdim=True)
    centred = (values - (values * mask).sum(1, keepdim=True) / count) * mask
    variance = centred.square().sum(1, keepdim=True) / (count - 1).clamp_min(1)
    return centred / (variance.sqrt() + _TINY)
