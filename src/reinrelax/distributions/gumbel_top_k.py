"""Ordered samples without replacement by the Gumbel-top-k trick (Kool et al., 2019), and their
relaxation.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints

from reinrelax.core.numerics import log_softmax
from reinrelax.distributions.base import (
    Relaxation,
    check,
    is_integer,
    is_masked,
    logits_of,
    readable,
)
from reinrelax.distributions.functions import gumbel, with_gradient_of
from reinrelax.errors import InputError


class GumbelTopK(Relaxation):
    """The k largest of log p + G, in order (A, III.H, which prints no relaxation).

    `indices` is the ordered sample and `log_prob` its exact probability. `rsample` is a relaxed
    k-hot vector (Xie and Ermon, 2019): k softmaxes w_1 … w_k at τ are summed, and after each one
    log(1 − w_j) is added to the keys. Masking the chosen keys by a hard −∞ instead would make the
    sample jump where two of them tie.

    Args:
        temperature: τ > 0, `[...]`.
        k: how many are drawn, from 1 to the number of categories that are not masked.
        probs: p, `[..., n]`; zero counts as the smallest normal number, and masks nothing; or
        logits: log p up to a constant; −inf masks a category.
        straight_through: whether the forward pass is the hard k-hot vector.
        bounded: whether entry j of the relaxed vector is 1 − Π_i (1 − w_ij) instead of Σ_i w_ij,
            which may exceed one where several softmaxes share a category. Entries are then in [0,
            1], gates, and add up to k at most; the two agree as τ → 0.

    >>> top = GumbelTopK(0.5, 2, probs=torch.tensor([0.4, 0.3, 0.2, 0.1]))
    >>> top.log_prob(torch.tensor([0, 1])).exp()
    tensor(0.2000)
    >>> round(top.rsample().sum().item(), 4)
    2.0
    >>> bool(GumbelTopK(2.0, 2, logits=torch.zeros(3), bounded=True).rsample((100,)).max() <= 1)
    True
    """

    arg_constraints: ClassVar = {
        "logits": constraints.real_vector,
        "temperature": constraints.positive,
    }
    options = ("k", "straight_through", "bounded")
    support = constraints.independent(constraints.nonnegative, 1)
    logits: Tensor
    temperature: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        k: int,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        straight_through: bool = False,
        bounded: bool = False,
        validate_args: bool | None = None,
    ) -> None:
        probs, logits, temperature = self._enter(
            probs=probs, logits=logits, temperature=temperature
        )
        logits = logits_of(self, probs, logits, binary=False, validate_args=validate_args)
        n = logits.shape[-1]
        if not is_integer(k) or not 1 <= k <= n:
            raise InputError(f"{self._name}: k must be from 1 to n = {n}; got {k!r}")
        self.k, self.straight_through, self.bounded = k, straight_through, bounded
        if bounded:
            self.support = constraints.independent(constraints.unit_interval, 1)
        super().__init__((n,), validate_args=validate_args, logits=logits, temperature=temperature)
        if self._validate_args and readable(logits):
            fewest = int((~is_masked(logits)).sum(-1).min())
            if fewest < k:
                raise InputError(
                    f"{self._name}: k = {k}, but {fewest} of {n} categories are unmasked"
                )

    def from_noise(self, noise: Tensor) -> Tensor:
        keys = self.logits + gumbel(noise)
        tau = self.temperature[..., None]
        total, left = torch.zeros_like(keys), torch.zeros_like(keys)
        for pick in range(self.k):
            log_w = log_softmax(keys / tau)
            total = total + log_w.exp()
            if self.bounded or pick < self.k - 1:
                rest = _log_rest(log_w)
                keys, left = keys + rest, left + rest
        if self.bounded:
            total = -torch.expm1(left)
        return with_gradient_of(self.harden(noise), total) if self.straight_through else total

    def indices(self, noise: Tensor) -> Tensor:
        """The ordered sample, `[..., k]` int64."""
        return (self.logits + gumbel(noise)).topk(self.k).indices

    def harden(self, noise: Tensor) -> Tensor:
        """Make the k-hot vector, `[..., n]`."""
        return torch.zeros_like(noise).scatter_(-1, self.indices(noise), 1.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of an ordered sequence of indices `[..., k]` int64.

        It is −∞ where one is repeated or masked.

        Raises:
            InputError: the value is not of that shape and dtype, or an index is out of range.
        """
        if (
            not isinstance(value, Tensor)
            or value.is_floating_point()
            or value.shape[-1:] != (self.k,)
        ):
            raise InputError(
                f"{self._name}: log_prob is that of {self.k} ordered indices [..., {self.k}] int64,"
                f" not of a relaxed sample, which has no density in closed form; got {_kind(value)}"
            )
        if self._validate_args:
            check(
                self._name,
                "value",
                constraints.integer_interval(0, self.logits.shape[-1] - 1),
                value,
            )
        shape: Sequence[int] = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        value, logits = value.expand(*shape, self.k), self.logits.expand(*shape, *self.event_shape)
        chosen = logits.gather(-1, value)
        never = torch.zeros_like(logits, dtype=torch.bool).scatter_(-1, value, True)
        lowest = torch.finfo(logits.dtype).min
        rest = logits.masked_fill(never, lowest).logsumexp(-1, keepdim=True)
        # What is left before each pick: everything never chosen, and the picks from this one on.
        left = torch.logaddexp(chosen.flip(-1).logcumsumexp(-1).flip(-1), rest)
        possible = (never.sum(-1) == self.k) & ~is_masked(chosen).any(-1)
        return torch.where(possible, (chosen - left).sum(-1), -torch.inf)


def _kind(value: object) -> str:
    return (
        f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )


def _log_rest(log_w: Tensor) -> Tensor:
    """log(1 − w) of a softmax w: the largest entry by the sum of the others, which does not
    cancel.
    """
    top = log_w.argmax(-1, keepdim=True)
    is_top = torch.zeros_like(log_w, dtype=torch.bool).scatter_(-1, top, True)
    lowest = torch.finfo(log_w.dtype).min
    others = log_w.masked_fill(is_top, lowest).logsumexp(-1, keepdim=True)
    below = torch.log1p(-log_w.masked_fill(is_top, lowest).exp())
    return torch.where(is_top, others, below)
