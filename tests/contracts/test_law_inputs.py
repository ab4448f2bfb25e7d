"""Every relaxation, whatever the dtype, layout and device of its parameters and the process's
defaults.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Poisson, constraints, kl_divergence

from reinrelax.distributions import CATALOGUE, Paper
from reinrelax.distributions.base import Relaxation
from reinrelax.distributions.hard import HardRelaxation
from reinrelax.errors import InputError
from tests.contracts.test_distributions import MAKERS, NAMES, NO_DENSITY, make
from tests.contracts.test_estimator_inputs import DTYPES, HALVES, LAYOUTS, defaults

WITH_DENSITY = [name for name in NAMES if name not in NO_DENSITY]


def parameter(dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers `[4, 3]` that 16 bits hold exactly."""
    return (
        torch.linspace(-1.5, 1.25, 12, dtype=torch.float32, device="cpu")
        .view(4, 3)
        .bfloat16()
        .to(dtype)
    )


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def build(name: str, a: Tensor) -> Relaxation:
    """A law whose temperature is a number."""
    if name == "GeneralizedGumbelSoftmax":
        return make(name, temperature=0.5, base=Poisson(a.exp(), validate_args=False), n=12)
    return MAKERS[name](a, 0.5)


def outcome(name: str, a: Tensor) -> tuple[Tensor, ...]:
    """Sample, its log density where it has one, and the gradients of both, of the noise of one
    seed.
    """
    leaf = a.detach().requires_grad_()
    sample = build(name, leaf).rsample((5,), generator=seeded())
    grad = slope_of(sample.sum(-1).square(), leaf)
    if name in NO_DENSITY:
        return sample.detach(), grad
    log_prob = build(name, leaf).log_prob(sample.detach())
    return sample.detach(), grad, log_prob.detach(), slope_of(log_prob, leaf)


def slope_of(value: Tensor, leaf: Tensor) -> Tensor:
    leaf.grad = None
    value.sum().backward()
    assert leaf.grad is not None
    return leaf.grad


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", HALVES)
def test_sixteen_bits_are_worked_on_as_float32(name: str, dtype: torch.dtype) -> None:
    """Same noise; the sample is that of float32, rounded once, and its density that of its
    neighbourhood.
    """
    a = parameter(dtype)
    if name == "GeneralizedGumbelSoftmax":  # the base takes its own exponential
        law, wide = (
            make(name, temperature=0.5, base=Poisson(x), n=12) for x in (a.abs(), a.float().abs())
        )
    else:
        law, wide = build(name, a), build(name, a.float())
    if name == "LogisticNormal":  # whose covariance is rounded to 16 bits as well
        wide = make(name, loc=law.loc, covariance_matrix=law.covariance_matrix)
    assert law.dtype == dtype
    sample, exact = (one.rsample((50,), generator=seeded()) for one in (law, wide))
    assert sample.dtype == dtype
    assert torch.equal(sample, exact.to(dtype))
    assert torch.equal(
        law.harden(law.draw_noise(generator=seeded())),
        wide.harden(wide.draw_noise(generator=seeded())),
    )
    assert law.expand((2, *law.batch_shape)).rsample().dtype == dtype
    if name in WITH_DENSITY:
        log_prob = law.log_prob(sample)
        assert log_prob.dtype == torch.float32
        assert log_prob.isfinite().all()
        inside = ((sample > 0.02) & (sample < 0.98)).view(*log_prob.shape, -1).all(-1)
        expected = wide.log_prob(exact if needs_sum(law) else sample.float())
        torch.testing.assert_close(log_prob[inside], expected[inside], rtol=0.01, atol=0.1)


def needs_sum(law: Relaxation) -> bool:
    """Whether a value that was rounded to 16 bits is off the support in 32."""
    return law.support is constraints.simplex or type(law).__name__ == "StochasticTimesSmooth"


