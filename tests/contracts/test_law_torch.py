"""What torch's own tests, and Pyro, ask of a distribution, of every relaxation."""

import copy
import io
import math
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    TransformedDistribution,
    constraints,
    transforms,
)

from reinrelax import distributions
from reinrelax.distributions.base import Relaxation
from reinrelax.distributions.hard import HardRelaxation
from reinrelax.errors import InputError
from tests.contracts.test_distributions import MAKERS, NAMES, NO_DENSITY
from tests.contracts.test_law_inputs import WITH_DENSITY, build, parameter, seeded
from tests.helpers.integrals import on_interval, on_simplex, on_square, z_score

# Where a value has a density alone, on (0, 1) or a simplex.
SMOOTH = [
    name for name in WITH_DENSITY if not issubclass(getattr(distributions, name), HardRelaxation)
]
INTERVAL = [name for name in SMOOTH if not build(name, parameter()).event_shape]


def known(law: Distribution, ask: str, *value: Tensor) -> Tensor | None:
    """A number that a law states, if it does."""
    try:
        found = getattr(law, ask)
        out: Tensor = found(*value) if callable(found) else found
    except NotImplementedError:
        return None
    return out


STATED = {
    ask: [n for n in NAMES if known(build(n, parameter()), ask) is not None]
    for ask in ("mean", "variance", "stddev", "entropy")
}
WITH_CDF = [
    name for name in NAMES if known(build(name, parameter()), "cdf", torch.tensor(0.5)) is not None
]


def test_of_most_laws_something_is_stated() -> None:
    assert STATED["stddev"] == STATED["variance"]
    assert len(STATED["mean"]) >= 7
    assert len(STATED["entropy"]) >= 5
    assert len(WITH_CDF) >= 4


@pytest.mark.parametrize("name", STATED["mean"])
def test_moments_are_those_of_samples(name: str) -> None:
    """Within 4.5 standard errors of 100,000 draws."""
    law = build(name, parameter(torch.float64))
    z = law.sample((100_000,), generator=seeded(4))
    mean = law.mean
    assert mean.shape == law.batch_shape + law.event_shape
    assert z_score(z, mean) < 4.5
    if name in STATED["variance"]:
        assert z_score((z - mean).square(), law.variance) < 4.5
    leaf = parameter(torch.float64).requires_grad_()
    weights = torch.linspace(-1, 2, mean.numel()).view(mean.shape)
    (slope,) = torch.autograd.grad((build(name, leaf).mean * weights).sum(), leaf)
    assert slope.isfinite().all()
    assert (slope != 0).any()


@pytest.mark.parametrize("name", STATED["entropy"])
def test_an_entropy_is_the_mean_of_minus_log_prob(name: str) -> None:
    """Within 4.5 standard errors of 100,000 draws; of float32 it is that of float64."""
    law = build(name, parameter(torch.float64))
    entropy = law.entropy()
    assert entropy.shape == law.batch_shape
    assert z_score(-law.log_prob(law.sample((100_000,), generator=seeded(5))), entropy) < 4.5
    torch.testing.assert_close(
        build(name, parameter()).entropy().double(), entropy, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("name", INTERVAL)
@pytest.mark.parametrize("tau", [0.3, 1.5])
def test_densities_on_the_interval_integrate_to_one(name: str, tau: float) -> None:
    law = MAKERS[name](torch.tensor([[0.7]], dtype=torch.float64), tau)
    ends = [law.log_prob(torch.tensor([[end]], dtype=torch.float64)).exp() for end in (0.0, 1.0)]
    atoms = sum(ends) if name in ("HardConcrete", "GaussianGate") else torch.zeros(1)
    mass = on_interval(lambda z: law.log_prob(z[:, None, None])[:, 0, 0], torch.ones_like)
    torch.testing.assert_close((mass + atoms).item(), 1.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in INTERVAL])
