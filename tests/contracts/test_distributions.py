"""What every relaxation in the catalogue must satisfy."""

import doctest
import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Geometric, Independent, Poisson

from reinrelax import distributions
from reinrelax.core.rng import Streams
from reinrelax.distributions import CATALOGUE
from reinrelax.distributions.base import Relaxation
from reinrelax.distributions.laplace_bridge import to_gaussian
from reinrelax.errors import InputError

NAMES = list(CATALOGUE)
Make = Callable[[Tensor, Tensor | float], Relaxation]


def correlation(d: int, like: Tensor) -> Tensor:
    return (torch.full((d, d), 0.5) + 0.5 * torch.eye(d)).to(like)


def make(name: str, **arguments: Any) -> Relaxation:
    relaxation: Relaxation = getattr(distributions, name)(**arguments)
    return relaxation


def takes(name: str, argument: str) -> bool:
    return argument in inspect.signature(getattr(distributions, name)).parameters


def of_logits(name: str) -> Make:
    """A law that is made from logits, and a temperature if it has one."""
    tempered = takes(name, "temperature")
    return lambda a, t: make(name, logits=a, **({"temperature": t} if tempered else {}))


# From a parameter `[2, 3]` and a temperature that broadcasts to its batch; the last of the
# parameter's axes is the event's for vectors. What is not named here is made from logits.
MAKERS: dict[str, Make] = {
    **{name: of_logits(name) for name in NAMES},
    "GeneralizedGumbelSoftmax": lambda a, t: make(
        "GeneralizedGumbelSoftmax", temperature=t, base=Poisson(a.exp()), n=12
    ),
    "CorrelatedRelaxedBernoulli": lambda a, t: make(
        "CorrelatedRelaxedBernoulli",
        temperature=t,
        logits=a,
        correlation=correlation(a.shape[-1], a),
    ),
    "InvertibleGaussian": lambda a, t: make(
        "InvertibleGaussian", temperature=t, loc=a, scale=torch.ones_like(a)
    ),
    "GumbelTopK": lambda a, t: make("GumbelTopK", temperature=t, k=2, logits=a),
    "LogisticNormal": lambda a, t: make(
        "LogisticNormal", loc=a, covariance_matrix=to_gaussian(torch.ones_like(a))[1]
    ),
    "DecoupledStraightThroughGumbelSoftmax": lambda a, t: make(
        "DecoupledStraightThroughGumbelSoftmax", temperature_backward=t, logits=a
    ),
    "GaussianGate": lambda a, t: make("GaussianGate", loc=a, scale=torch.full_like(a, 1.5)),
    "RelaxedCategorical": lambda a, t: make(
        "RelaxedCategorical",
        temperature=t,
        logits=torch.stack((a, -a, torch.zeros_like(a)), -1),
        values=torch.tensor([-1.0, 4.0, 0.5], dtype=a.dtype, device=a.device),
    ),
}
VECTORS = {
    "CorrelatedRelaxedBernoulli": 3,
    "InvertibleGaussian": 4,
    "GumbelTopK": 3,
    "LogisticNormal": 3,
    "DecoupledStraightThroughGumbelSoftmax": 3,
}
UNTEMPERED = [
    name
    for name in NAMES
    if not (takes(name, "temperature") or takes(name, "temperature_backward"))
]
MASSES = (
    "StraightThroughBernoulli",
    "StochasticTimesSmooth",
    "DecoupledStraightThroughGumbelSoftmax",
)
NO_PROBS = [name for name in NAMES if not takes(name, "probs")]


