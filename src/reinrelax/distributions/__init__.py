"""The catalogue of relaxations, paper A's and others: one line each.

Names are resolved on first use, so that reading the catalogue does not load torch.

>>> from reinrelax.distributions import HardConcrete
>>> HardConcrete(0.5, logits=0.0).rsample((3,)).shape
torch.Size([3])
"""

from dataclasses import dataclass
from typing import Any

from reinrelax.core.catalogue import Catalogue


@dataclass(frozen=True)
class Entry:
    """Where a relaxation lives, and the section of paper A that describes it, if one does."""

    module: str
    section: str = ""


class Paper(Entry):
    """One of the papers': these alone decide what is said of every relaxation."""


ENTRIES: dict[str, Entry] = {
    "GeneralizedGumbelSoftmax": Paper("generalized_gumbel_softmax", "III.A"),
    "RelaxedBernoulli": Paper("relaxed_bernoulli", "III.B"),
    "HardConcrete": Paper("hard_concrete", "III.C"),
    "StraightThroughBernoulli": Paper("straight_through_bernoulli", "III.D"),
    "StochasticTimesSmooth": Paper("stochastic_times_smooth", "III.E"),
    "CorrelatedRelaxedBernoulli": Paper("correlated_relaxed_bernoulli", "III.F"),
    "InvertibleGaussian": Paper("invertible_gaussian", "III.G"),
    "GumbelTopK": Paper("gumbel_top_k", "III.H"),
    "LogisticNormal": Paper("logistic_normal", "III.I"),
    "DecoupledStraightThroughGumbelSoftmax": Paper("decoupled", "III.K"),
    "RelaxedOneHotCategorical": Entry("relaxed_one_hot"),
    "RelaxedCategorical": Entry("relaxed_categorical"),
    "GaussianGate": Entry("gaussian_gate"),
    "RebarRelaxation": Entry("rebar_relaxation"),
}
#: An entry for each relaxation, by the name of its class.
CATALOGUE = Catalogue("relaxation", __name__, ENTRIES)

__all__ = ["CATALOGUE", "Entry", "Paper", *CATALOGUE]


def __getattr__(attribute: str) -> Any:
    if attribute in CATALOGUE:
        return CATALOGUE.load(attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
