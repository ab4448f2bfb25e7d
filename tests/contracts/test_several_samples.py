"""RLOO, VIMCO, NVIL, moving averages, ARSM and DisARM against enumeration, and against each
other.
"""

import doctest
import itertools
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators import MovingAverage, arsm, disarm, exact, nvil, reinforce, rloo, vimco
from reinrelax.estimators.base import Estimate
from tests.contracts.test_estimators import loss

ROWS = 40_000
THETA = torch.tensor([[0.6, -0.4, 0.1], [-1.0, 0.3, 0.5]], dtype=torch.float64)
Call = Callable[[Tensor], Estimate]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def gradients(call: Call, theta: Tensor = THETA) -> Tensor:
    """Of as many independent rows: `[rows, L, C]`."""
    leaf = theta.expand(ROWS, *theta.shape).clone().requires_grad_()
    call(leaf).surrogate.sum().backward()
    assert leaf.grad is not None
    return leaf.grad


def errors(found: Tensor, truth: Tensor) -> Tensor:
    """In standard errors, the worst coordinate."""
    return ((found.mean(0) - truth) / (found.std(0) / len(found) ** 0.5)).abs().max()


CALLS: dict[str, Call] = {
    "RLOO of 2": lambda x: rloo(x, loss, generator=seeded()),
    "RLOO of 5": lambda x: rloo(x, loss, samples=5, generator=seeded()),
    "NVIL": lambda x: nvil(
        x, loss, torch.linspace(-3, 3, len(x), dtype=x.dtype), generator=seeded()
    ),
    "moving average": lambda x: started()(x, loss, generator=seeded()),
    "ARSM": lambda x: arsm(x, loss, generator=seeded()),
    "DisARM": lambda x: disarm(x, loss, generator=seeded()),
}


def started() -> MovingAverage:
    average = MovingAverage()
    average(torch.zeros(50, 2, 3), loss)
    assert average.weight > 0
    return average


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("categories", [2, 3])
def test_the_mean_is_the_exact_gradient(name: str, categories: int) -> None:
    """|z| < 5 over 40,000 rows, six coordinates: false alarm rate 4e-6 a case."""
    theta = THETA[:, :categories]
    truth = exact.gradient(theta, loss)
    assert errors(gradients(CALLS[name], theta), truth) < 5


@pytest.mark.parametrize("samples", [2, 3])
def test_vimco_has_the_gradient_of_the_bound_of_several_samples(samples: int) -> None:
    """By enumeration of all that M samples may be; log w depends on θ as well as on D."""
    theta = THETA[:1]

    def log_weight(z: Tensor, x: Tensor) -> Tensor:
        """log p − log q of codes `[M, ..., L, C]` at logits `[..., L, C]`."""
        log_q = (z * x.log_softmax(-1)).sum((-2, -1))
        return (z * torch.tensor([0.5, -1.0, 2.0], dtype=x.dtype)).sum((-2, -1)) - log_q

    leaf = theta.clone().requires_grad_()
    log_probs = leaf.log_softmax(-1)[0]
    total = torch.zeros((), dtype=torch.float64)
    for picks in itertools.product(range(3), repeat=samples):
        z = torch.eye(3, dtype=torch.float64)[list(picks)][:, None]
        bound = log_weight(z, leaf).logsumexp(0) - math.log(samples)
        total = total + log_probs[list(picks)].sum().exp() * bound
    (truth,) = torch.autograd.grad(total, leaf)
    found = gradients(
        lambda x: vimco(x, lambda z: log_weight(z, x), samples=samples, generator=seeded()), theta
    )
    assert errors(found, truth) < 5
    # The bound itself, and less variance than its plain score-function estimate.
    estimate = vimco(theta.expand(ROWS, 1, 3), lambda z: log_weight(z, theta), samples=samples)
    assert errors(estimate.loss, total.detach()) < 5


def test_baselines_make_the_variance_smaller() -> None:
    spread = {name: gradients(call).var(0).sum() for name, call in CALLS.items()}
    plain = (
        gradients(lambda x: reinforce(x, lambda z: loss(z) + 5, generator=seeded())).var(0).sum()
    )
    fitting = float(exact.expectation(THETA, loss)) + 5
    near = (
        gradients(lambda x: nvil(x, lambda z: loss(z) + 5, fitting, generator=seeded()))
        .var(0)
        .sum()
    )
    assert near < plain / 3
    assert spread["RLOO of 5"] < spread["RLOO of 2"]
    # One pair against two samples, which cost the same.
    assert spread["DisARM"] < spread["RLOO of 2"] * 1.1


