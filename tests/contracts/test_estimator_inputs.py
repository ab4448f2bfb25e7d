"""Every estimator, whatever the dtype, layout and device of its logits and the defaults of the
process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reinrelax import estimators
from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators import exact
from reinrelax.estimators.base import Pathwise
from reinrelax.estimators.relax import relax_with
from tests.contracts.test_estimators import NAMES, PATHWISE, hyper_of

DTYPES = [torch.bfloat16, torch.float16, torch.float32, torch.float64]
HALVES = DTYPES[:2]
SCORE = [name for name in NAMES if name not in PATHWISE]
# f is called at relaxed samples, which are rounded to the dtype of the logits.
RELAXING = ("REBAR", "RELAX")


def loss(z: Tensor) -> Tensor:
    """Of codes `[..., L, C]`: `[...]`; linear, with weights that 16 bits hold exactly."""
    weights = torch.tensor(
        [[0.5, -1.0, 2.0, 0.25], [1.0, 3.0, -0.5, -2.0]], dtype=z.dtype, device="cpu"
    )
    return (z * weights.to(z.device)).sum((-2, -1))


def run(
    name: str,
    logits: Tensor,
    f: Callable[[Tensor], Tensor] = loss,
    between: Callable[[], object] = lambda: None,
    **hyper: Any,
) -> tuple[Tensor, ...]:
    """Sample and gradient at logits `[B, 2, 4]`, of the noise of one seed.

    Args:
        between: what happens between the two passes.
    """
    leaf = logits.detach().requires_grad_()
    generator = None if leaf.is_meta else torch.Generator("cpu").manual_seed(3)
    estimator: Any = estimators.get(name)
    if isinstance(estimator, Pathwise):
        one_hot = estimator(leaf, generator=generator, **hyper_of(name) | hyper)
        surrogate = f(one_hot)
    else:
        estimate = estimator(leaf, f, generator=generator, **hyper_of(name) | hyper)
        one_hot, surrogate = estimate.one_hot, estimate.surrogate
    between()
    surrogate.sum().backward()
    assert leaf.grad is not None
    return one_hot.detach(), leaf.grad


def exact_or_close(one: Tensor, other: Tensor, name: str, rtol: float = 0.0) -> None:
    """Relaxed samples that f is called at are rounded to 16 bits where the logits have no more."""
    if name in RELAXING and one.dtype in HALVES:
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.1)
    elif name in RELAXING or rtol:
        torch.testing.assert_close(one, other)
    else:
        assert torch.equal(one, other)


def logits(dtype: torch.dtype = torch.float32, batch: int = 6) -> Tensor:
    generator = torch.Generator("cpu").manual_seed(batch)
    numbers = torch.randn(batch, 2, 4, generator=generator, dtype=torch.float32, device="cpu")
    return numbers.bfloat16().to(dtype)


@contextmanager
def defaults(dtype: torch.dtype = torch.float32, device: str = "cpu") -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


# --- sixteen bits


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", HALVES)
def test_sixteen_bits_are_worked_on_as_float32(name: str, dtype: torch.dtype) -> None:
    """Same draws; and the same gradient, rounded once."""
    theta = logits(dtype)
    one_hot, grad = run(name, theta)
    wide_hot, wide_grad = run(name, theta.float())
    assert one_hot.dtype == grad.dtype == dtype
    assert torch.equal(one_hot.float(), wide_hot)
    if name in RELAXING:
        torch.testing.assert_close(grad.float(), wide_grad, rtol=0.02, atol=0.05)
    else:
        assert torch.equal(grad, wide_grad.to(dtype))


@pytest.mark.parametrize("name", NAMES)
def test_autocast_changes_nothing(name: str) -> None:
    def whole(dtype: torch.dtype, autocast: bool) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return run(name, logits(dtype), through_y)

    # A product in f is autocast's to round, not the estimator's.
    through_y = loss
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for inside, outside in zip(whole(dtype, True), whole(dtype, False), strict=True):
            assert torch.equal(inside, outside)


def test_the_draws_of_exact_are_summed_in_float32() -> None:
    """Where a running sum in bfloat16 stands still: 4,096 codes of the same probability."""
    theta = torch.zeros(6, 4, dtype=torch.bfloat16)
    assert exact.expectation(theta, lambda z: torch.ones(z.shape[:-2])).item() == pytest.approx(
        1, abs=1e-5
    )
    assert exact.gradient(theta, loss_of_first).dtype == torch.bfloat16
    torch.testing.assert_close(
        exact.gradient(theta, loss_of_first).float(),
        exact.gradient(theta.float(), loss_of_first),
        rtol=8e-3,
        atol=0,
    )


def loss_of_first(z: Tensor) -> Tensor:
    return z[..., 0, 0]


def test_exact_takes_masked_categories() -> None:
    """As if they were not there."""
    theta = logits(torch.float64)[0]
    theta[:, 2] = -torch.inf
    kept = [0, 1, 3]

    def f(z: Tensor) -> Tensor:
        wide = torch.zeros(*z.shape[:-1], 4, dtype=z.dtype)
        wide[..., kept] = z
        return loss(wide).tanh()

    masked = exact.gradient(theta, lambda z: loss(z).tanh())
    torch.testing.assert_close(masked[:, kept], exact.gradient(theta[:, kept], f))
    assert (masked[:, 2] == 0).all()


# --- defaults, layouts, devices


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("default", "device"), [*((dtype, "cpu") for dtype in DTYPES), (torch.float32, "meta")]
)
def test_defaults_of_the_process_change_nothing(
    name: str, default: torch.dtype, device: str
) -> None:
    expected = {dtype: run(name, logits(dtype)) for dtype in DTYPES}
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with defaults(default, device):
            found = {dtype: run(name, logits(dtype)) for dtype in DTYPES}
    finally:
        torch.set_num_threads(threads)
    for dtype, (one_hot, grad) in found.items():
        assert grad.dtype == dtype
        assert torch.equal(one_hot, expected[dtype][0])
        assert torch.equal(grad, expected[dtype][1])


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "permuted": lambda x: x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
    "transposed": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "strided": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "a part": lambda x: torch.cat((x, x), 1)[:, :2],
    "expanded": lambda x: x[:1].expand_as(x),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_draws_and_derives_the_same(name: str, layout: str) -> None:
    for dtype in DTYPES:
        odd = LAYOUTS[layout](logits(dtype))
        assert not odd.is_contiguous()
        for one, other in zip(run(name, odd), run(name, odd.contiguous()), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_cotangent_of_any_layout(name: str) -> None:
    def turned(z: Tensor) -> Tensor:
        return loss(z.permute(2, 0, 1).contiguous().permute(1, 2, 0))

    for dtype in DTYPES:
        for one, other in zip(
            run(name, logits(dtype), turned), run(name, logits(dtype)), strict=True
        ):
            # Sums of relaxed samples may be rounded in another order.
            exact_or_close(one, other, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_batches_and_tensors_without_data(name: str, dtype: torch.dtype) -> None:
    for theta in (logits(dtype)[:0], logits(dtype).to("meta"), logits(dtype)[:0].to("meta")):
        one_hot, grad = run(name, theta)
        assert one_hot.shape == grad.shape == theta.shape
        assert one_hot.dtype == grad.dtype == dtype
        assert one_hot.device == grad.device == theta.device


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_without_gradients_the_same_is_drawn(name: str, mode: Callable[[], Any]) -> None:
    """And no more of the generator is used."""
    estimator: Any = estimators.get(name)
    expected, _ = run(name, logits())
    after = torch.Generator().manual_seed(3)
    arguments = (logits(),) if name in PATHWISE else (logits(), loss)
    estimator(*arguments, generator=after, **hyper_of(name))
    with mode():
        generator = torch.Generator().manual_seed(3)
        found = estimator(
            *((logits(),) if name in PATHWISE else (logits(), loss)),
            generator=generator,
            **hyper_of(name),
        )
    one_hot = found if name in PATHWISE else found.one_hot
    assert torch.equal(one_hot, expected)
    assert torch.equal(generator.get_state(), after.get_state())
    if name in SCORE:
        assert found.loss.shape == (6,)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "spoilt",
    [
        torch.zeros(3, 4).to_sparse(),
        torch.zeros(3, 4, dtype=torch.complex64),
        torch.zeros(3, 4).to(torch.float8_e4m3fn),
    ],
    ids=lambda x: f"{x.dtype}, {x.layout}",
)
def test_logits_of_other_kinds_are_refused(name: str, spoilt: Tensor) -> None:
    estimator: Any = estimators.get(name)
    with pytest.raises(InputError, match="dense floating-point tensor"):
        estimator(spoilt, **({} if name in PATHWISE else {"f": loss}))


# --- what f returns


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (
            lambda z: loss(z).flatten()[:, None, None],
            r"one loss for each sample, .*got \[6, 1, 1\]",
        ),
        (lambda z: z, "one loss for each sample"),
        (lambda z: 1.5, "a real tensor; got float"),
        (lambda z: np.zeros(len(z)), "a real tensor; got ndarray"),
        (lambda z: None, "a real tensor; got NoneType"),
        (lambda z: loss(z) * 1j, "a real tensor; got torch.complex64"),
    ],
)
def test_what_f_returns_is_checked(name: str, returned: Any, says: str) -> None:
    estimator: Any = estimators.get(name)
    with pytest.raises(InputError, match=f"{name}: f must return {says}"):
        if_asked(estimator, returned, name)


def if_asked(estimator: Any, f: Any, name: str) -> None:
    """A pathwise estimator calls no f, unless one replica's surrogate is asked for."""
    if name in SCORE:
        estimator(logits(), f, **hyper_of(name))
    else:
        estimator.surrogate(
            logits()[:, None], lambda z: f(z), Streams([None] * 6), **hyper_of(name)
        )


