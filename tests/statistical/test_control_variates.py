"""REBAR and RELAX against the exact gradient; z-tests allow 5 standard errors, below 1e-5 a
test.
"""

import pytest
import torch
from torch import Tensor

from reinrelax import estimators
from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators import exact
from reinrelax.estimators.base import Estimate, ScoreFunction, draw
from reinrelax.estimators.gumbel import conditional_gumbels, conditional_keys
from reinrelax.estimators.relax import controlled, relax_with
from tests.helpers.integrals import z_score

N = 40_000
torch.manual_seed(0)
CATEGORICAL = torch.randn(2, 3, dtype=torch.float64)
BERNOULLI = torch.tensor([[0.0, -1.3]], dtype=torch.float64)  # log-odds −1.3


def loss(z: Tensor) -> Tensor:
    """Σ (z − t)² with interactions, `[..., L, C]` to `[...]`."""
    target = torch.linspace(-0.2, 0.9, z.shape[-1] * z.shape[-2], dtype=z.dtype)
    flat = z.flatten(-2)
    return ((flat - target) ** 2).sum(-1) * (1 + flat[..., 0]) + 3


def gradients(estimator: ScoreFunction, logits: Tensor, **hyper: float) -> Tensor:
    leaf = logits.expand(1, N, *logits.shape).clone().requires_grad_()
    estimator.surrogate(leaf, loss, Streams.derive([0], "test"), **hyper).surrogate.sum().backward()
    assert leaf.grad is not None
    return leaf.grad[0]


def variance(grads: Tensor) -> float:
    return grads.var(0).sum().item()


def get(name: str) -> ScoreFunction:
    estimator = estimators.get(name)
    assert isinstance(estimator, ScoreFunction)
    return estimator