def parameter(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.linspace(-1.5, 1.2, 6, dtype=dtype).view(2, 3).requires_grad_()


def has_density(name: str) -> bool:
    law = MAKERS[name](parameter(), 0.5)
    try:
        law.log_prob(law.sample())
    except (NotImplementedError, InputError):
        return False
    return True


NO_DENSITY = [name for name in NAMES if not has_density(name)]


def shapes(name: str) -> tuple[torch.Size, torch.Size]:
    """Batch and event shape of `MAKERS[name](parameter(), …)`."""
    size = VECTORS.get(name)
    # Of one's own law whether it is of vectors, and of how long ones, only itself can tell.
    if size is None and not isinstance(CATALOGUE[name], distributions.Paper):
        size = next(iter(MAKERS[name](parameter(), 0.5).event_shape), None)
    return (torch.Size((2,)), torch.Size((size,))) if size else (torch.Size((2, 3)), torch.Size(()))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_catalogue_is_read_without_loading_torch() -> None:
    code = (
        "import sys; from reinrelax.distributions import CATALOGUE; sys.exit('torch' in"
        " sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Concrete'"):
        distributions.Concrete  # noqa: B018


MODULES = [
    "reinrelax.distributions",
    "reinrelax.distributions.laplace_bridge",
    "reinrelax.estimators.rebar",
    "reinrelax.estimators.relax",
    *(f"reinrelax.distributions.{entry.module}" for entry in CATALOGUE.values()),
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module: str) -> None:
    result = doctest.testmod(import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtype(name: str, dtype: torch.dtype) -> None:
    law = MAKERS[name](parameter(dtype), 0.5)
    assert (law.batch_shape, law.event_shape) == shapes(name)
    assert law.has_rsample
    for sample in (
        law.rsample((5, 4)),
        law.sample(torch.Size((5, 4))),
        law.rsample(),
        law.sample(),
    ):
        assert sample.dtype == dtype
        assert (
            sample.shape[-len(law.batch_shape + law.event_shape) :]
            == law.batch_shape + law.event_shape
        )
    assert law.rsample((5, 4)).shape[:2] == (5, 4)
    assert law.rsample().requires_grad
    assert not law.sample().requires_grad
    assert law.support is not None
    assert law.support.check(law.sample((50,))).all()


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_drawn_in_one_place_and_element_by_element(name: str) -> None:
    law = MAKERS[name](parameter(), 0.5)
    noise = law.draw_noise((7,), generator=seeded())
    assert noise.shape == law.noise_shape((7,))
    assert noise.unique().numel() == noise.numel()
    assert torch.equal(law.from_noise(noise), law.rsample((7,), generator=seeded()))
    by_streams = getattr(Streams([seeded()]), f"{law.noise_kind}_")(torch.empty(1, *noise.shape))[0]
    assert torch.equal(noise, by_streams)


@pytest.mark.parametrize("name", NAMES)
def test_a_replica_alone_equals_the_replica_in_a_batch(name: str) -> None:
    def sample(rows: Tensor, seeds: list[int]) -> Tensor:
        law = MAKERS[name](rows, 0.5)
        streams = Streams.derive(seeds, "test")
        fill = streams.uniform_ if law.noise_kind == "uniform" else streams.normal_
        return law.from_noise(fill(torch.empty(law.noise_shape())))

    together = sample(parameter(), [5, 6])
    torch.testing.assert_close(together[1:], sample(parameter()[1:], [6]))


@pytest.mark.parametrize("name", NAMES)
def test_generator_alone_decides(name: str) -> None:
    law = MAKERS[name](parameter(), 0.5)
    torch.manual_seed(1)
    first = law.rsample((9,), generator=seeded(3))
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(first, law.sample((9,), generator=seeded(3)))
    assert not torch.equal(
        law.draw_noise((9,), generator=seeded(4)), law.draw_noise((9,), generator=seeded(3))
    )
    torch.manual_seed(1)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_expand_is_the_law_again(name: str) -> None:
    law = MAKERS[name](parameter(), torch.tensor(0.5))
    wide = law.expand((5, *law.batch_shape))
    assert type(wide) is type(law)
    assert wide.batch_shape == (5, *law.batch_shape)
    assert wide.event_shape == law.event_shape
    noise = law.draw_noise((5,), generator=seeded())
    torch.testing.assert_close(wide.from_noise(noise), law.from_noise(noise))
    if name not in NO_DENSITY:
        value = law.sample((5,))
        torch.testing.assert_close(wide.log_prob(value), law.log_prob(value))
        assert wide.log_prob(value).shape == (5, *law.batch_shape)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNTEMPERED])
