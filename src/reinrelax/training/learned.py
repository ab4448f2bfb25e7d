"""What is learned beside the networks, such as a control variate."""

from collections.abc import Mapping

import torch
from torch import Tensor


class Learned:
    """Leaves of a graph, which the optimizer changes in place.

    Args:
        leaves: by name, `[R, ...]`, each of which requires a gradient.

    Attributes:
        parameters: the leaves beside the graph.
        grads: their gradients, which stay where they are.
    """

    def __init__(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = list(leaves.values())
        for leaf in self._leaves:
            leaf.grad = torch.zeros_like(leaf)
        self.parameters = [leaf.detach() for leaf in self._leaves]
        self.grads = [leaf.grad for leaf in self._leaves if leaf.grad is not None]

    def begin(self, variance_loss: Tensor | None) -> None:
        """Set the gradients to those of the mean of a variance loss `[R, B]`, before the loss's own backward
        pass; without one, to zero, for that pass to add to.
        """
        found = [torch.zeros_like(grad) for grad in self.grads]
        if variance_loss is not None and self._leaves:
            mean = variance_loss.mean(-1).sum()
            found = list(torch.autograd.grad(mean, self._leaves, retain_graph=True))
        for grad, value in zip(self.grads, found, strict=True):
            grad.copy_(value)
