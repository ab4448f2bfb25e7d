"""Every relaxation draws what it states, rare values in 16 bits too; relaxed subsets stay in [0,
1].
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import (
    Poisson,
)
from torch.special import ndtri

from reinrelax.distributions import CATALOGUE, Paper
from reinrelax.distributions.base import Relaxation
from tests.contracts.test_distributions import NAMES, make
from tests.contracts.test_estimator_inputs import DTYPES
from tests.contracts.test_law_inputs import seeded

# --- rare values


def rounded(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A parameter in this dtype, and what it is."""
    return x.to(dtype), x.to(dtype).double()


# From a probability and a dtype: a law whose hard value, the first of two for vectors, is on with about that
# probability; and the probability at its rounded parameter.
Rare = Callable[[Tensor, torch.dtype], tuple[Relaxation, Tensor]]


def gate(name: str, **more: Any) -> Rare:
    def of(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
        logits, exact = rounded(p.logit(), dtype)
        return make(name, logits=logits, **more), exact.sigmoid()

    return of


def choice(name: str, **more: Any) -> Rare:
    def of(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
        logits, exact = rounded(torch.stack((p, 1 - p), -1).log(), dtype)
        return make(name, logits=logits, **more), exact.softmax(-1)[0]

    return of


def times_smooth(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
    logits, exact = rounded(p.square().logit(), dtype)
    return make("StochasticTimesSmooth", logits=logits), exact.sigmoid().sqrt()


def correlated(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
    logits, exact = rounded(p.logit()[None], dtype)
    law = make(
        "CorrelatedRelaxedBernoulli",
        temperature=0.5,
        logits=logits,
        cholesky=torch.eye(1).to(dtype),
    )
    return law, exact.sigmoid()[0]


def counts(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
    rate, exact = rounded(-(-p).log1p(), dtype)
    return make(
        "GeneralizedGumbelSoftmax", temperature=0.01, base=Poisson(rate), n=6
    ), -torch.expm1(-exact)


def gaussian(name: str) -> Rare:
    """z_1 > ½ where a Gaussian exceeds zero; both are of two categories."""

    def of(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
        loc, exact = rounded(ndtri(p)[None], dtype)
        one = torch.ones(1, dtype=dtype)
        if name == "InvertibleGaussian":
            return make(name, temperature=0.5, loc=loc, scale=one), torch.special.ndtr(exact[0])
        # Their difference has the variance 1.
        loc = torch.cat((loc, torch.zeros_like(loc)))
        return make(
            name, loc=loc, covariance_matrix=torch.eye(2, dtype=dtype) / 2
        ), torch.special.ndtr(exact[0])

    return of


def steep(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
    """At τ = 1, where the slope is 3/2."""
    logits, exact = rounded(p.logit() / 1.5, dtype)
    return make("RebarRelaxation", temperature=1.0, logits=logits), (1.5 * exact).sigmoid()


def valued(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
    return choice("RelaxedCategorical", temperature=0.5, values=torch.tensor([1, 0], dtype=dtype))(
        p, dtype
    )


def clipped(p: Tensor, dtype: torch.dtype) -> tuple[Relaxation, Tensor]:
    loc, exact = rounded(ndtri(p) / 2 + 0.5, dtype)
    return make("GaussianGate", loc=loc, scale=0.5), torch.special.ndtr((exact - 0.5) / 0.5)


RARE: dict[str, Rare] = {
    "RelaxedBernoulli": gate("RelaxedBernoulli", temperature=0.5),
    "HardConcrete": gate("HardConcrete", temperature=0.5),
    "StraightThroughBernoulli": gate("StraightThroughBernoulli"),
    "StochasticTimesSmooth": times_smooth,
    "CorrelatedRelaxedBernoulli": correlated,
    "GumbelTopK": choice("GumbelTopK", temperature=0.1, k=1, straight_through=True),
    "DecoupledStraightThroughGumbelSoftmax": choice(
        "DecoupledStraightThroughGumbelSoftmax", temperature_backward=0.5
    ),
    "GeneralizedGumbelSoftmax": counts,
    "InvertibleGaussian": gaussian("InvertibleGaussian"),
    "LogisticNormal": gaussian("LogisticNormal"),
    "RelaxedOneHotCategorical": choice("RelaxedOneHotCategorical", temperature=0.5),
    "RelaxedCategorical": valued,
    "RebarRelaxation": steep,
    "GaussianGate": clipped,
}


def test_all_of_the_papers_laws_are_counted() -> None:
    assert set(RARE) >= {name for name in NAMES if isinstance(CATALOGUE[name], Paper)}


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("autocast", [False, True])
def test_rare_values_are_as_frequent_as_they_should_be(
    name: str, dtype: torch.dtype, autocast: bool
) -> None:
    """Binomial z of P = 0.001 in 400,000 draws, false alarm rate 7e-6 a case. In bfloat16, U <
    0.001 never or four times as often: noise in 16 bits is 20 standard errors away.
    """
    law, truth = RARE[name](torch.tensor(0.001, dtype=torch.float64), dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        drawn = law.sample((400_000,), generator=seeded(1))
    assert drawn.dtype == law.dtype == dtype
    on = drawn[..., 0] if law.event_shape else drawn
    share = (on.double() > (0 if name == "StochasticTimesSmooth" else 0.5)).double().mean()
    assert abs(share - truth) < 4.5 * (truth * (1 - truth) / 400_000).sqrt()
    assert share > 0


@pytest.mark.parametrize("name", ["GumbelTopK", "DecoupledStraightThroughGumbelSoftmax"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_index_is_favoured_by_a_tie(name: str, dtype: torch.dtype) -> None:
    more = {"temperature": 0.1, "k": 1, "straight_through": True}
    more = {"temperature_backward": 0.5} if name != "GumbelTopK" else more
    drawn = make(name, logits=torch.zeros(64, dtype=dtype), **more).sample(
        (64_000,), generator=seeded(2)
    )
    assert abs(drawn.double().sum(0) - 1000).max() < 4.5 * math.sqrt(1000 * 63 / 64)


# --- relaxed subsets


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tau", [1e-4, 0.5, 5.0])
def test_bounded_k_hot_vectors_are_gates(dtype: torch.dtype, tau: float) -> None:
    a = torch.linspace(-1, 1, 20).to(dtype).requires_grad_()
    options = {"temperature": tau, "k": 5, "logits": a}
    law, plain = make("GumbelTopK", **options, bounded=True), make("GumbelTopK", **options)
    noise = law.draw_noise((2000,), generator=seeded())
    gates, sums = law.from_noise(noise), plain.from_noise(noise)
    assert law.support.check(law.rsample((50,))).all()
    assert ((gates >= 0) & (gates <= 1)).all()
    assert tau < 0.1 or (sums > 1.001).any()
    assert (gates <= sums + 1e-5).all()
    assert torch.equal(law.harden(noise), plain.harden(noise))
    if tau == 1e-4:
        assert ((gates - law.harden(noise)).abs() > 1e-2).float().mean() < 0.01
    (gates * torch.linspace(0, 1, 20)).sum().backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()
    assert (a.grad != 0).any()
    assert law.expand((3,)).bounded
    through = make("GumbelTopK", **options, bounded=True, straight_through=True)
    assert set(through.sample((9,)).unique().tolist()) == {0.0, 1.0}


def test_bounded_k_hot_vectors_are_the_product_that_is_stated() -> None:
    logits = torch.tensor([0.3, -0.5, 1.0, 0.0], dtype=torch.float64)
    law = make("GumbelTopK", temperature=2.0, k=3, logits=logits, bounded=True)
    noise = law.draw_noise((7,), generator=seeded())
    keys = logits.log_softmax(-1) - (-noise.log()).log()
    left = torch.ones_like(keys)
    for _ in range(3):
        w = (keys / 2.0).softmax(-1)
        keys, left = keys + (1 - w).log(), left * (1 - w)
    torch.testing.assert_close(law.from_noise(noise), 1 - left)
