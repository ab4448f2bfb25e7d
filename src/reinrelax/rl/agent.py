"""Agents: an actor, a critic if the algorithm has one, and their gradients from episodes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from reinrelax.core.rng import Streams
from reinrelax.rl import ALGORITHMS, Algorithm, policy_gradients
from reinrelax.rl.episodes import Episodes, returns, standardised
from reinrelax.rl.networks import Perceptron


@dataclass(frozen=True)
class Gradients:
    """The gradients of one update, per replica.

    Attributes:
        actor: the estimate of the policy gradient, summed over an episode's steps, to ascend.
        critic: the critic's gradient, to descend; empty if the critic does not learn.
        objective: the mean of the critic's objective over an episode's steps, `[R]`; zeros if it
            does not learn.
    """

    actor: tuple[Tensor, ...]
    critic: tuple[Tensor, ...]
    objective: Tensor


@dataclass(frozen=True)
class Agent:
    """R independent agents.

    Attributes:
        algorithm: the algorithm.
        actor: the network from observations to logits.
        critic: the network of V(s), or of c(s, z), whose input is an observation followed by the
            relaxed action.
        gamma: γ, the discount of the returns.
        standardise: whether returns are standardised within the episode, as in the experiments. The
            estimate's mean is then not the gradient of an expected return, so tests of it turn
            this off.
    """

    algorithm: Algorithm
    actor: Perceptron
    critic: Perceptron | None
    gamma: float
    standardise: bool = True

    @classmethod
    def initial(
        cls,
        algorithm: Algorithm,
        seeds: Sequence[int],
        *,
        inputs: int,
        actions: int,
        hidden: int,
        gamma: float,
        standardise: bool = True,
    ) -> "Agent":
        """Create agents with torch's initial values; a seed gives all algorithms the same actor."""
        critic = None
        if algorithm.critic is not None:
            seen = inputs + actions if algorithm.critic == "control" else inputs
            critic = Perceptron.initial(seen, hidden, 1, Streams.derive(seeds, "critic"))
        actor = Perceptron.initial(inputs, hidden, actions, Streams.derive(seeds, "actor"))
        return cls(algorithm, actor, critic, gamma, standardise)

    @property
    def learned(self) -> tuple[Tensor, ...]:
        """The learned parameters `[R, ...]`: the actor's, then the critic's."""
        if self.critic is None or self.algorithm.objective is None:
            return self.actor.parameters
        return self.actor.parameters + self.critic.parameters

    def policy(self, observations: Tensor) -> Tensor:
        """Return logits `[R, T, A]` at observations `[R, T, D]` or `[R, T]`."""
        return self.actor.after(self.actor.before(observations).relu_())

    def gradients(self, episodes: Episodes, *, streams: Streams, critic: bool = True) -> Gradients:
        """Compute the gradients of actor and critic from one episode per replica.

        Args:
            episodes: the episodes, played with the current parameters.
            streams: the streams for the noise of conditional samples.
            critic: whether to compute the critic's gradients.
        """
        x, mask = episodes.observations, episodes.mask
        hidden = self.actor.before(x).relu_()
        logits = self.actor.after(hidden)
        gains = returns(episodes, self.gamma)
        steps = policy_gradients.Steps(
            logits=logits,
            one_hot=one_hot(episodes.actions, logits.shape[-1]).to(logits.dtype),
            gumbel=episodes.gumbel,
            returns=standardised(gains, mask) if self.standardise else gains,
            streams=streams,
        )
        estimator = getattr(policy_gradients, self.algorithm.function)
        leaves = None if self.critic is None else self.critic.leaves()
        judge = None if leaves is None else leaves.scalar(x)
        cotangent = estimator(steps, judge) * mask[..., None]
        actor = self.actor.gradients(x, hidden, cotangent.detach())
        if leaves is None or judge is None or self.algorithm.objective is None or not critic:
            return Gradients(
                actor, (), torch.zeros(len(mask), dtype=mask.dtype, device=mask.device)
            )
        if self.algorithm.objective == "variance":
            each = self.actor.mean_squares(x, hidden, cotangent)
        else:
            each = (steps.returns - judge(None)).square()
        objective = (each * mask).sum(1) / episodes.lengths
        slopes = torch.autograd.grad(objective.sum(), leaves.parameters)
        return Gradients(actor, slopes, objective.detach())

    def reinforced(self) -> "Agent":
        """Return agents with the same actor that use REINFORCE."""
        return replace(self, algorithm=ALGORITHMS["REINFORCE"], critic=None)
