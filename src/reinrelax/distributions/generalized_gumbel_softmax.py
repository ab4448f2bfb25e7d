"""Gumbel-Softmax for counts: a truncated discrete distribution, relaxed (Joo et al., 2020)."""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints
from torch.distributions.relaxed_categorical import ExpRelaxedCategorical

from reinrelax.core.numerics import product, softmax
from reinrelax.distributions.base import Relaxation, cast, is_integer, precision
from reinrelax.distributions.functions import gumbel, log_clamped
from reinrelax.errors import InputError

# Mass that an automatic truncation keeps, and the most categories that it may take.
_MASS, _MOST = 0.999, 1 << 16
# In place of log 0: no draw, and still a finite number after a division by τ.
_NEVER = -1e4


class GeneralizedGumbelSoftmax(Relaxation):
    """Relaxed count z = Σ_k w_k c_k, w = softmax((log π + g)/τ), c = 0, 1, …, n − 1 (A, III.A).

    π is the distribution of the counts. The last category takes the mass that is left, as printed:
    π_n = 1 − Σ_{k<n} π_k. The distribution of w is the relaxed one-hot categorical's, with
    `log_prob_weights`; z has no density in closed form. E z drifts from that of the counts as τ
    grows, towards (n − 1)/2.

    No KL is registered. Models usually take that of the counts, `kl_divergence(p.base, q.base)`.

    Args:
        temperature: τ > 0, broadcasts with the base's batch.
        base: distribution of counts from zero: Poisson, Geometric, Binomial, NegativeBinomial.
        n: categories kept; if None, the fewest whose last reaches a cdf of 0.999 everywhere in the
            batch.

    >>> from torch.distributions import Poisson
    >>> counts = GeneralizedGumbelSoftmax(0.5, Poisson(torch.tensor([2.0, 5.0])))
    >>> counts.n, counts.rsample((3,)).shape
    (14, torch.Size([3, 2]))
    """

    arg_constraints: ClassVar = {
        "logits": constraints.real_vector,
        "temperature": constraints.positive,
    }
    support = constraints.nonnegative
    logits: Tensor
    temperature: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        base: Distribution,
        n: int | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(base, Distribution) or base.event_shape or not _support(base).is_discrete:
            raise InputError(
                f"{self._name}: base must be a discrete law of single counts; got {base!r}"
            )
        if n is not None and (not is_integer(n) or n < 2):
            raise InputError(f"{self._name}: n must be >= 2, an integer; got {n!r}")
        wide = cast(base, precision(base))
        # Of a copy: the law would keep the parameter that it computes for it, as exact as its dtype
        # is.
        temperature, anchor = self._enter(temperature=temperature, base=copy.copy(base).mean)
        self.base, self.n = base, _categories(wide) if n is None else n
        kept = _log_probs(wide, self.n)[..., :-1].clamp_min(_NEVER)
        left = 1 - kept.exp().sum(-1, keepdim=True)
        # Below its own rounding error the remainder may come out as zero or less.
        last = left.clamp_min(torch.finfo(left.dtype).eps).log()
        super().__init__(
            (),
            validate_args=validate_args,
            logits=torch.cat((kept, last), -1).to(anchor.dtype),
            temperature=temperature,
        )

    @property
    def values(self) -> Tensor:
        """Counts c, `[n]`."""
        return torch.arange(self.n, dtype=self.logits.dtype, device=self.logits.device)

    @property
    def discrete_mean(self) -> Tensor:
        """Mean Σ_k π_k c_k of the hardened counts, `[*batch_shape]`."""
        return product(softmax(self.logits), self.values)

    def noise_shape(self, sample_shape: Sequence[int] = ()) -> torch.Size:
        return torch.Size((*sample_shape, *self.logits.shape))

    def weights(self, noise: Tensor) -> Tensor:
        """The relaxed one-hot w, `[..., n]`."""
        return softmax((self.logits + gumbel(noise)) / self.temperature[..., None])

    def from_noise(self, noise: Tensor) -> Tensor:
        return product(self.weights(noise), self.values)

    def harden(self, noise: Tensor) -> Tensor:
        return (self.logits + gumbel(noise)).argmax(-1).to(noise.dtype)

    def discrete(self) -> Categorical:
        return Categorical(logits=self.logits, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError(
            f"{self._name}: z = Σ w_k c_k has no density in closed form; log_prob_weights is that"
            " of w"
        )

    def log_prob_weights(self, w: Tensor) -> Tensor:
        """Log density of w `[..., n]` on the simplex, that of torch's
        `RelaxedOneHotCategorical`.
        """
        tau, log_w = self.temperature, log_clamped(w)
        # torch takes one temperature for the whole batch, so its law is asked at τ = 1 about w^τ.
        unit = ExpRelaxedCategorical(torch.ones_like(tau.flatten()[0]), logits=self.logits)
        inner = unit.log_prob(tau[..., None] * log_w)
        out: Tensor = inner + (self.n - 1) * tau.log() - log_w.sum(-1)
        return out

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        base = self.base.expand(torch.Size(batch_shape))
        return self._alias(
            type(self)(self.temperature.expand(batch_shape), base, self.n, validate_args=False)
        )


def _log_probs(base: Distribution, n: int) -> Tensor:
    """log p(0) … log p(n − 1), `[*batch, n]`, −∞ outside the support."""
    dtype = base.mean.dtype
    counts = torch.arange(n, dtype=dtype, device=base.mean.device).view(
        -1, *(1,) * len(base.batch_shape)
    )
    inside = _support(base).check(counts)
    out: Tensor = torch.where(
        inside, base.log_prob(torch.where(inside, counts, 0.0)), -torch.inf
    ).movedim(0, -1)
    return out


def _support(base: Distribution) -> constraints.Constraint:
    return base.support or constraints.real


@torch.no_grad()
def _categories(base: Distribution) -> int:
    """The fewest categories, two at least, whose last reaches the cdf that is kept, over the whole
    batch.
    """
    if not base.batch_shape.numel():
        return 2
    n = 16
    while n <= _MOST:
        reached = _log_probs(base, n).double().exp().cumsum(-1) >= _MASS
        if reached[..., -1].all():
            return max(2, int(reached.int().argmax(-1).max()) + 1)
        n *= 2
    raise InputError(
        f"GeneralizedGumbelSoftmax: base does not reach a cdf of {_MASS} within {_MOST} counts;"
        " give n"
    )
