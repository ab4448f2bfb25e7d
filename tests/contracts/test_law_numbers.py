"""Numbers that a relaxation states: at ends, of other precisions, of its discrete law;
gradients.
"""

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch.distributions import (
    Bernoulli,
    Geometric,
    Independent,
    OneHotCategorical,
    Poisson,
    constraints,
    kl_divergence,
)

from reinrelax import distributions
from reinrelax.distributions.hard import HardRelaxation
from reinrelax.errors import InputError
from tests.contracts.test_distributions import NAMES, make
from tests.contracts.test_estimator_inputs import DTYPES
from tests.contracts.test_law_inputs import WITH_DENSITY, build, parameter, seeded
from tests.helpers.integrals import z_score

# --- other precisions and kinds of values


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_densities_of_values_of_another_precision(name: str) -> None:
    """Are those of the wider of the two; so are cdf and quantiles. Masses are as exact as
    the law.
    """
    laws = {dtype: build(name, parameter(dtype)) for dtype in DTYPES}
    mass = isinstance(laws[torch.float64], HardRelaxation)
    value = laws[torch.float64].sample((20,), generator=seeded())
    for own, other in product(DTYPES, DTYPES):
        found = laws[own].log_prob(value.to(other))
        at_least = torch.promote_types(own, torch.float32)
        assert found.dtype == torch.promote_types(at_least, other) or (
            mass and found.dtype == at_least
        )
        assert found.isfinite().all() or name == "StochasticTimesSmooth"
    narrow, wide = (laws[dtype].log_prob(value) for dtype in (torch.float32, torch.float64))
    torch.testing.assert_close(narrow.double(), wide, rtol=1e-3, atol=1e-4)
    if name in (*ATOMS, "RelaxedBernoulli", "RebarRelaxation"):
        for ask in ("cdf", "icdf"):
            assert getattr(laws[torch.float32], ask)(value).dtype == torch.float64


BINARY = ("RelaxedBernoulli", "HardConcrete", "StraightThroughBernoulli", "StochasticTimesSmooth")


@pytest.mark.parametrize("name", [*BINARY, "CorrelatedRelaxedBernoulli"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_ends_may_be_integers(name: str, dtype: torch.dtype) -> None:
    law = build(name, parameter())
    bits = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]])
    assert torch.equal(law.log_prob(bits.to(dtype)), law.log_prob(bits.float()))


# Laws with masses at their ends.
ATOMS = ("HardConcrete", "GaussianGate")