@pytest.mark.parametrize("logits", [CATEGORICAL, BERNOULLI], ids=["categorical", "Bernoulli"])
@pytest.mark.parametrize("tau", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("eta", [-0.5, 0.5, 1.0, 2.0])
def test_rebar_is_unbiased_at_any_temperature_and_scale(
    logits: Tensor, tau: float, eta: float
) -> None:
    assert (
        z_score(gradients(get("REBAR"), logits, tau=tau, eta=eta), exact.gradient(logits, loss)) < 5
    )


@pytest.mark.parametrize("logits", [CATEGORICAL, BERNOULLI], ids=["categorical", "Bernoulli"])
def test_both_have_a_lower_variance_than_reinforce(logits: Tensor) -> None:
    plain = variance(gradients(get("REINFORCE"), logits))
    assert variance(gradients(get("REBAR"), logits, tau=0.5, eta=1.0)) < plain / 2
    assert variance(gradients(get("RELAX"), logits, tau=0.5)) < plain / 2


def test_relax_without_a_control_of_its_own_is_rebar_at_unit_scale() -> None:
    ours = gradients(get("RELAX"), CATEGORICAL, tau=0.5)
    torch.testing.assert_close(ours, gradients(get("REBAR"), CATEGORICAL, tau=0.5, eta=1.0))


def test_relax_with_any_control_is_unbiased_and_asks_for_f_at_codes_only() -> None:
    torch.manual_seed(1)
    net = torch.nn.Linear(6, 1, dtype=torch.float64)

    def control(z: Tensor) -> Tensor:
        out: Tensor = net(torch.tanh(z.flatten(-2)))[..., 0].square()
        return out

    def checked(z: Tensor) -> Tensor:
        assert ((z == 0) | (z == 1)).all()
        return loss(z)

    relax = relax_with(control, parameters=net.parameters())
    leaf = CATEGORICAL.expand(N, 2, 3).clone().requires_grad_()
    estimate = relax(leaf, checked, generator=torch.Generator().manual_seed(0))
    estimate.surrogate.sum().backward()
    assert leaf.grad is not None
    assert z_score(leaf.grad, exact.gradient(CATEGORICAL, loss)) < 5
    assert net.weight.grad is None
    assert estimate.variance_loss is not None
    assert estimate.variance_loss.shape == estimate.loss.shape
    (slope,) = torch.autograd.grad(estimate.variance_loss.sum(), net.weight)
    assert (slope != 0).all()


def test_estimates_depend_on_normalised_logits_only() -> None:
    for name, hyper in (("REBAR", {"tau": 0.5, "eta": 1.0}), ("RELAX", {"tau": 0.5})):
        here, there = (gradients(get(name), CATEGORICAL + shift, **hyper) for shift in (0.0, 3.0))
        torch.testing.assert_close(here, there)


def test_conditional_keys_must_be_differentiated_and_normalised() -> None:
    """The two errors that are easily made, each with a bias that the unbiasedness test
    would see.
    """
    logits = CATEGORICAL.expand(1, N, 2, 3)
    truth = exact.gradient(CATEGORICAL, loss)
    sample = draw(logits, Streams.derive([0], "test"))
    theta = logits.clone().requires_grad_()

    def estimate(keys: Tensor, conditional: Tensor) -> Tensor:
        at_draw, given_draw = (loss((k / 0.5).softmax(-1)) for k in (keys, conditional))
        (slope,) = torch.autograd.grad((at_draw - given_draw).sum(), theta)
        weight = (loss(sample.one_hot) - given_draw.detach())[..., None, None]
        return (weight * (sample.one_hot - sample.probs) + slope)[0]

    def keys(unnormalised: Tensor, *, differentiated: bool = True) -> Tensor:
        at = unnormalised if differentiated else unnormalised.detach()
        return conditional_keys(at, sample.one_hot, Streams.derive([1], "test"))

    def z(shift: float | None, *, differentiated: bool) -> float:
        at = theta.log_softmax(-1) if shift is None else theta + shift
        return z_score(estimate(at + sample.gumbel, keys(at, differentiated=differentiated)), truth)

    assert z(None, differentiated=True) < 5
    assert z(None, differentiated=False) > 20
    assert z(1.5, differentiated=True) > 20


def test_conditional_keys_are_the_conditional_gumbels() -> None:
    """Same noise, same keys, in float64; and in the mean over D they are the keys' own law."""
    sample = draw(CATEGORICAL.expand(1, N, 2, 3), Streams.derive([0], "test"))
    streams = [Streams.derive([1], "test") for _ in range(2)]
    ours = conditional_keys(sample.log_probs, sample.one_hot, streams[0])
    theirs = conditional_gumbels(sample.probs, sample.one_hot, 1, streams[1])[..., 0]
    torch.testing.assert_close(ours, theirs)
    assert torch.equal(ours.argmax(-1), sample.one_hot.argmax(-1))
    # The mean of a Gumbel at log π is log π + γ.
    assert z_score(ours[0], sample.log_probs[0, 0] + 0.5772156649) < 5


@pytest.mark.parametrize("name", ["eta", "tau"])
def test_variance_loss_is_the_square_of_the_estimate_and_has_its_slope(name: str) -> None:
    def mean_square(value: Tensor) -> tuple[Tensor, Estimate]:
        hyper = {"tau": torch.tensor(0.5).double(), "eta": torch.tensor(0.7).double(), name: value}
        leaf = CATEGORICAL.expand(1, 2000, 2, 3)
        estimate = get("REBAR").surrogate(leaf, loss, Streams.derive([0], "test"), **hyper)
        assert estimate.variance_loss is not None
        return estimate.variance_loss.mean(), estimate

    at = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    value, _ = mean_square(at)
    (slope,) = torch.autograd.grad(value, at)
    near = [mean_square((at.detach() + step).requires_grad_())[0].item() for step in (1e-5, -1e-5)]
    assert slope.item() == pytest.approx((near[0] - near[1]) / 2e-5, rel=1e-5)
    grads = gradients(get("REBAR"), CATEGORICAL, tau=0.5, eta=0.7)
    leaf = CATEGORICAL.expand(1, N, 2, 3)
    eta = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    estimate = get("REBAR").surrogate(leaf, loss, Streams.derive([0], "test"), tau=0.5, eta=eta)
    assert estimate.variance_loss is not None
    torch.testing.assert_close(estimate.variance_loss[0].detach(), grads.square().sum((-2, -1)))


def test_learned_scale_lowers_the_variance() -> None:
    """Gradient descent on single estimates' squares from η = 0 comes near the best of a grid."""
    eta = torch.zeros((), dtype=torch.float64, requires_grad=True)
    for step in range(60):
        leaf = CATEGORICAL.expand(1, 200, 2, 3)
        estimate = get("REBAR").surrogate(
            leaf, loss, Streams.derive([step], "test"), tau=0.5, eta=eta
        )
        assert estimate.variance_loss is not None
        (slope,) = torch.autograd.grad(estimate.variance_loss.mean(), eta)
        eta.data -= 0.02 * slope
    grid = {
        e: variance(gradients(get("REBAR"), CATEGORICAL, tau=0.5, eta=e))
        for e in (0.0, 0.5, 0.8, 1.0, 1.2)
    }
    learned = variance(gradients(get("REBAR"), CATEGORICAL, tau=0.5, eta=eta.item()))
    assert learned < grid[0.0] / 5
    assert learned < 1.1 * min(grid.values())


def test_infinite_temperature_leaves_the_loss_at_the_centre_as_baseline() -> None:
    """And not f(π), which the paper's remark on MuProp would need."""
    logits = CATEGORICAL.expand(1, 100, 2, 3).clone().requires_grad_()
    estimate = get("REBAR").surrogate(logits, loss, Streams.derive([0], "test"), tau=1e9, eta=1.0)
    estimate.surrogate.sum().backward()
    centre = loss(torch.full((2, 3), 1 / 3, dtype=torch.float64))
    score = estimate.one_hot - CATEGORICAL.softmax(-1)
    torch.testing.assert_close(
        logits.grad, (estimate.loss - centre)[..., None, None] * score, atol=1e-6, rtol=0
    )


def test_the_losss_own_parameters_get_their_gradient_at_the_code_alone() -> None:
    weight = torch.ones(3, dtype=torch.float64, requires_grad=True)
    estimate = get("REBAR")(CATEGORICAL, lambda z: (z @ weight).square().sum(-1), tau=0.5)
    estimate.surrogate.sum().backward()
    torch.testing.assert_close(weight.grad, 2 * estimate.one_hot.sum(0))
    assert estimate.variance_loss is None


def test_control_that_is_no_function_of_the_keys_is_refused() -> None:
    with pytest.raises(InputError, match="must be differentiable in z"):
        controlled(CATEGORICAL[None], loss, Streams.derive([0]), lambda z: z.detach().sum((-1, -2)))
    with pytest.raises(InputError, match="must return one loss for each sample"):
        relax_with(lambda z: z.sum(-1))(CATEGORICAL, loss)