@pytest.mark.parametrize("name", SCORE)
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_gradients_of_fs_own_parameters_do_not_depend_on_the_axes_it_joins(
    name: str, kept: int
) -> None:
    """A factor of f's: its gradient is the loss over the factor, summed over what is kept."""
    factor = torch.tensor(1.5, requires_grad=True)
    estimator: Any = estimators.get(name)

    def f(z: Tensor) -> Tensor:
        each = (z * torch.tensor([0.5, -1.0, 2.0, 0.25])).sum(-1)  # [B, L]
        return factor * (each if kept == 2 else each.flatten(kept).sum(-1))

    estimate = estimator(logits(), f, generator=torch.Generator().manual_seed(0), **hyper_of(name))
    estimate.surrogate.sum().backward()
    assert estimate.loss.shape == logits().shape[:kept]
    torch.testing.assert_close(factor.grad, estimate.loss.sum() / 1.5)


def test_what_a_control_variate_returns_is_checked() -> None:
    for control, says in (
        (lambda z: 0.0, "control variate must return a real tensor; got float"),
        (lambda z: z.sum((-2, -1))[..., None], "control variate must return one loss"),
        (lambda z: torch.zeros(1, 6), "must be differentiable"),
    ):
        with pytest.raises(InputError, match=says):
            relax_with(control)(logits(), loss)


@pytest.mark.parametrize("bad", [lambda z: loss(z)[..., None], lambda z: 1.0])
def test_exact_checks_what_f_returns(bad: Any) -> None:
    for function in (exact.expectation, exact.gradient, exact.first_order):
        with pytest.raises(InputError, match="exact: f must return"):
            function(logits(), bad)