@pytest.mark.parametrize("name", ATOMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_atoms_are_exact(name: str, dtype: torch.dtype) -> None:
    """P at both ends is the share of the draws that are there, and none where there is no atom."""
    gate = build(name, parameter(dtype))
    ends = torch.tensor([0.0, 1.0], dtype=dtype)
    drawn = gate.sample((20_000,), generator=seeded())
    for end in ends:
        assert z_score((drawn == end).double(), gate.log_prob(end).exp().double()) < 4.5
    torch.testing.assert_close(gate.cdf(ends[0]), gate.log_prob(ends[0]).exp())
    smooth = build("RelaxedBernoulli", parameter(dtype))
    assert (smooth.cdf(ends[0]) == 0).all()
    for law in (gate, smooth):
        assert (law.cdf(ends[1]) == 1).all()
        assert (law.cdf(torch.tensor(-0.5)) == 0).all()
        assert law.icdf(ends[:, None, None].expand(2, 4, 3)).unique().tolist() == [0, 1]


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_a_density_at_an_end_is_that_of_the_nearest_number_inside_or_a_mass(name: str) -> None:
    """Where samples that were rounded to it may be."""
    law = build(name, parameter())
    if name in ATOMS or isinstance(law, HardRelaxation):
        return
    tiny, below = torch.finfo(torch.float32).tiny, 1 - torch.finfo(torch.float32).eps / 2
    shape = (*law.batch_shape, *law.event_shape)
    if law.support is constraints.simplex:
        corner = torch.zeros(shape)
        corner[..., 0] = 1
        inside = corner.clamp_min(tiny)
    else:
        corner = torch.arange(math.prod(shape)).view(shape).remainder(2).float()
        inside = corner.clamp(tiny, below)
    found = law.log_prob(corner)
    assert found.isfinite().all()
    torch.testing.assert_close(found, law.log_prob(inside))


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_values_outside_the_support_are_refused(name: str) -> None:
    law = build(name, parameter())
    with pytest.raises(ValueError, match="within the support"):
        law.log_prob(law.sample() - 2)


# --- gradients of parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_wants_a_gradient_has_one_or_is_refused(name: str) -> None:
    good = build(name, parameter())
    if name == "GeneralizedGumbelSoftmax":
        rate, tau = (torch.tensor(v, requires_grad=True) for v in (2.0, 0.5))
        sample = make(name, temperature=tau, base=Poisson(rate)).rsample((9,), generator=seeded())
        assert all(slope != 0 for slope in torch.autograd.grad(sample.sum(), (rate, tau)))
        return
    options = {k: getattr(good, k) for k in good.options}
    for key in good.arg_constraints:
        leaf = getattr(good, key).detach().clone().requires_grad_()
        others = {k: getattr(good, k).detach() for k in good.arg_constraints if k != key}
        if key == "temperature_forward":
            with pytest.raises(InputError, match=f"{name}: {key} requires a gradient"):
                make(name, **others, **{key: leaf}, **options)
            with torch.no_grad():
                make(name, **others, **{key: leaf}, **options)
            continue
        law = make(name, **others, **{key: leaf}, **options, validate_args=False)
        weights = torch.linspace(-1, 1, law.rsample((9,)).numel())
        (law.rsample((9,), generator=seeded()).flatten() * weights).sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
        assert (leaf.grad != 0).any()


# --- discrete laws


HARD = [name for name in NAMES if issubclass(getattr(distributions, name), HardRelaxation)]


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_discrete_law_is_known_by_its_support(name: str, dtype: torch.dtype) -> None:
    law = build(name, parameter(dtype))
    values = law.enumerate_support()
    assert values.shape[1:] == law.batch_shape + law.event_shape
    assert values.dtype == law.mode.dtype == dtype
    chances = law.log_prob(values).exp()
    torch.testing.assert_close(chances.sum(0), torch.ones_like(chances[0]))
    weights = chances.view(*chances.shape, *(1,) * len(law.event_shape))
    close = {"rtol": 0.02, "atol": 0.01} if dtype in DTYPES[:2] else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close((weights * values).sum(0), law.mean, **close)
    torch.testing.assert_close(law.probs, law.mean)
    torch.testing.assert_close(law.entropy(), -(chances * chances.log()).sum(0), **close)
    assert torch.equal(law.log_prob(law.mode), law.log_prob(values).amax(0))
    assert law.expand((2, *law.batch_shape)).entropy().shape == (2, *law.batch_shape)
    assert Independent(law, 1).entropy().shape == law.batch_shape[:-1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_discrete_methods_are_torchs(dtype: torch.dtype) -> None:
    a = parameter(dtype)
    gate, one_hot = (
        build("StraightThroughBernoulli", a),
        build("DecoupledStraightThroughGumbelSoftmax", a),
    )
    for law, twin in (
        (gate, Bernoulli(logits=a.float())),
        (one_hot, OneHotCategorical(logits=a.float())),
    ):
        for expand in (True, False):
            assert torch.equal(
                law.enumerate_support(expand).float(), twin.enumerate_support(expand=expand)
            )
        torch.testing.assert_close(law.entropy().float(), twin.entropy())
        torch.testing.assert_close(law.probs.float(), twin.probs)
        assert torch.equal(law.mode.float(), twin.mode.nan_to_num(0.0))


def test_masked_categories_have_no_mass() -> None:
    law = make(
        "DecoupledStraightThroughGumbelSoftmax",
        temperature_backward=0.5,
        logits=torch.tensor([0.0, -torch.inf, 1.0]),
    )
    log_prob = law.log_prob(torch.eye(3))
    assert log_prob[1] == -torch.inf
    torch.testing.assert_close(log_prob.exp().sum().item(), 1.0)
    assert law.probs[1] == 0
    torch.testing.assert_close(law.entropy(), Bernoulli(logits=torch.tensor(1.0)).entropy())
    everything = make(
        "DecoupledStraightThroughGumbelSoftmax", temperature_backward=0.5, logits=torch.zeros(3)
    )
    assert kl_divergence(everything, law) == torch.inf
    assert kl_divergence(law, everything).isfinite()


# --- without a batch, and of bases in 16 bits


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_laws_without_a_batch(name: str, dtype: torch.dtype) -> None:
    vector = bool(build(name, parameter(dtype)).event_shape)
    law = build(name, parameter(dtype)[0] if vector else parameter(dtype)[0, 0])
    assert law.batch_shape == ()
    sample = law.sample((6,), generator=seeded())
    assert (sample.shape, sample.dtype) == ((6, *law.event_shape), dtype)
    if name in WITH_DENSITY:
        assert law.log_prob(sample).shape == (6,)
        assert law.log_prob(sample[0]).shape == ()


@pytest.mark.parametrize("dtype", DTYPES[:2])
@pytest.mark.parametrize(
    ("law", "key"), [(Geometric, "logits"), (Geometric, "probs"), (Poisson, "rate")]
)
def test_a_base_in_sixteen_bits_is_worked_on_as_float32(
    law: Any, key: str, dtype: torch.dtype
) -> None:
    """Not by a parameter that it computed in its own precision; and it keeps no such parameter."""
    value = torch.tensor([0.11, 0.37]).to(dtype)
    base = law(**{key: value})
    held = dict(vars(base))
    found = make("GeneralizedGumbelSoftmax", temperature=0.5, base=base, n=8).expand((2,))
    exact = make("GeneralizedGumbelSoftmax", temperature=0.5, base=law(**{key: value.float()}), n=8)
    assert found.dtype == dtype
    assert torch.equal(found.logits, exact.logits)
    assert vars(base).keys() == held.keys()
