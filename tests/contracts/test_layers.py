"""Layers: what they compute in training and evaluation, what is saved, what is refused."""

import copy
import doctest
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reinrelax import estimators, layers
from reinrelax.errors import InputError
from reinrelax.layers import (
    CategoricalLayer,
    L0Conv2d,
    L0Linear,
    SubsetLayer,
    Temperature,
    l0_penalty,
)
from tests.contracts.test_estimators import PATHWISE, hyper_of

MAKERS: dict[str, Callable[[], nn.Module]] = {
    "CategoricalLayer": lambda: CategoricalLayer("gumbel_rao", 0.7, draws=5),
    "SubsetLayer": lambda: SubsetLayer(2, 0.7),
    "L0Linear": lambda: L0Linear(6, 3, tau=0.7),
    "L0Conv2d": lambda: L0Conv2d(6, 8, 3, padding=1, tau=0.7),
}


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def inputs(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
    shape = (4, 6, 5, 5) if name == "L0Conv2d" else (4, 6)
    return torch.randn(shape, generator=seeded()).to(dtype)


def test_all_layers_are_tested() -> None:
    assert set(layers.__all__) == {*MAKERS, "Temperature", "l0_penalty"}


@pytest.mark.parametrize("module", ["", ".draws", ".l0", ".temperature"])
def test_examples_in_docstrings_run(module: str) -> None:
    result = doctest.testmod(
        import_module(f"reinrelax.layers{module}"), extraglobs={"torch": torch}
    )
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_training_draws_and_evaluation_does_not(name: str, dtype: torch.dtype) -> None:
    layer, x = MAKERS[name]().to(dtype), inputs(name, dtype).requires_grad_()
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    assert torch.equal(layer(x, generator=seeded()), layer(x, generator=seeded()))
    assert first.dtype == dtype
    torch.autograd.grad(first.square().sum(), (x, *layer.parameters()))
    layer.eval()
    assert torch.equal(layer(x), layer(x))
    assert layer(x).dtype == dtype
    assert layer(x).shape == first.shape


@pytest.mark.parametrize("name", MAKERS)
def test_layers_are_saved_with_their_temperature(name: str, tmp_path: Path) -> None:
    layer, x = MAKERS[name](), inputs(name)
    layer.tau = 0.31
    other = MAKERS[name]()
    other.load_state_dict(layer.state_dict())
    torch.save(layer, tmp_path / "layer.pt")
    loaded = torch.load(tmp_path / "layer.pt", weights_only=False)
    for same in (other, copy.deepcopy(layer), loaded):
        assert same.tau == 0.31
        assert torch.equal(same(x, generator=seeded()), layer(x, generator=seeded()))
    assert "tau=0.31" in repr(layer)


@pytest.mark.parametrize("name", PATHWISE)
@pytest.mark.parametrize("dim", [-1, 1])
def test_a_categorical_layer_is_its_estimator(name: str, dim: int) -> None:
    hyper = hyper_of(name)
    layer = CategoricalLayer(estimators.get(name).__name__, dim=dim, **hyper)
    theta = torch.randn(3, 4, 5, generator=seeded()).requires_grad_()
    other = theta.detach().clone().requires_grad_()
    weights = torch.randn(3, 4, 5, generator=seeded())
    estimator = estimators.get(name)
    tau = {"tau": layer.tau} if "tau" in estimator.hyperparameters else {}
    expected = estimator(other.movedim(dim, -1), generator=seeded(), **hyper | tau).movedim(-1, dim)  # type: ignore[operator]
    sample = layer(theta, generator=seeded())
    assert torch.equal(sample, expected)
    for z in (sample, expected):
        (z * weights).sum().backward()
    assert torch.equal(theta.grad, other.grad)  # type: ignore[arg-type]
    assert torch.equal(layer.eval()(theta).argmax(dim), theta.argmax(dim))
    assert (
        CategoricalLayer(name, sample_in_eval=True).eval()(torch.zeros(200, 3)).sum(0) > 0
    ).all()


@pytest.mark.parametrize("straight_through", [True, False])
def test_a_subset_is_within_the_unit_interval(straight_through: bool) -> None:
    logits = torch.tensor([0.0, 1.0, -torch.inf, 2.0, 1.5]).expand(500, 5)
    layer = SubsetLayer(3, 2.0, straight_through=straight_through)
    sample = layer(logits)
    assert ((sample >= 0) & (sample <= 1)).all()
    assert (sample[:, 2] == 0).all()
    assert not straight_through or (sample.sum(-1) == 3).all()
    assert torch.equal(layer.eval()(logits)[0], torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0]))
    with pytest.raises(InputError, match="k = 5, but 4 of 5 categories are unmasked"):
        SubsetLayer(5)(logits)


# --- gates


