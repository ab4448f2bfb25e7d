"""Learning from episodes: an update after each, in which replicas do not touch each other."""

import torch
from torch import Tensor

from reinrelax.rl.agent import Agent, Gradients
from reinrelax.training.optimizer import ReplicaOptimizer


class Learner:
    """Adam over an agent's actor and critic.

    Args:
        agent: whose parameters are changed in place.
        learning_rate: of both.

    Attributes:
        diverged: the number of the update from which on a replica has not learned, because its objective, its
            gradients or its parameters were no longer finite; 0 if it goes on, `[R]` int64.
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
        """One step, up the actor's gradient and down the critic's, of the replicas that have not diverged."""
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
    """Of which replicas all entries of `[R, ...]` are finite, `[R]`."""
    # Their sum is finite if and only if they are, short of an overflow that is no better.
    return torch.stack([tensor.reshape(len(tensor), -1).sum(1) for tensor in tensors]).sum(0).isfinite()