def test_temperature_is_a_tensor_that_broadcasts(name: str) -> None:
    batch, _ = shapes(name)
    taus = torch.linspace(0.3, 2.0, 4 * batch.numel()).view(4, *batch).requires_grad_()
    law = MAKERS[name](parameter(), taus)
    assert law.batch_shape == taus.shape
    noise = law.draw_noise(generator=seeded())
    out = law.from_noise(noise)
    out.square().sum().backward()
    assert taus.grad is not None
    # The hard families' forward pass has no temperature, but the backward pass has.
    assert (taus.grad != 0).any() or name in MASSES
    for row in range(4):
        one = MAKERS[name](parameter(), taus[row].detach())
        torch.testing.assert_close(out[row], one.from_noise(noise[row]))
        if name not in NO_DENSITY:
            value = one.sample()
            torch.testing.assert_close(law.log_prob(value.expand_as(out))[row], one.log_prob(value))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_from_noise_is_its_derivative(name: str) -> None:
    """Against central differences, but for the families whose gradient is a surrogate."""
    law = MAKERS[name](parameter(torch.float64), 0.7)
    noise = law.draw_noise((6,), generator=seeded())
    weights = torch.linspace(-1, 1, law.from_noise(noise).numel(), dtype=torch.float64)

    def value(a: Tensor) -> Tensor:
        return (MAKERS[name](a, 0.7).from_noise(noise).flatten() * weights).sum()

    leaf = parameter(torch.float64)
    value(leaf).backward()
    assert leaf.grad is not None
    assert leaf.grad.isfinite().all()
    assert (leaf.grad != 0).any()
    if name in ("StraightThroughBernoulli", "DecoupledStraightThroughGumbelSoftmax"):
        return
    for index in range(6):
        step = torch.zeros(6, dtype=torch.float64)
        step[index] = 1e-6
        shifted = [value(leaf.detach() + sign * step.view(2, 3)) for sign in (1, -1)]
        torch.testing.assert_close(
            (shifted[0] - shifted[1]) / 2e-6, leaf.grad.flatten()[index], rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("name", NAMES)
def test_harden_is_the_limit_of_low_temperature(name: str) -> None:
    law = MAKERS[name](parameter(torch.float64), 1e-4)
    noise = law.draw_noise((200,), generator=seeded())
    soft, hard = law.from_noise(noise), law.harden(noise)
    assert soft.shape == hard.shape
    if name == "StochasticTimesSmooth":
        assert torch.equal((soft > 0).double(), hard)
    elif name == "GaussianGate":
        assert torch.equal((soft > 0.5).double(), hard)
    elif name == "LogisticNormal":
        assert torch.equal(soft.argmax(-1), hard.argmax(-1))
    else:
        # All but the draws within 1e-3 or so of a tie.
        assert ((soft - hard).abs() > 1e-3).double().mean() < 0.01


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tau", [0.01, 1.0, 100.0])
def test_extremes_stay_finite_in_float32(name: str, tau: float) -> None:
    rows = [[200.0, -200.0, 0.0], [1e4, -1e4, 9.9e3], [-60.0, 60.0, -1e-30], [16.0, -17.0, 30.0]]
    if name == "GeneralizedGumbelSoftmax":  # rates are the parameter's exponential
        rows = [[-30.0, 0.0, 8.0], [-12.0, 3.0, 12.0]]
    leaf = torch.tensor(rows).requires_grad_()
    temperature = torch.tensor(tau).requires_grad_()
    law = MAKERS[name](leaf, temperature)
    sample = law.rsample((400,), generator=seeded())
    assert sample.isfinite().all()
    sample.square().sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.isfinite().all()
    assert temperature.grad is None or temperature.grad.isfinite()
    if name not in NO_DENSITY:
        leaf.grad = None
        log_prob = MAKERS[name](leaf, tau).log_prob(sample.detach())
        assert log_prob.isfinite().all()
        log_prob.sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_PROBS])
def test_probabilities_of_zero_and_one_stay_finite(name: str) -> None:
    probs = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]).requires_grad_()
    extra: dict[str, Any] = {
        "CorrelatedRelaxedBernoulli": {"temperature": 0.5, "correlation": torch.eye(3)},
        "GumbelTopK": {"temperature": 0.5, "k": 2},
        "DecoupledStraightThroughGumbelSoftmax": {"temperature_backward": 0.5},
        "StraightThroughBernoulli": {},
        "StochasticTimesSmooth": {},
    }.get(name, {"temperature": 0.5})
    sample = make(name, probs=probs, **extra).rsample((100,))
    sample.sum().backward()
    assert sample.isfinite().all()
    assert probs.grad is not None
    assert probs.grad.isfinite().all()


