"""What every estimator in the catalogue must satisfy; a new one is tested by its catalogue line
alone.
"""

import inspect
import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from reinrelax import estimators
from reinrelax.core.reading import read
from reinrelax.core.rng import Streams
from reinrelax.errors import ConfigError, InputError
from reinrelax.estimators import CATALOGUE, exact
from reinrelax.estimators.asked import value_of
from reinrelax.estimators.base import Estimator, Pathwise, Sample, ScoreFunction, pathwise
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS, Hyperparameter

NAMES = list(CATALOGUE)
PATHWISE = [name for name in NAMES if isinstance(estimators.get(name), Pathwise)]


def hyper_of(name: str) -> dict[str, Any]:
    """Hyper-parameters at which an estimator is tested: none at a value where it is another
    estimator.
    """
    return {key: HYPERPARAMETERS[key].trials[0] for key in CATALOGUE[name].hyperparameters}


def loss(one_hot: Tensor) -> Tensor:
    """A smooth function of codes `[..., L, C]` with interactions, `[...]`."""
    weights = torch.linspace(-1.0, 1.5, one_hot.shape[-1] * one_hot.shape[-2], dtype=one_hot.dtype)
    linear = (one_hot.flatten(-2) * weights).sum(-1)
    return torch.tanh(linear) + 0.5 * linear**3 + (one_hot[..., 0, :] * one_hot[..., -1, :]).sum(-1)


def estimate(
    estimator: Estimator, logits: Tensor, streams: Streams, **hyper: Any
) -> tuple[Tensor, Tensor]:
    """The sample and the gradient at logits `[R, ..., L, C]`."""
    leaf = logits.clone().requires_grad_()
    result = estimator.surrogate(leaf, loss, streams, **hyper)
    result.surrogate.sum().backward()
    assert leaf.grad is not None
    return result.one_hot, leaf.grad


@pytest.mark.parametrize("name", NAMES)
def test_catalogue_line_agrees_with_the_function(name: str) -> None:
    estimator, entry = estimators.get(name), CATALOGUE[name]
    assert estimator.name == name
    assert estimator.hyperparameters == entry.hyperparameters
    assert set(entry.hyperparameters) <= set(HYPERPARAMETERS)
    assert estimator.equation
    assert entry.variant_of is None or CATALOGUE[entry.variant_of].variant_of is None
    assert estimator.__doc__
    shown = inspect.signature(estimator).parameters
    assert {"logits", *entry.hyperparameters, "generator", "validate_args"} <= set(shown)
    # A module of a function's name would hide the function from `from reinrelax.estimators import
    # …`.
    assert entry.module not in {other.function for other in CATALOGUE.values()}
    assert getattr(estimators, entry.function) is estimator


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sample_is_one_hot_and_gradient_has_the_logits_shape(name: str, dtype: torch.dtype) -> None:
    logits = torch.randn(2, 4, 3, 5, dtype=dtype)
    one_hot, grad = estimate(
        estimators.get(name), logits, Streams.derive([0, 1], "test"), **hyper_of(name)
    )
    assert one_hot.dtype == grad.dtype == dtype
    assert one_hot.shape == grad.shape == logits.shape
    assert ((one_hot == 0) | (one_hot == 1)).all()
    assert (one_hot.sum(-1) == 1).all()
    assert grad.isfinite().all()
    assert (grad != 0).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_replica_alone_equals_the_replica_in_a_batch(name: str) -> None:
    logits = torch.randn(3, 4, 2, 5)
    together = estimate(
        estimators.get(name), logits, Streams.derive([5, 6, 7], "test"), **hyper_of(name)
    )
    alone = estimate(
        estimators.get(name), logits[1:2], Streams.derive([6], "test"), **hyper_of(name)
    )
    for batched, single in zip(together, alone, strict=True):
        torch.testing.assert_close(batched[1:2], single)


