"""Learning from episodes: an update after each episode, independent between replicas."""

import torch
from torch import Tensor

from reinrelax.rl.agent import Agent, Gradients
from reinrelax.training.optimizer import ReplicaOptimizer


class Learner:
    """Adam for an agent's actor and critic.

    Args:
        agent: the agent, whose parameters are changed in place.
        learning_rate: the learning rate of both.

    Attributes:
        diverged: the number of the update (from 1) at which a replica stopped learning because its
            objective, gradients or parameters became non-finite; 0 if it still learns, `[R]` int64.
    """

    def __init__(self, agent: Agent, learning_rate: float) -> None:
        self._parameters = agent.learned
        self._grads = [torch.zeros_like(parameter) for parameter in self._parameters]
        replicas = len(agent.actor.w1)
        self._optimizer = ReplicaOptimizer(
            self._parameters, self._grads, ["Adam"] * replicas, [learning_rate] * replicas
        )
        self.diverged = torch.zeros(replicas, dtype=torch.int64, device="cpu")

    def update(self, gradients: Gradients) -> None:
        """Step up the actor's gradient and down the critic's; skip replicas that have diverged."""
        count = len(gradients.actor)
        for index, gradient in enumerate((*gradients.actor, *gradients.critic)):
            torch.mul(gradient, -1.0 if index < count else 1.0, out=self._grads[index])
        number = self._optimizer.t + 1
        self._record(number, _finite(*self._grads, gradients.objective))
        self._optimizer.step((self.diverged > 0).float())
        self._record(number, _finite(*self._parameters))

    def _record(self, number: int, finite: Tensor) -> None:
        self.diverged[(self.diverged == 0) & ~finite] = number


def _finite(*tensors: Tensor) -> Tensor:
    """Check for each replica whether all entries of the tensors `[R, ...]` are finite, `[R]`."""
    # The sum is finite if and only if all entries are, except on overflow, which is divergence too.
    return (
        torch.stack([tensor.reshape(len(tensor), -1).sum(1) for tensor in tensors])
        .sum(0)
        .isfinite()
    )
