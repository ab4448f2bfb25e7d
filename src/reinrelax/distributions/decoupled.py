"""Straight-Through Gumbel-Softmax with a temperature per pass (Shah et al., 2024)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import OneHotCategorical, constraints

from reinrelax.core.numerics import softmax
from reinrelax.distributions.base import is_masked, logits_of, register_kl
from reinrelax.distributions.functions import gumbel, one_hot_argmax, with_gradient_of
from reinrelax.distributions.hard import HardRelaxation, discrete_kl
from reinrelax.errors import InputError


class DecoupledStraightThroughGumbelSoftmax(HardRelaxation):
    """One-hot z = one-hot argmax softmax((l + g)/τ_f), with the gradient of softmax((l + g)/τ_b)
    (A, III.K).

    τ_f does nothing: an argmax does not depend on a positive factor, and z ~
    Categorical(softmax(l)) at any τ_f. It is taken because the paper has it. The backward formula
    is read as dL/dz · dẑ_b/dl: the derivative of z itself, which is printed, is zero.

    Args:
        temperature_backward: τ_b > 0, `[...]`.
        probs: softmax(l), `[..., C]`, or
        logits: l.
        temperature_forward: τ_f > 0, `[...]`, inert; it has no gradient, and must not ask for one.

    >>> z = DecoupledStraightThroughGumbelSoftmax(1.0, logits=torch.zeros(5)).rsample((3,))
    >>> z.sum(-1)
    tensor([1., 1., 1.])
    """

    arg_constraints: ClassVar = {
        "logits": constraints.real_vector,
        "temperature_backward": constraints.positive,
        "temperature_forward": constraints.positive,
    }
    support = constraints.one_hot
    logits: Tensor
    temperature_backward: Tensor
    temperature_forward: Tensor

    def __init__(
        self,
        temperature_backward: Tensor | float,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        temperature_forward: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        probs, logits, temperature_backward, temperature_forward = self._enter(
            probs=probs,
            logits=logits,
            temperature_backward=temperature_backward,
            temperature_forward=temperature_forward,
        )
        assert isinstance(temperature_forward, Tensor)  # `_enter` has made it one
        if temperature_forward.requires_grad and torch.is_grad_enabled():
            raise InputError(
                f"{self._name}: temperature_forward requires a gradient, but none passes to it;"
                " give temperature_forward.detach(), or learn temperature_backward"
            )
        logits = logits_of(self, probs, logits, binary=False, validate_args=validate_args)
        super().__init__(
            logits.shape[-1:],
            validate_args=validate_args,
            logits=logits,
            temperature_backward=temperature_backward,
            temperature_forward=temperature_forward,
        )

    def from_noise(self, noise: Tensor) -> Tensor:
        keys = self.logits + gumbel(noise)
        soft = softmax(keys / self.temperature_backward[..., None])
        return with_gradient_of(one_hot_argmax(keys.detach()), soft)

    def harden(self, noise: Tensor) -> Tensor:
        return one_hot_argmax(self.logits.detach() + gumbel(noise))

    def discrete(self) -> OneHotCategorical:
        return OneHotCategorical(logits=self.logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of one-hot z, `[...]`; −∞ of a masked category."""
        value = self._accepted(value)
        out = (value * self.logits).sum(-1)
        return out.masked_fill(is_masked(out), -torch.inf)

    @property
    def mean(self) -> Tensor:
        return self.logits.exp()

    @property
    def variance(self) -> Tensor:
        return self.mean * -torch.expm1(self.logits)


for _p, _q in (
    (DecoupledStraightThroughGumbelSoftmax, DecoupledStraightThroughGumbelSoftmax),
    (DecoupledStraightThroughGumbelSoftmax, OneHotCategorical),
    (OneHotCategorical, DecoupledStraightThroughGumbelSoftmax),
):
    register_kl(_p, _q)(discrete_kl)