@pytest.mark.parametrize("name", NAMES)
def test_hyperparameters_act_per_replica(name: str) -> None:
    continuous = [
        key for key in CATALOGUE[name].hyperparameters if not HYPERPARAMETERS[key].integer
    ]
    logits = torch.randn(1, 4, 2, 5).expand(2, -1, -1, -1)
    values = {key: HYPERPARAMETERS[key].trials for key in continuous}
    counts = {k: v for k, v in hyper_of(name).items() if k not in continuous}
    tensors = {key: torch.tensor(values[key]).view(2, 1, 1, 1) for key in continuous}
    _, both = estimate(
        estimators.get(name), logits, Streams.derive([3, 3], "test"), **tensors, **counts
    )
    for replica in (0, 1):
        own = {key: values[key][replica] for key in continuous}
        _, one = estimate(
            estimators.get(name), logits[:1], Streams.derive([3], "test"), **own, **counts
        )
        torch.testing.assert_close(both[replica : replica + 1], one)
    if continuous:
        assert not torch.allclose(both[0], both[1])


@pytest.mark.parametrize("name", NAMES)
def test_frequencies_are_those_of_the_softmax(name: str) -> None:
    """Chi-square on 20,000 draws, false alarm rate 1e-4 a case."""
    logits = torch.tensor([0.3, -1.2, 1.1, 0.0]).expand(1, 20_000, 1, 4)
    one_hot, _ = estimate(
        estimators.get(name), logits, Streams.derive([1], "test"), **hyper_of(name)
    )
    expected = logits[0, 0, 0].softmax(-1) * 20_000
    chi_square = ((one_hot.sum((0, 1, 2)) - expected) ** 2 / expected).sum()
    assert 0 < chi_square < 21.1  # 1 − 1e-4 quantile at 3 degrees of freedom


@pytest.mark.parametrize("name", NAMES)
def test_unbiased_exactly_where_declared(name: str) -> None:
    """|z| < 5 on 60,000 draws where declared unbiased, > 8 where not: 6 coordinates, false alarm
    4e-6.
    """
    torch.manual_seed(0)
    logits = torch.randn(2, 3, dtype=torch.float64)
    truth = exact.gradient(logits, loss)
    count = 60_000
    _, grads = estimate(
        estimators.get(name),
        logits.expand(1, count, 2, 3),
        Streams.derive([2], "test"),
        **hyper_of(name),
    )
    error = grads[0].std(0) / count**0.5
    assert (error > 0).all()
    z = ((grads[0].mean(0) - truth) / error).abs().max()
    assert z < 5 if estimators.get(name).unbiased else z > 8


@pytest.mark.parametrize("name", PATHWISE)
def test_public_call_backward_gives_the_estimate(name: str) -> None:
    estimator = estimators.get(name)
    assert isinstance(estimator, Pathwise)
    logits = torch.randn(6, 2, 4, requires_grad=True)
    one_hot = estimator(logits, generator=torch.Generator().manual_seed(9), **hyper_of(name))
    loss(one_hot).sum().backward()
    sample, expected = estimate(
        estimator,
        logits.detach()[None],
        Streams([torch.Generator().manual_seed(9)]),
        **hyper_of(name),
    )
    torch.testing.assert_close(one_hot.detach(), sample[0])
    torch.testing.assert_close(logits.grad, expected[0])


@pytest.mark.parametrize("name", [n for n in NAMES if n not in PATHWISE])
def test_public_score_function_call_gives_the_estimate(name: str) -> None:
    estimator = estimators.get(name)
    assert isinstance(estimator, ScoreFunction)
    logits = torch.randn(6, 2, 4, requires_grad=True)
    generator = torch.Generator().manual_seed(9)
    estimator(logits, loss, generator=generator, **hyper_of(name)).surrogate.sum().backward()
    streams = Streams([torch.Generator().manual_seed(9)])
    _, expected = estimate(estimator, logits.detach()[None], streams, **hyper_of(name))
    torch.testing.assert_close(logits.grad, expected[0])


@pytest.mark.parametrize("name", NAMES)
def test_extreme_logits_stay_finite_in_float32(name: str) -> None:
    logits = torch.tensor([[200.0, -200.0, 0.0], [60.0, 59.0, -300.0], [-1e4, 1e4, 9.9e3]]).view(
        1, 3, 1, 3
    )
    _, grad = estimate(
        estimators.get(name),
        logits.repeat(1, 50, 1, 1),
        Streams.derive([4], "test"),
        **hyper_of(name),
    )
    assert grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_masked_categories_are_never_drawn(name: str) -> None:
    logits = torch.randn(1, 200, 1, 4)
    logits[..., 2] = -torch.inf
    one_hot, grad = estimate(
        estimators.get(name), logits, Streams.derive([4], "test"), **hyper_of(name)
    )
    assert (one_hot[..., 2] == 0).all()
    assert grad.isfinite().all()