def test_f_is_called_once_at_all_samples() -> None:
    seen = []

    def f(z: Tensor) -> Tensor:
        seen.append(z.shape)
        return loss(z)

    for call in (rloo, vimco):
        estimate = call(THETA.expand(4, 2, 3), f, samples=6)
        assert estimate.one_hot.shape == (6, 4, 2, 3)
        assert estimate.loss.shape == estimate.surrogate.shape == (4,)
    assert seen == [torch.Size((6, 4, 2, 3))] * 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_samples_have_the_dtype_of_the_logits_and_the_frequencies_of_the_softmax(
    dtype: torch.dtype,
) -> None:
    """Chi-square on 20,000 draws, false alarm rate 1e-4 a case."""
    theta = torch.tensor([0.25, -1.25, 1.0, -torch.inf], dtype=dtype)
    for call in (rloo, vimco):
        one_hot = call(
            theta, lambda z: z[..., 0].float(), samples=20_000, generator=seeded()
        ).one_hot
        assert one_hot.dtype == dtype
        found, expected = one_hot.float().sum(0), theta.float().softmax(-1) * 20_000
        assert found[3] == 0
        assert ((found - expected)[:3].square() / expected[:3]).sum() < 18.4


def test_a_baseline_is_learned_and_an_average_is_kept() -> None:
    baseline = torch.zeros(50, requires_grad=True)
    estimate = nvil(torch.zeros(50, 2, 3), loss, baseline, generator=seeded())
    assert estimate.variance_loss is not None
    (slope,) = torch.autograd.grad(estimate.variance_loss.sum(), baseline)
    torch.testing.assert_close(slope, -2 * estimate.loss)
    assert nvil(torch.zeros(50, 2, 3), loss, 0.5).variance_loss is None
    average, logits = MovingAverage(0.5), torch.zeros(9, 2, 3)
    losses = [average(logits, loss).loss.double().mean() for _ in range(3)]
    expected = (losses[0] / 8 + losses[1] / 4 + losses[2] / 2) / (7 / 8)
    torch.testing.assert_close(average.baseline, expected)
    again = MovingAverage(0.5)
    again.load_state_dict(average.state_dict())
    assert torch.equal(again.baseline, average.baseline)
    again.eval()(logits, loss)
    assert torch.equal(again.baseline, average.baseline)


def test_with_two_categories_arsm_is_arm() -> None:
    """(f(1{u > σ(−φ)}) − f(1{u < σ(φ)})) (u − ½) at the log-odds φ, for the noise's u."""
    theta = torch.tensor([[[0.4, 0.0]]]).expand(300, 1, 2).clone().requires_grad_()
    weights = torch.tensor([2.0, -1.0])
    estimate = arsm(theta, lambda z: (z[:, 0] * weights).sum(-1), generator=seeded())
    estimate.surrogate.sum().backward()
    noise = Streams([seeded()]).exponential_(torch.empty(1, 300, 1, 2))[0]
    u = (noise[..., 0] / noise.sum(-1))[:, 0]
    # The first category is drawn where u is below σ(φ), and by the opposite noise where 1 − u is.
    first = (u < torch.sigmoid(torch.tensor(0.4))).float() * 3 - 1
    swapped = (1 - u < torch.sigmoid(torch.tensor(0.4))).float() * 3 - 1
    assert theta.grad is not None
    torch.testing.assert_close(theta.grad[:, 0, 0], (swapped - first) * (u - 0.5))
    torch.testing.assert_close(theta.grad[:, 0, 1], -theta.grad[:, 0, 0])


@pytest.mark.parametrize("module", ["several", "baselines", "functional"])
def test_examples_in_docstrings_run(module: str) -> None:
    result = doctest.testmod(import_module(f"reinrelax.estimators.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda x: rloo(x, loss, samples=1),
            r"RLOO: samples \(samples of D\) must be an integer >= 2; got 1",
        ),
        (
            lambda x: rloo(x, lambda z: loss(z)[0]),
            r"RLOO: f must return one loss for each sample, \[2, 4, 2\]",
        ),
        (lambda x: vimco(x, lambda z: 1.0), "VIMCO: f must return a real tensor; got float"),
        (lambda x: vimco(x * math.nan, loss), r"VIMCO: logits hold NaN or \+inf"),
        (
            lambda x: nvil(x, loss, torch.zeros(3)),
            r"baseline must broadcast to the loss, \[4\]; got \[3\]",
        ),
        (lambda x: nvil(x, lambda z: z, 0.0), "NVIL: f must return one loss"),
        (lambda x: MovingAverage(1.0), r"decay must be in \[0, 1\); got 1.0"),
    ],
)
def test_what_they_refuse(call: Callable[[Tensor], Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        call(torch.zeros(4, 2, 3))
