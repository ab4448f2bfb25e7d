"""Layers that draw categories or subsets in training, and take the likeliest in evaluation."""

from typing import Any

import torch
from torch import Tensor

from reinrelax.distributions.functions import one_hot_argmax
from reinrelax.distributions.gumbel_top_k import GumbelTopK
from reinrelax.estimators.functional import gumbel_softmax, pathwise_of
from reinrelax.layers.temperature import Tempered, at_least_one


class CategoricalLayer(Tempered):
    """One-hot samples of softmax(logits) with the gradient of any pathwise estimator.

    In evaluation the layer returns the mode.

    Args:
        method: the name of an estimator in the tables or in Python, as for
            `reinrelax.gumbel_softmax`.
        tau: temperature, which `Temperature` can anneal; ignored by estimators without one.
        dim: the axis of the categories.
        sample_in_eval: whether to draw samples in evaluation as well.
        **hyper: the estimator's other hyper-parameters.

    >>> layer = CategoricalLayer("gumbel_rao", tau=0.5, draws=10)
    >>> layer(torch.zeros(2, 3)).sum(-1)
    tensor([1., 1.])
    >>> layer.eval()(torch.tensor([0.0, 2.0, 1.0]))
    tensor([0., 1., 0.])
    """

    def __init__(
        self,
        method: str = "reinmax",
        tau: float = 1.0,
        dim: int = -1,
        *,
        sample_in_eval: bool = False,
        **hyper: Any,
    ) -> None:
        super().__init__(tau)
        self.estimator = pathwise_of(method)
        self.dim, self.sample_in_eval, self.hyper = dim, sample_in_eval, hyper
        # Report invalid arguments here, not at the first batch.
        gumbel_softmax(torch.zeros(2), self.tau, hard=True, method=self.estimator.name, **hyper)

    def forward(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return one-hot vectors along `dim`, of the shape of the logits."""
        if self.training or self.sample_in_eval:
            sample: Tensor = gumbel_softmax(
                logits,
                self.tau,
                True,
                self.dim,
                method=self.estimator.name,
                generator=generator,
                **self.hyper,
            )
            return sample
        mode: Tensor = one_hot_argmax(logits.movedim(self.dim, -1)).movedim(-1, self.dim)
        return mode

    def extra_repr(self) -> str:
        return f"{self.estimator.name}, tau={self.tau:g}, dim={self.dim}"


class SubsetLayer(Tempered):
    """A subset of k of n entries, drawn without replacement with probabilities given by logits.

    In training the output is in [0, 1]; in evaluation the entries of the k largest logits are 1 and
    all others 0.

    Args:
        k: the size of the subset.
        tau: temperature, which `Temperature` can anneal.
        straight_through: whether samples are k-hot, with the gradient of the relaxed sample.

    >>> layer = SubsetLayer(2, tau=0.5)
    >>> bool(layer(torch.zeros(100, 5)).max() <= 1)
    True
    >>> layer.eval()(torch.tensor([0.0, 2.0, 1.0]))
    tensor([0., 1., 1.])
    """

    def __init__(self, k: int, tau: float = 1.0, *, straight_through: bool = False) -> None:
        super().__init__(tau)
        self.k, self.straight_through = at_least_one("SubsetLayer", "k", k), straight_through

    def forward(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw `[..., n]` for logits `[..., n]`; −inf excludes an entry."""
        law = GumbelTopK(
            self.tau, self.k, logits=logits, straight_through=self.straight_through, bounded=True
        )
        if self.training:
            return law.rsample(generator=generator)
        return torch.zeros_like(logits).scatter_(-1, logits.topk(self.k).indices, 1.0)

    def extra_repr(self) -> str:
        return f"k={self.k}, tau={self.tau:g}, straight_through={self.straight_through}"
