"""Hyper-parameters of every estimator: their gradients, their kinds, and calls without checks."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.utils._python_dispatch import TorchDispatchMode

from reinrelax import estimators
from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators import CATALOGUE
from reinrelax.estimators.base import draw
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from tests.contracts.test_estimator_inputs import DTYPES, SCORE, exact_or_close, logits, loss, run
from tests.contracts.test_estimators import NAMES, hyper_of

CONTINUOUS = [
    (name, key)
    for name, key in itertools.product(NAMES, HYPERPARAMETERS)
    if key in CATALOGUE[name].hyperparameters and not HYPERPARAMETERS[key].integer
]


@pytest.mark.parametrize(("name", "key"), CONTINUOUS)
@pytest.mark.parametrize("validate", [True, False])
def test_a_hyperparameter_that_wants_a_gradient_has_one_or_is_refused(
    name: str, key: str, validate: bool
) -> None:
    learned = torch.tensor(0.8, requires_grad=True)
    estimator: Any = estimators.get(name)
    asked = hyper_of(name) | {"validate_args": validate}
    for value in (learned, learned.exp()):
        if name in SCORE:
            estimate = estimator(logits(), loss, **asked | {key: value})
            (slope,) = torch.autograd.grad(estimate.variance_loss.sum(), learned)
        elif estimator.relaxed is not None:
            sample = estimator(logits().requires_grad_(), **asked | {key: value})
            (slope,) = torch.autograd.grad(loss(sample).sum(), learned)
        else:
            with pytest.raises(
                InputError, match=rf"{name}: {key} requires a gradient.*{key}.detach\(\)"
            ):
                run(name, logits(), **{key: value})
            continue
        assert slope != 0
    with torch.no_grad():
        estimator(logits(), *((loss,) if name in SCORE else ()), **asked | {key: learned})


def relaxed_stgs(theta: Tensor, gumbel: Tensor, tau: Tensor) -> Tensor:
    return ((theta.log_softmax(-1) + gumbel) / tau).softmax(-1)


@pytest.mark.parametrize("shape", [(), (6, 1, 1)])
def test_the_temperature_of_straight_through_gumbel_softmax(shape: tuple[int, ...]) -> None:
    """Gradients of temperature and logits are those of the relaxed sample, and the sample is as it
    was.
    """
    theta = logits(torch.float64).requires_grad_()
    tau = torch.full(shape, 0.8, dtype=torch.float64, requires_grad=True)
    stgs: Any = estimators.get("STGS")
    sample = stgs(theta, tau=tau, generator=torch.Generator().manual_seed(3))
    found = torch.autograd.grad(loss(sample).sum(), (theta, tau))
    drawn = draw(theta.detach()[None], Streams([torch.Generator().manual_seed(3)]))
    relaxed = relaxed_stgs(theta, drawn.gumbel[0], tau)
    for one, other in zip(
        found, torch.autograd.grad(loss(relaxed).sum(), (theta, tau)), strict=True
    ):
        torch.testing.assert_close(one, other)
    one_hot, grad = run("STGS", theta, tau=0.8)
    assert torch.equal(sample, one_hot)
    torch.testing.assert_close(found[0], grad)
    masked = torch.tensor([0.0, 1.0, -torch.inf]).requires_grad_()
    warm = torch.tensor(0.8, requires_grad=True)
    (stgs(masked, tau=warm) * torch.tensor([1.0, 2.0, 4.0])).sum().backward()
    assert masked.grad is not None
    assert masked.grad.isfinite().all()
    assert warm.grad is not None
    assert warm.grad.isfinite()


# --- values are not looked at


class Awaited(TorchDispatchMode):
    """Counts numbers that the host takes out of a tensor: on a device, it waits for each."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func in (
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.equal.default,
        )
        return func(*args, **(kwargs or {}))


def awaited(name: str, validate: bool | None) -> int:
    # In float64, as the kernel in C takes a number from its stream.
    hyper = {k: torch.full((6, 1, 1), 0.75) for pair, k in CONTINUOUS if pair == name}
    with Awaited() as seen:
        run(name, logits(torch.float64), f=same_loss, validate_args=validate, **hyper)
    return seen.count


def same_loss(z: Tensor) -> Tensor:
    return z.square().sum((-2, -1)) + z[..., 0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_without_checks_nothing_waits_for_a_device(name: str) -> None:
    assert awaited(name, False) == 0
    assert awaited(name, True) > 0
    assert awaited(name, None) > 0
    Distribution.set_default_validate_args(False)
    try:
        assert awaited(name, None) == 0
    finally:
        Distribution.set_default_validate_args(True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_without_checks_the_same_is_drawn(name: str, dtype: torch.dtype) -> None:
    for one, other in zip(
        run(name, logits(dtype), validate_args=False), run(name, logits(dtype)), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("name", "key"), CONTINUOUS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_hyperparameter_changed_before_the_backward_pass(
    name: str, key: str, dtype: torch.dtype
) -> None:
    """Is an error there, or has no effect."""
    value = torch.full((6, 1, 1), 0.75, dtype=dtype)
    _, expected = run(name, logits(), **{key: value.clone()})

    try:
        _, grad = run(name, logits(), between=lambda: value.mul_(2), **{key: value})
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)  # noqa: PT017
    else:
        assert torch.equal(grad, expected)
    assert (value == 1.5).all()


@pytest.mark.parametrize(("name", "key"), CONTINUOUS)
def test_hyperparameters_of_other_kinds_are_the_same_number(name: str, key: str) -> None:
    """NumPy's numbers, and tensors of another dtype; the gradient keeps the logits' dtype."""
    for dtype in DTYPES:
        _, expected = run(name, logits(dtype), **{key: 0.75})
        for value in (
            np.float32(0.75),
            np.float64(0.75),
            *(
                torch.full(shape, 0.75, dtype=other)
                for other in DTYPES
                for shape in ((), (6, 1, 1))
            ),
        ):
            _, grad = run(name, logits(dtype), **{key: value})
            assert grad.dtype == dtype
            exact_or_close(grad, expected, name, rtol=1e-5)


@pytest.mark.parametrize("name", [n for n in NAMES if "draws" in CATALOGUE[n].hyperparameters])
def test_counts_may_be_numpys(name: str) -> None:
    assert torch.equal(run(name, logits(), draws=np.int64(5))[1], run(name, logits(), draws=5)[1])