def opened(layer: nn.Module) -> nn.Module:
    """With gates closed, between and open."""
    with torch.no_grad():
        layer.log_alpha.copy_(torch.linspace(-6, 6, len(layer.log_alpha)))  # type: ignore[arg-type, operator]
    return layer


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_pruned_layer_is_the_layer_of_evaluation(bias: bool, dtype: torch.dtype) -> None:
    made: list[tuple[nn.Module, Tensor]] = [
        (L0Linear(6, 3, bias), inputs("L0Linear", dtype)),
        (L0Conv2d(6, 8, 3, bias, padding=2, stride=2, dilation=2), inputs("L0Conv2d", dtype)),
    ]
    for layer, x in made:
        layer = opened(layer).to(dtype).eval()
        small = layer.pruned()
        torch.testing.assert_close(small(x), layer(x))
        kept = layer.kept()
        assert 0 < len(kept) < len(layer.log_alpha)
        weights = next(part.weight for part in small if hasattr(part, "weight"))
        assert weights.numel() == layer.cost * len(kept)
        torch.testing.assert_close(copy.deepcopy(small)(x), layer(x))
        with torch.no_grad():
            layer.log_alpha.fill_(-9.0)
        torch.testing.assert_close(layer.pruned()(x), layer(x))


def test_the_penalty_is_the_mean_number_of_weights_that_are_left() -> None:
    """Within 4.5 standard errors of 1,500 draws."""
    model = nn.Sequential(opened(L0Linear(6, 5)), nn.ReLU(), opened(L0Linear(5, 2)))
    first, second = model[0], model[2]
    counts = torch.stack(
        [(first.gates() != 0).sum() * 5.0 + (second.gates() != 0).sum() * 2.0 for _ in range(1500)]
    )
    penalty = l0_penalty(model)
    assert (counts.mean() - penalty).abs() < 4.5 * counts.std() / len(counts) ** 0.5
    (slope,) = torch.autograd.grad(penalty, first.log_alpha)
    assert (slope > 0).all()
    assert opened(L0Conv2d(2, 8, (3, 2))).cost == 12


def test_gates_that_matter_stay_open_and_others_close() -> None:
    """Two of eight inputs make the target: after training they alone are left."""
    torch.manual_seed(0)
    layer = L0Linear(8, 1, kept=0.5)
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    for _ in range(400):
        x = torch.randn(64, 8)
        loss = (layer(x)[:, 0] - 2 * x[:, 1] + x[:, 6]).square().mean() + 0.05 * l0_penalty(layer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert layer.eval().kept().tolist() == [1, 6]


# --- temperatures


@pytest.mark.parametrize("shape", ["exponential", "linear", "cosine"])
def test_a_schedule_goes_from_its_start_to_its_end(shape: str) -> None:
    model = nn.Sequential(CategoricalLayer(), nn.Sequential(SubsetLayer(1), nn.Linear(2, 2)))
    schedule = Temperature(model, start=3.0, end=0.5, steps=10, shape=shape)
    seen = []
    for _ in range(13):
        assert model[0].tau == model[1][0].tau
        seen.append(model[0].tau)
        schedule.step()
    assert seen[0] == 3.0
    assert seen[10:] == pytest.approx([0.5] * 3)
    assert seen[:11] == sorted(seen[:11], reverse=True)
    middle = {"exponential": (3.0 * 0.5) ** 0.5, "linear": 1.75, "cosine": 1.75}
    assert seen[5] == pytest.approx(middle[shape])
    again = Temperature(model, start=3.0, end=0.5, steps=10, shape=shape)
    for _ in range(4):
        again.step()
    state = again.state_dict()
    Temperature(model, start=3.0, end=0.5, steps=10, shape=shape).load_state_dict(state)
    assert model[0].tau == seen[4]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CategoricalLayer("reinforce"), "REINFORCE takes the loss"),
        (lambda: CategoricalLayer("nothing"), "unknown method 'nothing'"),
        (
            lambda: CategoricalLayer(tau=0.0),
            "CategoricalLayer: tau must be a finite number > 0; got 0.0",
        ),
        (lambda: CategoricalLayer(draws=3), "unknown hyper-parameter 'draws'"),
        (lambda: SubsetLayer(0), "SubsetLayer: k must be an integer >= 1; got 0"),
        (lambda: SubsetLayer(2, float("nan")), "tau must be a finite number > 0; got nan"),
        (lambda: L0Linear(3, 2, kept=1.0), r"L0Linear: kept must be in \(0, 1\); got 1.0"),
        (lambda: L0Conv2d(4, 4, 3, groups=2), "groups must be 1"),
        (lambda: l0_penalty(nn.Linear(2, 2)), "Linear has no layer with gates"),
        (
            lambda: Temperature(nn.Linear(2, 2), start=1, end=1, steps=1),
            "no layer with a temperature",
        ),
        (lambda: Temperature(SubsetLayer(1), start=1, end=0, steps=1), "Temperature: end must be"),
        (
            lambda: Temperature(SubsetLayer(1), start=1, end=1, steps=0),
            "steps must be an integer >= 1",
        ),
        (
            lambda: Temperature(SubsetLayer(1), start=1, end=1, steps=1, shape="steep"),
            "shape must be one of exponential, linear, cosine; got 'steep'",
        ),
    ],
)
def test_what_layers_refuse(make: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()