def call(name: str, logits: Any, **hyper: Any) -> Any:
    estimator = estimators.get(name)
    return estimator(logits, loss, **hyper) if name not in PATHWISE else estimator(logits, **hyper)  # type: ignore[operator]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("logits", "says"),
    [
        (torch.tensor(1.0), "rank >= 1"),
        (torch.zeros(3, 2, dtype=torch.int64), "floating-point"),
        ([0.0, 1.0], "floating-point tensor"),
        (torch.zeros(3, 1), "at least 2 categories"),
        (torch.tensor([[0.0, torch.nan]]), "NaN or [+]inf"),
        (torch.tensor([[0.0, torch.inf]]), "NaN or [+]inf"),
        (torch.tensor([[-torch.inf, -torch.inf]]), "at least one"),
    ],
)
def test_bad_logits_are_refused_in_words(name: str, logits: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call(name, logits)


def bad_values(entry: Hyperparameter) -> list[Any]:
    """What an entry does not allow."""
    if entry.least is not None:
        return [entry.least - 1, -3, 2.5, True, None, "1"]
    below = (
        []
        if entry.above == -math.inf
        else [entry.above, entry.above - 1.0, torch.tensor(entry.above)]
    )
    return [*below, math.nan, math.inf, torch.tensor(math.inf), torch.ones(7), None, "1"]


@pytest.mark.parametrize("entry", HYPERPARAMETERS.values(), ids=HYPERPARAMETERS)
def test_an_entry_is_of_a_piece(entry: Hyperparameter) -> None:
    kind = value_of(entry)
    for good in (entry.default, *entry.trials):
        assert entry.check(good) is None
        assert repr(read(kind, good)) == repr(good)
    for bad in bad_values(entry):
        if not isinstance(bad, torch.Tensor):
            assert entry.allowed in (entry.check(bad) or "")
            with pytest.raises(ConfigError):
                read(kind, bad)
    assert entry.trials[0] != entry.trials[1]


def test_no_two_trials_are_the_same() -> None:
    """Or two hyper-parameters that were exchanged would not be noticed."""
    first = [entry.trials[0] for entry in HYPERPARAMETERS.values()]
    assert len(set(first)) == len(first)


def test_a_hyperparameter_without_an_entry_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"Mine takes 'gamma', of which .*hyperparameters.py has no entry"
    ):

        @pathwise(name="Mine", equation="Eq. 1")
        def mine(cotangent: Tensor, sample: Sample, *, gamma: float) -> Tensor:
            return cotangent


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        (name, key, value)
        for name, key in itertools.product(NAMES, HYPERPARAMETERS)
        if key in CATALOGUE[name].hyperparameters
        for value in bad_values(HYPERPARAMETERS[key])
    ],
)
def test_bad_hyperparameters_are_refused_in_words(name: str, key: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name}: {key}"):
        call(name, torch.zeros(4, 2, 3), **{key: value})


def test_unknown_hyperparameter_is_refused() -> None:
    with pytest.raises(InputError, match="unknown hyper-parameter 'eta'; it takes tau"):
        call("ST", torch.zeros(2, 3), eta=1.0)


def test_unknown_estimator_lists_the_known() -> None:
    with pytest.raises(
        Exception, match=r"unknown estimator 'ReinMaxx'; known: ST, .*REINFORCE-LOO, REBAR"
    ):
        estimators.get("ReinMaxx")


def vjp_by_hand(name: str, sample: Sample, cotangent: Tensor, hyper: dict[str, Any]) -> Tensor:
    """The gradient that an estimator gives for this sample."""
    estimator = estimators.get(name)
    assert isinstance(estimator, Pathwise)
    out: Tensor = estimator.function(cotangent, sample, **hyper)
    return out
