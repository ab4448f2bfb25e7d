"""The Straight-Through Bernoulli unit (Bengio et al., 2013)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, constraints

from reinrelax.distributions.base import choice, logits_of, register_kl
from reinrelax.distributions.functions import with_gradient_of
from reinrelax.distributions.hard import HardRelaxation, discrete_kl


class StraightThroughBernoulli(HardRelaxation):
    """Bit h = 1{u < σ(a)}, with the gradient of something smooth (A, III.D).

    The forward pass is exactly Bernoulli. The gradient is ∂L/∂h times σ′(a), which is unbiased for
    a linear L and biased otherwise, or times one ("copy"), which is 1/σ′(a) ≥ 4 times as large.

    Args:
        probs: σ(a), or
        logits: a.
        backward: "sigmoid" or "copy".

    >>> a = torch.tensor([0.0, 2.0], requires_grad=True)
    >>> StraightThroughBernoulli(logits=a).rsample().sum().backward()
    >>> a.grad
    tensor([0.2500, 0.1050])
    """

    arg_constraints: ClassVar = {"logits": constraints.real}
    options = ("backward",)
    support = constraints.boolean
    logits: Tensor

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        backward: str = "sigmoid",
        validate_args: bool | None = None,
    ) -> None:
        self.backward = choice(self, "backward", backward, ("sigmoid", "copy"))
        probs, logits = self._enter(probs=probs, logits=logits)
        logits = logits_of(self, probs, logits, validate_args=validate_args)
        super().__init__((), validate_args=validate_args, logits=logits)

    def from_noise(self, noise: Tensor) -> Tensor:
        smooth = self.logits.sigmoid() if self.backward == "sigmoid" else self.logits
        return with_gradient_of(self.harden(noise), smooth)

    def harden(self, noise: Tensor) -> Tensor:
        return (noise < self.logits.sigmoid()).to(noise.dtype)

    def discrete(self) -> Bernoulli:
        return Bernoulli(logits=self.logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of h, 0 or 1."""
        out: Tensor = self.discrete().log_prob(self._accepted(value).to(self.logits.dtype))
        return out

    @property
    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        return self.logits.sigmoid() * torch.sigmoid(-self.logits)


for _p, _q in (
    (StraightThroughBernoulli, StraightThroughBernoulli),
    (StraightThroughBernoulli, Bernoulli),
    (Bernoulli, StraightThroughBernoulli),
):
    register_kl(_p, _q)(discrete_kl)
