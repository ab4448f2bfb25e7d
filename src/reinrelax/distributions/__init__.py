"""Relaxations of paper A and others as torch distributions, and their catalogue: one line each.

Parameters broadcast against each other; samples have the widest dtype of the parameters, densities
at least float32. Wrong arguments raise an `InputError` that names them.

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
    """A line of the catalogue.

    Attributes:
        module: of this package, which has the class.
        section: of paper A, that describes it; empty where none does.
    """

    module: str
    section: str = ""


class Paper(Entry):
    """A relaxation of the papers; claims on "every relaxation" count these alone."""


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
