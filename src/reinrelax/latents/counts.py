"""Count latents by generalised Gumbel-Softmax on a truncated support (paper A, III.A)."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Geometric, NegativeBinomial
from torch.distributions import Poisson as TorchPoisson
from torch.nn.functional import softplus

from reinrelax.core.numerics import log_softmax
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.functions import gumbel
from reinrelax.distributions.generalized_gumbel_softmax import GeneralizedGumbelSoftmax
from reinrelax.latents.base import Latent, drawn, noise_for, per_image

# The number of stops that ends a negative binomial count.
_STOPS = 3.0
# Lower limit of rates and probabilities, whose logarithms must be finite.
_LEAST = 1e-4


class CountLatent(Latent):
    """Counts 0 … C − 1 whose distribution is set by the encoder, and a prior of the same family.

    Posterior and prior assign all counts above C − 1 to the last category. The KL of the truncated
    distributions is therefore exact for a model with truncated counts.

    Args:
        law: a function of unbounded parameters `[...]` and C that returns a distribution of counts;
            the prior has parameter 0.
        tau: temperatures `[R]`.
    """

    def __init__(
        self,
        law: Callable[[Tensor, int], Distribution],
        shape: LatentShape,
        seeds: Sequence[int],
        device: torch.device | str,
        *,
        tau: Tensor,
    ) -> None:
        super().__init__(shape, seeds, device)
        self.outputs = self.inputs = shape.latents
        self._law, self._tau = law, per_image(tau, 3, self.device)

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        relaxation = self.relaxation(outputs)
        return drawn(relaxation, streams), self._kl(relaxation)

    def relaxation(self, outputs: Tensor) -> GeneralizedGumbelSoftmax:
        """Return the distribution of the relaxed sample."""
        law = self._law(outputs, self.shape.categories)
        return GeneralizedGumbelSoftmax(self._tau, law, self.shape.categories, validate_args=False)

    def _kl(self, relaxation: GeneralizedGumbelSoftmax) -> Tensor:
        posterior = log_softmax(relaxation.logits)
        return (posterior.exp() * (posterior - self._log_prior())).sum((-2, -1))

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        relaxation = self.relaxation(outputs)
        return relaxation.harden(noise_for(relaxation, streams)), self._kl(relaxation)

    def prior(self, count: int, streams: Streams) -> Tensor:
        u = self.uniform(count, self.shape.latents, self.shape.categories, streams=streams)
        return (self._log_prior() + gumbel(u)).argmax(-1).float()

    def _log_prior(self) -> Tensor:
        """Return the log-probabilities of the prior, `[C]`."""
        at_zero = self._law(
            torch.zeros((), dtype=torch.float32, device=self.device), self.shape.categories
        )
        return log_softmax(GeneralizedGumbelSoftmax(1.0, at_zero, self.shape.categories).logits)


def _poisson(x: Tensor, categories: int) -> Distribution:
    """Return a Poisson distribution with rate softplus(x)/log 2, which is 1 at x = 0."""
    return TorchPoisson(softplus(x).div(0.6931472).clamp_min(_LEAST), validate_args=False)


def _geometric(x: Tensor, categories: int) -> Distribution:
    """Return a geometric distribution with success probability σ(−x)."""
    return Geometric(probs=torch.sigmoid(-x).clamp(_LEAST, 1 - _LEAST), validate_args=False)


def _binomial(x: Tensor, categories: int) -> Distribution:
    """Return a binomial distribution of C − 1 trials with success probability σ(x)."""
    return Binomial(categories - 1, logits=x, validate_args=False)


def _negative_binomial(x: Tensor, categories: int) -> Distribution:
    """Return a negative binomial with 3 stops and probability σ(x − log 3): mean 1 at x = 0."""
    return NegativeBinomial(_STOPS, logits=x - 1.0986123, validate_args=False)


poisson = partial(CountLatent, _poisson)
geometric = partial(CountLatent, _geometric)
binomial = partial(CountLatent, _binomial)
negative_binomial = partial(CountLatent, _negative_binomial)
