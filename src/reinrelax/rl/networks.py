"""Perceptrons with one hidden layer and a leading replica axis, with gradients per step.

Letters in shapes: R replicas, T steps, I inputs, H hidden units, O outputs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding

from reinrelax.core.rng import Streams


@dataclass(frozen=True)
class Perceptron:
    """A perceptron y = relu(x W₁ + b₁) W₂ + b₂ per replica, in float64.

    Inputs are vectors `[R, T, I]`, or indices `[R, T]` int64 that stand for one-hot vectors; their
    product with a matrix is a row of it.

    Attributes:
        w1, b1, w2, b2: `[R, I, H]`, `[R, H]`, `[R, H, O]`, `[R, O]`.
    """

    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor

    @classmethod
    def initial(cls, inputs: int, hidden: int, outputs: int, streams: Streams) -> "Perceptron":
        """Create a perceptron with torch's initial values: U(−1/√I, 1/√I), then U(−1/√H, 1/√H)."""

        def uniform(fan_in: int, *shape: int) -> Tensor:
            bound = 1 / math.sqrt(fan_in)
            out = torch.empty(len(streams), *shape, dtype=torch.float64, device="cpu")
            return streams.uniform_(out).mul_(2 * bound).sub_(bound)

        return cls(
            uniform(inputs, inputs, hidden),
            uniform(inputs, hidden),
            uniform(hidden, hidden, outputs),
            uniform(hidden, outputs),
        )

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """The parameters W₁, b₁, W₂, b₂."""
        return self.w1, self.b1, self.w2, self.b2

    def leaves(self) -> "Perceptron":
        """Return a perceptron with the same memory whose parameters are leaves with gradients."""
        return Perceptron(*(parameter.detach().requires_grad_() for parameter in self.parameters))

    def before(self, x: Tensor) -> Tensor:
        """Return hidden pre-activations `[R, T, H]`; inputs missing at the end of x are zero."""
        if x.is_floating_point():
            return torch.baddbmm(self.b1[:, None], x, self.w1[:, : x.shape[-1]])
        return embedding(self._rows(x), self.w1.flatten(0, 1)) + self.b1[:, None]

    def after(self, hidden: Tensor) -> Tensor:
        """Return the output y `[R, T, O]`, given the hidden units' activations."""
        return torch.baddbmm(self.b2[:, None], hidden, self.w2)

    def scalar(self, x: Tensor) -> Callable[[Tensor | None], Tensor]:
        """Return the function z ↦ y(x, z) `[R, T]` of a perceptron with one output.

        z are the inputs after those in x. The contribution of x is computed only once.
        """
        before = self.before(x)

        def value(z: Tensor | None = None) -> Tensor:
            given = before if z is None else torch.baddbmm(before, z, self.w1[:, -z.shape[-1] :])
            return self.after(given.relu())[..., 0]

        return value

    def gradients(self, x: Tensor, hidden: Tensor, cotangent: Tensor) -> tuple[Tensor, ...]:
        """Return the parameters' gradients, summed over t, for cotangents δ_t of y, `[R, T, O]`."""
        back = self._back(hidden, cotangent)
        if x.is_floating_point():
            first = x.mT @ back
        else:
            first = torch.zeros_like(self.w1)
            first.view(-1, first.shape[-1]).index_add_(
                0, self._rows(x).flatten(), back.flatten(0, 1)
            )
        return first, back.sum(1), hidden.mT @ cotangent, cotangent.sum(1)

    def mean_squares(self, x: Tensor, hidden: Tensor, cotangent: Tensor) -> Tensor:
        """Return the mean squares of each step's gradient, summed over parameter tensors, `[R, T]`.

        At each step the gradient of W₂ is the outer product of h and δ, and that of W₁ the outer
        product of x and ε = (W₂ δ) ∘ [h > 0]. The sum of squares of an outer product is the product
        of the squared norms.
        """
        inner = cotangent.square().sum(-1)
        outer = self._back(hidden, cotangent).square().sum(-1)
        above = hidden.square().sum(-1)
        below = x.square().sum(-1) if x.is_floating_point() else torch.ones_like(outer)
        inputs, units, outputs = *self.w1.shape[1:], self.w2.shape[-1]
        return outer * (below / inputs + 1) / units + inner * (above / units + 1) / outputs

    def _back(self, hidden: Tensor, cotangent: Tensor) -> Tensor:
        return (cotangent @ self.w2.mT) * (hidden > 0)

    def _rows(self, x: Tensor) -> Tensor:
        """Return indices into the rows of all replicas' W₁, `[R, T]`."""
        replicas, rows = self.w1.shape[:2]
        return (
            x + torch.arange(0, replicas * rows, rows, dtype=torch.int64, device=x.device)[:, None]
        )
