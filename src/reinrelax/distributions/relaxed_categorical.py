"""The Gumbel-Softmax relaxation of a categorical distribution over numbers."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical, constraints

from reinrelax.core.numerics import softmax
from reinrelax.distributions.base import Relaxation, logits_of
from reinrelax.distributions.functions import gumbel, with_gradient_of
from reinrelax.distributions.gumbel_sums import moments
from reinrelax.errors import InputError


class RelaxedCategorical(Relaxation):
    """The distribution of z = Σ_k w_k c_k, w = softmax((log π + g)/τ), with any values c.

    For counts, `GeneralizedGumbelSoftmax` derives π from one of torch's distributions. `discrete`
    is the distribution of the index.

    Args:
        temperature: τ > 0, `[...]`.
        probs: π, `[..., n]`, or
        logits: log π up to a constant; −inf masks a category.
        values: c, `[..., n]`, differentiable; if None, 0 … n − 1.
        straight_through: whether the forward pass returns the value of the category that the noise
            selects.

    >>> probs, values = torch.tensor([0.2, 0.8]), torch.tensor([-1.0, 10.0])
    >>> law = RelaxedCategorical(0.5, probs=probs, values=values)
    >>> law.rsample((3,)).shape, law.mean
    (torch.Size([3]), tensor(7.4542))
    """

    arg_constraints: ClassVar = {
        "logits": constraints.real_vector,
        "temperature": constraints.positive,
        "values": constraints.real_vector,
    }
    options = ("straight_through",)
    support = constraints.real
    logits: Tensor
    temperature: Tensor
    values: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        values: Tensor | None = None,
        straight_through: bool = False,
        validate_args: bool | None = None,
    ) -> None:
        probs, logits, temperature, values = self._enter(
            probs=probs, logits=logits, temperature=temperature, values=values
        )
        logits = logits_of(self, probs, logits, binary=False, validate_args=validate_args)
        n = logits.shape[-1]
        if values is None:
            values = torch.arange(n, dtype=logits.dtype, device=logits.device)
        if values.ndim and values.shape[-1] != n:
            raise InputError(
                f"{self._name}: values must be [..., {n}] as the logits; got {list(values.shape)}"
            )
        self.straight_through = straight_through
        super().__init__(
            (), validate_args=validate_args, logits=logits, temperature=temperature, values=values
        )

    def noise_shape(self, sample_shape: Sequence[int] = ()) -> torch.Size:
        return torch.Size((*sample_shape, *self.logits.shape))

    def weights(self, noise: Tensor) -> Tensor:
        """Return the relaxed one-hot w, `[..., n]`."""
        return softmax((self.logits + gumbel(noise)) / self.temperature[..., None])

    def from_noise(self, noise: Tensor) -> Tensor:
        relaxed = (self.weights(noise) * self.values).sum(-1)
        return with_gradient_of(self.harden(noise), relaxed) if self.straight_through else relaxed

    def harden(self, noise: Tensor) -> Tensor:
        index = (self.logits + gumbel(noise)).argmax(-1, keepdim=True)
        return self.values.expand(noise.shape).gather(-1, index)[..., 0]

    def discrete(self) -> Categorical:
        return Categorical(logits=self.logits, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean E z: by quadrature, or that of the hard values with `straight_through`."""
        first = (
            self.logits.exp()
            if self.straight_through
            else moments(self.logits, self.temperature).first
        )
        return (first * self.values).sum(-1)