@pytest.mark.parametrize("name", NAMES)
def test_autocast_changes_nothing(name: str) -> None:
    for dtype in (torch.float32, torch.float64):
        expected = outcome(name, parameter(dtype))
        with torch.autocast("cpu", torch.bfloat16):
            found = outcome(name, parameter(dtype))
        for one, other in zip(found[:1] + found[2:3], expected[:1] + expected[2:3], strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("default", DTYPES)
def test_defaults_of_the_process_change_nothing(name: str, default: torch.dtype) -> None:
    for dtype in (torch.float32, torch.float64):
        expected = outcome(name, parameter(dtype))
        with defaults(default):
            found = outcome(name, parameter(dtype))
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_another_default_device_changes_nothing(name: str) -> None:
    given = parameter()
    law = build(name, given)
    expected = law.sample((5,), generator=seeded())
    known = None if name in NO_DENSITY else law.log_prob(expected)
    with defaults(device="meta"):
        # The maker of the correlated one makes a matrix on the default device.
        law = law if name == "CorrelatedRelaxedBernoulli" else build(name, given)
        sample = law.sample((5,), generator=seeded())
        log_prob = None if name in NO_DENSITY else law.log_prob(sample)
    assert torch.equal(sample, expected)
    assert log_prob is known or (log_prob is not None and torch.equal(log_prob, known))  # type: ignore[arg-type]


def test_numbers_take_the_dtype_of_the_tensors_beside_them() -> None:
    """And are as exact: a float32 log-odds of 0.3 is 1e-8 off."""
    law = make("RelaxedBernoulli", temperature=torch.tensor(0.5, dtype=torch.float64), probs=0.3)
    assert law.dtype == torch.float64
    assert abs(law.probs.item() - 0.3) < 1e-15
    with defaults(torch.float64):
        law = make(
            "RelaxedBernoulli", temperature=torch.tensor(0.5, dtype=torch.float32), logits=0.0
        )
        assert law.dtype == torch.float32
        assert make("RelaxedBernoulli", temperature=0.5, logits=0.0).dtype == torch.float64
    assert (
        make("HardConcrete", temperature=torch.tensor(1, dtype=torch.int64), logits=0.5).dtype
        == torch.float32
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", ["transposed", "strided", "expanded"])
def test_any_layout_draws_the_same(name: str, layout: str) -> None:
    for dtype in (torch.float32, torch.float64):
        odd = LAYOUTS[layout](parameter(dtype))
        assert not odd.is_contiguous()
        for one, other in zip(outcome(name, odd), outcome(name, odd.contiguous()), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_batches_and_parameters_without_data(name: str, dtype: torch.dtype) -> None:
    for a in (parameter(dtype)[:0], parameter(dtype).to("meta"), parameter(dtype)[:0].to("meta")):
        law = build(name, a)
        sample = law.rsample((5,))
        assert sample.shape == (5, *law.batch_shape, *law.event_shape)
        assert (sample.dtype, sample.device) == (dtype, a.device)
        if name in WITH_DENSITY:
            assert law.log_prob(sample).shape == (5, *law.batch_shape)


@pytest.mark.parametrize("name", NAMES)
def test_empty_batches_have_divergences(name: str) -> None:
    law = build(name, parameter()[:0])
    try:
        assert kl_divergence(law, law).shape == law.batch_shape
    except NotImplementedError:
        without = ("GeneralizedGumbelSoftmax", "StochasticTimesSmooth", "GumbelTopK")
        assert name in without or not isinstance(CATALOGUE[name], Paper)


def test_counts_of_an_empty_batch() -> None:
    law = make("GeneralizedGumbelSoftmax", temperature=0.5, base=Poisson(torch.zeros(0)))
    assert law.n == 2
    assert law.sample((3,)).shape == (3, 0)


# --- masked categories


MASKED = torch.tensor([0.0, 1.0, -torch.inf, -torch.inf])


@pytest.mark.parametrize("dtype", DTYPES)
def test_top_k_of_fewer_unmasked_categories_is_refused(dtype: torch.dtype) -> None:
    for rows in (MASKED, torch.stack((torch.zeros(4), MASKED))):
        with pytest.raises(
            InputError, match="GumbelTopK: k = 3, but 2 of 4 categories are unmasked"
        ):
            make("GumbelTopK", temperature=0.5, k=3, logits=rows.to(dtype))
    law = make("GumbelTopK", temperature=0.5, k=2, logits=MASKED.to(dtype), straight_through=True)
    assert torch.equal(law.sample((500,)), torch.tensor([1, 1, 0, 0]).to(dtype).expand(500, 4))
    soft = make("GumbelTopK", temperature=0.5, k=2, logits=MASKED.to(dtype)).sample((500,))
    assert (soft[:, 2:] == 0).all()


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("validate", [True, False])
def test_probabilities_of_ordered_picks_sum_to_one_or_are_impossible(
    k: int, validate: bool
) -> None:
    if validate and k > 2:
        return
    law = make("GumbelTopK", temperature=0.5, k=k, logits=MASKED.double(), validate_args=validate)
    picks = torch.cartesian_prod(*[torch.arange(4)] * k).view(-1, k)
    chances = law.log_prob(picks).exp()
    assert (chances[(picks > 1).any(-1)] == 0).all()
    torch.testing.assert_close(chances.sum().item(), 1.0 if k <= 2 else 0.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_masked_categories_of_decoupled_are_never_drawn(dtype: torch.dtype) -> None:
    law = make(
        "DecoupledStraightThroughGumbelSoftmax", temperature_backward=0.5, logits=MASKED.to(dtype)
    )
    assert (law.sample((2000,))[:, 2:] == 0).all()
    leaf = MASKED.to(dtype).detach().clone().requires_grad_()
    make(
        "DecoupledStraightThroughGumbelSoftmax", temperature_backward=0.5, logits=leaf
    ).rsample().sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.isfinite().all()


# --- what is no parameter


@pytest.mark.parametrize("name", [name for name in NAMES if name != "GeneralizedGumbelSoftmax"])
@pytest.mark.parametrize(
    "bad", ["0.5", object(), torch.zeros(3, dtype=torch.complex64), torch.eye(3).to_sparse()]
)
def test_other_parameters_are_refused_by_name(name: str, bad: Any) -> None:
    good = build(name, parameter())
    for key in good.arg_constraints:
        arguments = {k: getattr(good, k) for k in (*good.arg_constraints, *good.options)}
        with pytest.raises(
            InputError, match=f"{name}: {key} must be a dense tensor of real numbers"
        ):
            make(name, **arguments | {key: bad})


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("GumbelTopK", {"temperature": 1.0, "k": 2.0, "logits": torch.zeros(3)}, "k must be"),
        ("GumbelTopK", {"temperature": 1.0, "k": True, "logits": torch.zeros(3)}, "k must be"),
        (
            "GeneralizedGumbelSoftmax",
            {"temperature": 1.0, "base": Poisson(1.0), "n": 2.5},
            "n must be",
        ),
        (
            "InvertibleGaussian",
            {
                "temperature": 1.0,
                "loc": torch.zeros(3),
                "scale": torch.ones(3),
                "delta": torch.tensor(1.0, requires_grad=True),
            },
            "delta must be > 0, a number",
        ),
    ],
)
def test_what_cannot_be_learned_is_a_number(
    name: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=f"{name}: {says}"):
        make(name, **arguments)


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_log_prob_takes_tensors(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: log_prob takes a tensor; got float"):
        build(name, parameter()).log_prob(0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_known_is_said_in_words(name: str) -> None:
    law = build(name, parameter())
    value = law.sample()
    asked: dict[str, Callable[[], Any]] = {
        "entropy": law.entropy,
        "cdf": lambda: law.cdf(value),
        "icdf": lambda: law.icdf(value),
        "mode": lambda: law.mode,
        "support": law.enumerate_support,
        "mean": lambda: law.mean,
        "variance": lambda: law.variance,
    }
    for ask in asked.values():
        try:
            ask()
        except NotImplementedError as error:
            assert str(error).startswith(f"{name}: ")  # noqa: PT017
    if isinstance(law, HardRelaxation) or name in ("RelaxedOneHotCategorical", "GaussianGate"):
        assert law.entropy().shape == law.batch_shape
    else:
        with pytest.raises(NotImplementedError, match=f"{name}: no entropy"):
            law.entropy()
