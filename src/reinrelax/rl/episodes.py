"""One episode per replica, played in parallel, and its returns.

Letters in shapes: R replicas, T steps of the longest episode, D numbers per observation, A actions.
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
    """The steps of one episode per replica.

    After the end of a replica's episode, `mask` and `rewards` are zero, other values meaningless.

    Attributes:
        observations: the observation before each action, `[R, T, D]` float64, or `[R, T]` int64 if
            discrete.
        actions: `[R, T]` int64.
        gumbel: the noise G that gave each action as argmax(θ + G), `[R, T, A]`.
        rewards: `[R, T]`.
        mask: 1 during a replica's episode, otherwise 0, `[R, T]` float64.
        terminated: whether the environment reached a terminal state, `[R]`.
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
        """The number of steps of each episode, `[R]` float64."""
        return self.mask.sum(1)


# A function from observations `[R, 1, D]` or `[R, 1]` to logits `[R, 1, A]`.
Policy = Callable[[Tensor], Tensor]


@torch.no_grad()
def play(
    environments: Environments, policy: Policy, seeds: Sequence[int], *, streams: Streams
) -> Episodes:
    """Play one episode per replica.

    Args:
        environments: the R copies of the environment.
        policy: the function that returns the actions' logits θ.
        seeds: the seeds of the environments, one per replica.
        streams: the streams for the noise of the actions. Each draws enough numbers for the longest
            possible episode, so that draws do not depend on other replicas.
    """
    R, cap, A = environments.replicas, environments.cap, environments.actions
    # Time is the first axis, so that the values of a step are contiguous.
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
    """Return G_t = Σ_{k ≥ t} γ^(k−t) r_k, `[R, T]`, up to the episode's end or truncation."""
    rewards = episodes.rewards
    time = torch.arange(rewards.shape[1], dtype=torch.float64, device=rewards.device)
    lag = time - time[:, None]  # k − t
    return rewards @ torch.where(lag >= 0, gamma ** lag.clamp_min(0), 0.0).mT


def standardised(values: Tensor, mask: Tensor) -> Tensor:
    """Standardise values over each replica's episode; zero after its end, `[R, T]`.

    (x − mean) / (standard deviation + 1e-10), with Bessel's correction. An episode of one step
    gives 0.
    """
    count = mask.sum(1, keepdim=True)
    centred = (values - (values * mask).sum(1, keepdim=True) / count) * mask
    variance = centred.square().sum(1, keepdim=True) / (count - 1).clamp_min(1)
    return centred / (variance.sqrt() + _TINY)
