"""The catalogue of relaxations of paper A: one line each.

Names are resolved on first use, so that reading the catalogue does not load torch.

>>> from reinrelax.distributions import HardConcrete
>>> HardConcrete(0.5, logits=0.0).rsample((3,)).shape
torch.Size([3])
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Entry:
    """Where a relaxation lives, and the section of paper A that describes it."""

    module: str
    section: str


CATALOGUE = {
    "GeneralizedGumbelSoftmax": Entry("generalized_gumbel_softmax", "III.A"),
    "RelaxedBernoulli": Entry("relaxed_bernoulli", "III.B"),
    "HardConcrete": Entry("hard_concrete", "III.C"),
    "StraightThroughBernoulli": Entry("straight_through_bernoulli", "III.D"),
    "StochasticTimesSmooth": Entry("stochastic_times_smooth", "III.E"),
    "CorrelatedRelaxedBernoulli": Entry("correlated_relaxed_bernoulli", "III.F"),
    "InvertibleGaussian": Entry("invertible_gaussian", "III.G"),
    "GumbelTopK": Entry("gumbel_top_k", "III.H"),
    "LogisticNormal": Entry("logistic_normal", "III.I"),
    "DecoupledStraightThroughGumbelSoftmax": Entry("decoupled", "III.K"),
}

__all__ = ["CATALOGUE", "Entry", *CATALOGUE]


def __getattr__(attribute: str) -> Any:
    if attribute in CATALOGUE:
        module = import_module(f"reinrelax.distributions.{CATALOGUE[attribute].module}")
        return getattr(module, attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")