def test_densities_of_vectors_integrate_to_one(name: str) -> None:
    rows = torch.tensor([0.7, -0.4, 0.2], dtype=torch.float64)
    law = build(name, parameter())
    entries = 3 if law.support is constraints.simplex else 2
    # Of three numbers some laws have one entry more.
    law = MAKERS[name](rows[: entries + 3 - law.event_shape[0]], 1.5)
    integral = on_simplex if entries == 3 else on_square
    mass = integral(law.log_prob, lambda z: torch.ones_like(z[:, 0]))
    torch.testing.assert_close(mass.item(), 1.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", WITH_CDF)
def test_a_cdf_is_that_of_its_density_and_quantiles_go_back(name: str) -> None:
    law = build(name, parameter(torch.float64))
    z = torch.linspace(0.02, 0.98, 25, dtype=torch.float64).view(-1, 1, 1).expand(25, 4, 3)
    leaf = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(law.cdf(leaf).sum(), leaf)
    torch.testing.assert_close(slope, law.log_prob(z).exp())
    torch.testing.assert_close(law.icdf(law.cdf(z)), z)
    drawn = law.sample((20_000,), generator=seeded(6))
    assert z_score((drawn <= 0.4).double(), law.cdf(torch.tensor(0.4, dtype=torch.float64))) < 4.5


@pytest.mark.parametrize("name", SMOOTH)
def test_densities_have_first_and_second_derivatives(name: str) -> None:
    """In the value's smooth coordinate, for which its sum is no constraint, and the parameter."""
    leaf = parameter(torch.float64)[:1].clone().requires_grad_()
    noise = build(name, leaf.detach()).draw_noise(generator=seeded())
    value = build(name, leaf.detach()).from_noise(noise).clamp(0.05, 0.95)
    value = value / value.sum(-1, keepdim=True) if needs_sum(name) else value

    def log_prob(a: Tensor) -> Tensor:
        return build(name, a).log_prob(value)

    assert torch.autograd.gradcheck(log_prob, leaf)
    assert torch.autograd.gradgradcheck(log_prob, leaf)


def needs_sum(name: str) -> bool:
    return build(name, parameter()).support is constraints.simplex


@pytest.mark.parametrize("name", NAMES)
def test_laws_are_shown_saved_and_copied(name: str) -> None:
    law = build(name, parameter())
    assert repr(law).startswith(f"{name}(")
    file = io.BytesIO()
    torch.save(law, file)
    file.seek(0)
    expected = law.sample((3,), generator=seeded())
    for same in (
        pickle.loads(pickle.dumps(law)),
        copy.deepcopy(law),
        torch.load(file, weights_only=False),
        law.expand(law.batch_shape),
    ):
        assert type(same) is type(law)
        assert torch.equal(same.sample((3,), generator=seeded()), expected)


@pytest.mark.parametrize("name", NAMES)
def test_sample_shapes_are_sizes_lists_and_tuples(name: str) -> None:
    law = build(name, parameter())
    shape = (*law.batch_shape, *law.event_shape)
    for given in ((), [], torch.Size(), (2,), [2, 1], torch.Size((3, 1))):
        assert law.rsample(given).shape == law.sample(given).shape == (*given, *shape)
    for bad in ((*law.batch_shape[:-1], 7), (2,)):
        with pytest.raises(RuntimeError):
            law.expand(bad)


@pytest.mark.parametrize("name", NAMES)
def test_a_subclass_expands_as_itself(name: str) -> None:
    kind = type(build(name, parameter()))
    own = type("Own", (kind,), {})
    law = build(name, parameter())
    law.__class__ = own
    assert type(law.expand((2, *law.batch_shape))) is own


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_what_is_no_value_is_refused(name: str) -> None:
    """NaN, and another length of vectors; neither where validation is off, or by torch's
    default.
    """
    law = build(name, parameter())
    value = law.sample()
    spoilt = value.clone()
    spoilt.view(-1)[0] = math.nan
    with pytest.raises(ValueError, match="within the support"):
        law.log_prob(spoilt)
    if law.event_shape:
        with pytest.raises((ValueError, RuntimeError)):
            law.log_prob(value[..., :-1])
    default = Distribution._validate_args
    try:
        Distribution.set_default_validate_args(False)
        build(name, parameter()).log_prob(spoilt)
    finally:
        Distribution.set_default_validate_args(default)


@pytest.mark.parametrize("name", SMOOTH)
def test_laws_are_parts_of_other_laws(name: str) -> None:
    law = build(name, parameter(torch.float64))
    joint = law if law.event_shape else Independent(law, 1)
    moved = TransformedDistribution(
        joint, [transforms.AffineTransform(1.0, 2.0, len(joint.event_shape))]
    )
    value = joint.sample()
    count = math.prod(joint.event_shape)
    torch.testing.assert_close(
        moved.log_prob(1 + 2 * value), joint.log_prob(value) - count * math.log(2)
    )
    mixture = MixtureSameFamily(Categorical(torch.ones(4, dtype=torch.float64)), joint)
    one = value[0]
    torch.testing.assert_close(
        mixture.log_prob(one), joint.log_prob(one).logsumexp(0) - math.log(4)
    )
    assert mixture.sample((5,)).shape == (5, *joint.event_shape)


@pytest.mark.filterwarnings(
    "ignore:There is a performance drop"
)  # torch's own, where it has no rule
@pytest.mark.parametrize("name", NAMES)
def test_samples_of_given_noise_are_mapped(name: str) -> None:
    """`torch.vmap` over noise and over values."""
    law = build(name, parameter())
    noise = law.draw_noise((6,), generator=seeded())
    torch.testing.assert_close(torch.vmap(law.from_noise)(noise), law.from_noise(noise))
    if name not in NO_DENSITY:
        value = law.sample((6,), generator=seeded())
        torch.testing.assert_close(torch.vmap(law.log_prob)(value), law.log_prob(value))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", NAMES)
def test_a_law_is_made_and_drawn_under_a_map(name: str) -> None:
    """Each element with noise of its own, and with the gradient of the same map of its noise."""
    rows = parameter().detach().expand(5, 4, 3)

    def draw(row: Tensor) -> Tensor:
        return build(name, row).rsample((4,))

    def pushed(row: Tensor, noise: Tensor) -> Tensor:
        return build(name, row).from_noise(noise).square().sum()

    z = torch.vmap(draw, randomness="different")(rows)
    assert z.shape == (5, *draw(rows[0]).shape)
    assert all(not torch.equal(z[0], other) for other in z[1:])
    law = build(name, rows[0])
    noise = law.draw_noise((5,), generator=seeded())
    slopes = torch.vmap(torch.func.grad(pushed))(rows, noise)
    for row, one, slope in zip(rows, noise, slopes, strict=True):
        leaf = row.clone().requires_grad_()
        (expected,) = torch.autograd.grad(pushed(leaf, one), leaf)
        torch.testing.assert_close(slope, expected)
    with pytest.raises(InputError, match="a generator cannot be traced; leave it out"):
        torch.vmap(lambda row: build(name, row).rsample(generator=seeded()), randomness="same")(
            rows
        )


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_law_is_made_and_drawn_in_one_compiled_graph(name: str) -> None:
    """Anew at each call, of the distribution's law: means of two samples of 4,000 agree."""
    default = Distribution._validate_args
    row = parameter().detach()

    def draw(row: Tensor) -> Tensor:
        return build(name, row).rsample((4000,))

    try:
        torch._dynamo.reset()
        compiled = torch.compile(draw, fullgraph=True, backend="eager")
        torch.manual_seed(0)
        z, other, plain = compiled(row), compiled(row), draw(row)
        assert not torch.equal(z, other)
        error = ((z.var(0) + plain.var(0)) / 4000).sqrt()
        assert ((z.mean(0) - plain.mean(0)).abs() <= 4.5 * error).all()
    finally:
        Distribution.set_default_validate_args(default)


@pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)
# The values of stochastic times smooth are those of its parameter, and no prior's.
@pytest.mark.parametrize("name", [name for name in WITH_DENSITY if name != "StochasticTimesSmooth"])
def test_two_lines_make_it_a_pyro_law(name: str) -> None:
    """In a model and a guide, with plates, trained by SVI for a few steps."""
    import pyro
    from pyro.distributions.torch_distribution import TorchDistributionMixin
    from pyro.infer import SVI, Trace_ELBO
    from pyro.optim import Adam

    kind = type(build(name, parameter()))
    own: Any = type(name, (kind, TorchDistributionMixin), {})

    def law(a: Tensor) -> Any:
        made = build(name, a)
        made.__class__ = own
        return made

    def model() -> None:
        prior = law(torch.zeros(4, 3))
        with pyro.plate("rows", 4):
            z = pyro.sample("z", prior.to_event(len(prior.batch_shape) - 1))
            pyro.factor("likelihood", -z.square().flatten(1).sum(-1))

    def guide() -> None:
        a = pyro.param("a", torch.zeros(4, 3))
        posterior = law(a)
        with pyro.plate("rows", 4):
            pyro.sample("z", posterior.to_event(len(posterior.batch_shape) - 1))

    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    inference = SVI(model, guide, Adam({"lr": 0.05}), Trace_ELBO())
    losses = [inference.step() for _ in range(3)]
    assert all(map(math.isfinite, losses))
    assert (pyro.param("a") != 0).any()


def test_a_relaxation_is_a_distribution() -> None:
    assert all(issubclass(getattr(distributions, name), Relaxation) for name in NAMES)