BAD: list[tuple[str, dict[str, Any], str]] = [
    *(
        (name, {"probs": 0.5, "temperature": t}, "temperature")
        for name in ("RelaxedBernoulli", "HardConcrete")
        for t in (0.0, -1.0, torch.tensor([1.0, float("nan")]))
    ),
    (
        "RelaxedBernoulli",
        {"temperature": 1.0, "probs": torch.tensor([0.2, 1.5])},
        "probs must .* got 1.5",
    ),
    ("RelaxedBernoulli", {"temperature": 1.0, "logits": float("nan")}, "logits"),
    ("RelaxedBernoulli", {"temperature": 1.0}, "either probs or logits"),
    (
        "RelaxedBernoulli",
        {"temperature": torch.ones(3), "logits": torch.zeros(2)},
        "do not broadcast",
    ),
    ("HardConcrete", {"temperature": 1.0, "probs": 0.5, "gamma": 0.1}, "gamma"),
    ("HardConcrete", {"temperature": 1.0, "probs": 0.5, "zeta": 1.0}, "zeta"),
    (
        "StraightThroughBernoulli",
        {"probs": 0.5, "backward": "tanh"},
        "backward must be one of sigmoid, copy",
    ),
    ("StochasticTimesSmooth", {"probs": 0.5, "logits": 0.0}, "either probs or logits"),
    *(
        (
            "CorrelatedRelaxedBernoulli",
            {"temperature": 1.0, "logits": torch.zeros(2), **matrix},
            says,
        )
        for matrix, says in [
            (
                {"correlation": torch.tensor([[1.0, 0.5], [0.4, 1.0]])},
                "correlation must be symmetric",
            ),
            (
                {"correlation": torch.tensor([[2.0, 0.5], [0.5, 1.0]])},
                "correlation must have a unit",
            ),
            ({"correlation": torch.tensor([[1.0, 1.5], [1.5, 1.0]])}, "eigenvalue is -0.5"),
            ({"correlation": torch.eye(3)}, r"correlation must be \[..., 2, 2\]"),
            ({"correlation": torch.ones(2)}, "correlation must be a square"),
            ({"cholesky": 2 * torch.eye(2)}, "cholesky must satisfy"),
            ({}, "either correlation or cholesky"),
        ]
    ),
    (
        "InvertibleGaussian",
        {"temperature": 1.0, "loc": torch.zeros(2), "scale": -torch.ones(2)},
        "scale",
    ),
    (
        "InvertibleGaussian",
        {"temperature": 1.0, "loc": torch.zeros(2), "scale": torch.ones(2), "map": "x"},
        "map",
    ),
    (
        "InvertibleGaussian",
        {"temperature": 1.0, "loc": torch.zeros(2), "scale": torch.ones(2), "delta": 0},
        "delta",
    ),
    (
        "GumbelTopK",
        {"temperature": 1.0, "k": 4, "logits": torch.zeros(3)},
        "k must be from 1 to n = 3",
    ),
    ("GumbelTopK", {"temperature": 0.0, "k": 1, "logits": torch.zeros(3)}, "temperature"),
    (
        "LogisticNormal",
        {"loc": torch.zeros(3), "covariance_matrix": torch.zeros(3, 3)},
        "positive definite",
    ),
    (
        "LogisticNormal",
        {"loc": torch.zeros(3), "covariance_matrix": torch.eye(2)},
        "covariance_matrix must be",
    ),
    (
        "GeneralizedGumbelSoftmax",
        {"temperature": 1.0, "base": Poisson(1.0), "n": 1},
        "n must be >= 2",
    ),
    (
        "GeneralizedGumbelSoftmax",
        {"temperature": 1.0, "base": torch.distributions.Normal(0.0, 1.0)},
        "base",
    ),
    (
        "GeneralizedGumbelSoftmax",
        {"temperature": 1.0, "base": Geometric(torch.tensor(1e-6))},
        "give n",
    ),
    (
        "DecoupledStraightThroughGumbelSoftmax",
        {"temperature_backward": -1.0, "logits": torch.zeros(3)},
        "temperature_backward",
    ),
    (
        "DecoupledStraightThroughGumbelSoftmax",
        {"temperature_backward": 1.0, "logits": 0.0},
        "logits needs rank >= 1",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "says"), BAD)
def test_bad_arguments_are_refused_by_name(name: str, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=f"{name}: .*{says}"):
        make(name, **arguments)


def test_validation_can_be_turned_off() -> None:
    make("RelaxedBernoulli", temperature=-1.0, probs=0.5, validate_args=False)
    with pytest.raises(ValueError, match="value"):
        make("RelaxedBernoulli", temperature=1.0, probs=0.5).log_prob(torch.tensor(1.5))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_DENSITY])
def test_torch_makes_batch_axes_event_axes(name: str) -> None:
    law = MAKERS[name](parameter(), 0.5)
    joint = Independent(law, 1)
    value = joint.rsample((4,))
    assert joint.event_shape == law.batch_shape[-1:] + law.event_shape
    torch.testing.assert_close(joint.log_prob(value), law.log_prob(value).sum(-1))


@pytest.mark.parametrize("name", NO_DENSITY)
def test_what_has_no_density_says_so(name: str) -> None:
    law = MAKERS[name](parameter(), 0.5)
    with pytest.raises((NotImplementedError, InputError), match="no density"):
        law.log_prob(law.sample())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_known_in_closed_form_says_so(name: str) -> None:
    law = MAKERS[name](parameter(), 0.5)
    for ask in (lambda: law.mean, lambda: law.variance, law.discrete):
        try:
            ask()
        except NotImplementedError as error:
            assert str(error).startswith(f"{name}: ")  # noqa: PT017
