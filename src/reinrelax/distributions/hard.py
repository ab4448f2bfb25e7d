"""Relaxations whose sample is discrete, with the entropy, mode and support of the discrete
distribution.
"""

from typing import TypeVar

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from reinrelax.distributions.base import Relaxation

P = TypeVar("P", bound=Distribution)
Q = TypeVar("Q", bound=Distribution)


class HardRelaxation(Relaxation):
    """Relaxation whose forward pass gives a discrete value, and whose gradient alone is relaxed.

    A subclass defines `discrete`, and `from_discrete` where its sample is another number than the
    hard value.
    """

    has_enumerate_support = True

    def from_discrete(self, value: Tensor) -> Tensor:
        """The sample that a hard value `[..., *batch_shape, *event_shape]` stands for."""
        return value

    @property
    def probs(self) -> Tensor:
        """The mean `[*batch_shape, *event_shape]`, as of torch's Bernoulli and
        OneHotCategorical.
        """
        return self.mean

    @property
    def mode(self) -> Tensor:
        """The likeliest value `[*batch_shape, *event_shape]`, the first of several."""
        # torch has NaN for a fair coin.
        return self.from_discrete(self.discrete().mode.nan_to_num(0.0)).to(self.dtype)

    def entropy(self) -> Tensor:
        """Entropy of the discrete distribution, nats `[*batch_shape]`."""
        entropy: Tensor = self.discrete().entropy()
        return entropy

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, `[values, *batch_shape, *event_shape]`; without `expand`, batch axes that all
        values have in common are 1.
        """
        return self.from_discrete(self.discrete().enumerate_support(expand)).to(self.dtype)


def discrete_kl(p: Distribution, q: Distribution) -> Tensor:
    """KL(p ‖ q), nats `[*batch_shape]`, of discrete distributions, relaxed or not."""
    laws = (law.discrete() if isinstance(law, HardRelaxation) else law for law in (p, q))
    divergence: Tensor = kl_divergence(*laws)
    return divergence
