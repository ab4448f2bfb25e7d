"""Every divergence that is registered, beside the mean log ratio; of two precisions; its
gradients.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Dirichlet,
    Distribution,
    OneHotCategorical,
    kl_divergence,
)
from torch.distributions import kl as torch_kl

from reinrelax import distributions
from reinrelax.distributions.base import Relaxation
from tests.contracts.test_distributions import NAMES, correlation, make
from tests.contracts.test_law_draws import RARE
from tests.helpers.integrals import z_score

# Numbers that float32 holds exactly: some laws have a divergence at equal parameters only.
GATE = torch.tensor([-1.0, 0.25, 2.0], dtype=torch.float64)
OTHER = torch.tensor([0.5, -0.25, 0.0], dtype=torch.float64)
R = correlation(3, GATE)


def normal(loc: Tensor, scale: float) -> Relaxation:
    return make(
        "LogisticNormal", loc=loc, covariance_matrix=scale * torch.eye(3, dtype=torch.float64)
    )


def named(name: str, logits: Tensor, **more: Any) -> Relaxation:
    return make(name, logits=logits, **more)


def decoupled(logits: Tensor) -> Relaxation:
    return named("DecoupledStraightThroughGumbelSoftmax", logits, temperature_backward=0.5)


def coupled(R: Tensor) -> Relaxation:
    return named("CorrelatedRelaxedBernoulli", GATE, temperature=0.5, correlation=R)


def inverted(loc: Tensor, temperature: float, **more: Any) -> Relaxation:
    scale = torch.full_like(loc, 0.7)
    return make("InvertibleGaussian", temperature=temperature, loc=loc, scale=scale, **more)


def one_hot(logits: Tensor, temperature: float) -> Relaxation:
    return named("RelaxedOneHotCategorical", logits, temperature=temperature)


def clipped(loc: Tensor, scale: float) -> Relaxation:
    return make("GaussianGate", loc=loc, scale=scale)


# One pair at least of all that have a divergence.
PAIRS: list[tuple[Distribution, Distribution]] = [
    (
        named("RelaxedBernoulli", GATE, temperature=0.5),
        named("RelaxedBernoulli", OTHER, temperature=0.5),
    ),
    (named("HardConcrete", GATE, temperature=0.5), named("HardConcrete", OTHER, temperature=0.5)),
    (
        named("HardConcrete", GATE, temperature=0.5, gamma=-0.3),
        named("HardConcrete", OTHER, temperature=0.9, zeta=1.3),
    ),
    (
        named("StraightThroughBernoulli", GATE),
        named("StraightThroughBernoulli", OTHER, backward="copy"),
    ),
    (named("StraightThroughBernoulli", GATE), Bernoulli(logits=OTHER)),
    (Bernoulli(logits=GATE), named("StraightThroughBernoulli", OTHER)),
    (decoupled(GATE), decoupled(OTHER)),
    (decoupled(GATE), OneHotCategorical(logits=OTHER)),
    (OneHotCategorical(logits=GATE), decoupled(OTHER)),
    (coupled(R), coupled(torch.eye(3, dtype=torch.float64))),
    (inverted(GATE, 0.5), inverted(OTHER, 0.8, delta=2.0)),
    (inverted(GATE, 0.5, map="stick breaking"), inverted(OTHER, 0.5, map="stick breaking")),
    (normal(GATE, 0.6), normal(OTHER, 0.9)),
    (Dirichlet(GATE.exp() + 1), normal(OTHER, 0.9)),
    (one_hot(GATE, 0.75), one_hot(OTHER, 0.75)),
    (clipped(GATE, 0.5), clipped(OTHER, 0.75)),
    (
        named("RebarRelaxation", GATE, temperature=0.5),
        named("RebarRelaxation", OTHER, temperature=0.5),
    ),
]


def types_of(pair: tuple[Distribution, Distribution]) -> tuple[type, type]:
    return (type(pair[0]), type(pair[1]))


def shown(pair: tuple[Distribution, Distribution]) -> str:
    return " || ".join(kind.__name__ for kind in types_of(pair))


def test_all_divergences_that_are_registered_are_compared() -> None:
    for name in NAMES:
        getattr(distributions, name)
    registered = {
        pair
        for pair in torch_kl._KL_REGISTRY
        if any(kind.__module__.startswith("reinrelax.distributions.") for kind in pair)
    }
    assert {pair for pair in registered if any(kind.__name__ in RARE for kind in pair)} == {
        types_of(pair) for pair in PAIRS
    }


@pytest.mark.parametrize("pair", PAIRS, ids=shown)
def test_a_divergence_is_the_mean_log_ratio(pair: tuple[Distribution, Distribution]) -> None:
    """Exactly over a support that is listed, else within 4.5 standard errors of 100,000 samples."""
    p, q = pair
    stated = kl_divergence(p, q)
    assert stated.shape == p.batch_shape
    assert (stated > 0.01).all()
    assert (kl_divergence(p, p).abs() < 1e-12).all() or types_of(pair) == (Dirichlet, type(q))
    if p.has_enumerate_support:
        values = p.enumerate_support()
        log_p = p.log_prob(values)
        torch.testing.assert_close(stated, (log_p.exp() * (log_p - q.log_prob(values))).sum(0))
        return
    torch.manual_seed(0)
    z = p.sample((100_000,))
    assert z_score(p.log_prob(z) - q.log_prob(z), stated) < 4.5


@pytest.mark.parametrize("pair", PAIRS, ids=shown)
def test_a_divergence_of_two_precisions(pair: tuple[Distribution, Distribution]) -> None:
    p, q = pair
    narrow = distributions_in(torch.float32, p, q)
    for one, other in ((narrow[0], q), (p, narrow[1]), narrow):
        torch.testing.assert_close(
            kl_divergence(one, other).double(), kl_divergence(p, q), rtol=1e-4, atol=0
        )


def arguments(law: Distribution) -> dict[str, Any]:
    """Those of a constructor, with logits rather than probabilities."""
    names = [k for k in law.arg_constraints if k != "probs" or "logits" not in law.arg_constraints]
    return {k: getattr(law, k) for k in (*names, *getattr(law, "options", ()))}


def distributions_in(dtype: torch.dtype, *laws: Distribution) -> tuple[Distribution, ...]:
    """The same laws, made anew of parameters in another dtype."""
    return tuple(
        type(law)(
            **{k: v.to(dtype) if isinstance(v, Tensor) else v for k, v in arguments(law).items()}
        )
        for law in laws
    )


@pytest.mark.parametrize("pair", PAIRS, ids=shown)
def test_a_divergence_has_gradients_of_both_laws(pair: tuple[Distribution, Distribution]) -> None:
    """Of their first parameter; correlated gates differ in another one alone."""
    remade, moved = [], []
    for law in pair:
        given = arguments(law)
        key = "cholesky" if "cholesky" in given else next(iter(given))
        moved.append(given[key].detach().clone().requires_grad_())
        remade.append(type(law)(**given | {key: moved[-1]}))
    for slope in torch.autograd.grad(kl_divergence(*remade).sum(), moved):
        assert slope.isfinite().all()
        assert (slope != 0).any()
