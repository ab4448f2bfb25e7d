"""Parameters that are learned in addition to the networks, such as those of a control variate."""

from collections.abc import Mapping

import torch
from torch import Tensor


class Learned:
    """Leaves of an autograd graph that the optimizer changes in place.

    Args:
        leaves: tensors `[R, ...]` by name, each of which requires a gradient.

    Attributes:
        parameters: the leaves, detached from the graph.
        grads: their gradients, at fixed addresses.
    """

    def __init__(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = list(leaves.values())
        for leaf in self._leaves:
            leaf.grad = torch.zeros_like(leaf)
        self.parameters = [leaf.detach() for leaf in self._leaves]
        self.grads = [leaf.grad for leaf in self._leaves if leaf.grad is not None]

    def begin(self, variance_loss: Tensor | None) -> None:
        """Set the gradients to those of the mean of a variance loss `[R, B]`; zero without one.

        Call this before the backward pass of the training loss, which adds to the gradients.
        """
        found = [torch.zeros_like(grad) for grad in self.grads]
        if variance_loss is not None and self._leaves:
            mean = variance_loss.mean(-1).sum()
            found = list(torch.autograd.grad(mean, self._leaves, retain_graph=True))
        for grad, value in zip(self.grads, found, strict=True):
            grad.copy_(value)
