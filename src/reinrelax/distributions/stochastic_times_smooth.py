"""The Stochastic Times Smooth unit (Bengio et al., 2013)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, constraints
from torch.nn.functional import logsigmoid

from reinrelax.distributions.base import choice, logits_of
from reinrelax.distributions.functions import log_clamped, with_gradient_of
from reinrelax.distributions.hard import HardRelaxation


class StochasticTimesSmooth(HardRelaxation):
    """Unit h = b √p, b ~ Bernoulli(√p), p = σ(a) (A, III.E).

    E h = p, but h is 0 or √p, not binary: E f(h) is that of a Bernoulli for a linear f only.

    For f(h) and a, the exact derivative is d√p/da · (√p f′(√p) + f(√p) − f(0)), with d√p/da = √p (1
    − p)/2. "pathwise" holds b fixed and leaves the first of the terms, √p f′(√p) d√p/da: half of
    the whole for a linear f. "straight-through" lets b pass the gradient of √p as well, and is
    unbiased for a linear f.

    Two units with different p have different supports, and their KL is infinite; none is
    registered.

    Args:
        probs: p, or
        logits: a.
        backward: "pathwise" or "straight-through".

    >>> unit = StochasticTimesSmooth(probs=torch.tensor([0.25]))
    >>> unit.mean, unit.discrete().mean
    (tensor([0.2500]), tensor([0.5000]))
    """

    arg_constraints: ClassVar = {"logits": constraints.real}
    options = ("backward",)
    support = constraints.unit_interval
    logits: Tensor

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        backward: str = "pathwise",
        validate_args: bool | None = None,
    ) -> None:
        self.backward = choice(self, "backward", backward, ("pathwise", "straight-through"))
        probs, logits = self._enter(probs=probs, logits=logits)
        logits = logits_of(self, probs, logits, validate_args=validate_args)
        super().__init__((), validate_args=validate_args, logits=logits)

    @property
    def root(self) -> Tensor:
        """Smooth factor √p, `[*batch_shape]`."""
        return (logsigmoid(self.logits) / 2).exp()

    def from_noise(self, noise: Tensor) -> Tensor:
        bit = self.harden(noise)
        if self.backward == "straight-through":
            bit = with_gradient_of(bit, self.root)
        return bit * self.root

    def harden(self, noise: Tensor) -> Tensor:
        """Make the bit b, the stochastic factor."""
        return (noise < self.root).to(noise.dtype)

    def from_discrete(self, value: Tensor) -> Tensor:
        return value * self.root

    def discrete(self) -> Bernoulli:
        """Distribution of the bit b."""
        return Bernoulli(probs=self.root, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of h on {0, √p}; −∞ elsewhere."""
        value = self._accepted(value)
        on = logsigmoid(self.logits) / 2
        off = log_clamped(-torch.expm1(on))
        # As close as the value's own rounding lets √p be.
        tolerance = max(1e-5, torch.finfo(value.dtype).eps)
        wide = value.to(torch.promote_types(value.dtype, self.root.dtype))
        known = (value == 0) | torch.isclose(wide, self.root.to(wide.dtype), rtol=tolerance)
        return torch.where(known, torch.where(value == 0, off, on), -torch.inf)

    @property
    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        return self.mean * (self.root - self.mean)
