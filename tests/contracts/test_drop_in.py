"""Estimators in other people's code: one call as torch's; saved, copied, compiled, transformed."""

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import reinrelax
from reinrelax import estimators, gumbel_softmax
from reinrelax.errors import InputError
from reinrelax.estimators import CATALOGUE
from reinrelax.estimators.relax import relax_with
from tests.contracts.test_estimator_inputs import loss, run
from tests.contracts.test_estimators import NAMES, PATHWISE, hyper_of

DRAWING = [name for name in PATHWISE if "draws" in CATALOGUE[name].hyperparameters]
TRACEABLE = [name for name in PATHWISE if name not in DRAWING]


def theta(*shape: int) -> Tensor:
    numbers = torch.randn(*(shape or (6, 2, 4)), generator=torch.Generator().manual_seed(1))
    return numbers.requires_grad_()


def arguments(name: str) -> dict[str, Any]:
    """Of a call that gives what the estimator itself gives by default."""
    return {"hard": True, "method": name, **hyper_of(name)}


def weighed(sample: Tensor) -> Tensor:
    return (sample * torch.linspace(-1, 2, sample.numel()).view(sample.shape)).sum()


@pytest.mark.parametrize("name", PATHWISE)
@pytest.mark.parametrize("dim", [-1, 0, 1])
def test_one_call_draws_and_derives_as_the_estimator(name: str, dim: int) -> None:
    for method in (name, CATALOGUE[name].function):
        moved = theta().detach().movedim(-1, dim).requires_grad_()
        generator = torch.Generator().manual_seed(3)
        sample, probs = gumbel_softmax(
            moved,
            dim=dim,
            return_probs=True,
            generator=generator,
            **arguments(name) | {"method": method},
        )
        loss(sample.movedim(dim, -1)).sum().backward()
        expected = run(name, theta())
        assert moved.grad is not None
        assert torch.equal(sample.movedim(dim, -1), expected[0])
        assert torch.equal(moved.grad.movedim(dim, -1), expected[1])
        torch.testing.assert_close(probs, moved.softmax(dim))
        assert probs.requires_grad


def test_without_a_method_it_is_torchs_function() -> None:
    """The same means at codes of three categories, and the gradient of the same formula, at any
    axis.
    """
    logits = torch.tensor([1.0, 0.0, -1.0]).expand(100_000, 3)
    torch.manual_seed(0)
    ours, theirs = gumbel_softmax(logits, 0.7), F.gumbel_softmax(logits, 0.7)
    spread = (ours.var(0) + theirs.var(0)).div(len(logits)).sqrt()
    assert ((ours.mean(0) - theirs.mean(0)) / spread).abs().max() < 4.5
    assert (ours.square().mean(0) - theirs.square().mean(0)).abs().max() < 0.01
    leaf, tau = theta(), torch.tensor(0.7, requires_grad=True)
    generator = torch.Generator().manual_seed(3)
    soft = gumbel_softmax(leaf, tau, dim=1, generator=generator)
    assert soft.sum(1).allclose(torch.ones(6, 4))
    generator.manual_seed(3)
    hard = gumbel_softmax(leaf, tau, True, 1, generator=generator)
    assert torch.equal(hard.argmax(1), soft.argmax(1))
    for found in torch.autograd.grad(weighed(soft), (leaf, tau)):
        assert (found != 0).any()
    for one, other in zip(
        torch.autograd.grad(weighed(hard), (leaf, tau)),
        torch.autograd.grad(
            weighed(gumbel_softmax(leaf, tau, False, 1, generator=_seeded())), (leaf, tau)
        ),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("shape", [(1, 1, 4), (6, 1, 1), (6, 1, 4), (1, 4)])
def test_temperatures_broadcast_to_the_logits_with_one_at_the_axis(shape: tuple[int, ...]) -> None:
    tau = torch.rand(shape, generator=_seeded()) + 0.5
    leaf = theta()
    weighed(gumbel_softmax(leaf, tau, dim=1, method="reinmax", generator=_seeded())).backward()
    other = theta()
    turned = other.movedim(1, -1)
    weighed(
        estimators.reinmax(
            turned, tau=tau.expand(6, 1, 4).movedim(1, -1), generator=_seeded()
        ).movedim(-1, 1)
    ).backward()
    assert leaf.grad is not None
    assert torch.equal(leaf.grad, other.grad)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"method": "reinmaxx"}, "unknown method 'reinmaxx'; known: .*reinmax_cv"),
        ({"method": "reinforce"}, "REINFORCE takes the loss; call reinrelax.estimators.reinforce"),
        ({"method": "reinmax", "hard": False}, "ReinMax has no relaxed sample; give hard=True"),
        ({"dim": 3}, "dim must be an axis of the logits, from -3 to 2; got 3"),
        ({"tau": torch.ones(5), "dim": 0}, r"of shape \[5\] does not broadcast to \[1, 2, 4\]"),
        ({"tau": -1.0}, r"STGS: tau \(temperature\) must be"),
        ({"eta": 1.0}, "unknown hyper-parameter 'eta'"),
    ],
)
def test_what_the_call_refuses(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        gumbel_softmax(theta(), **wrong)
    with pytest.raises(InputError, match="STGS: logits must be a dense floating-point tensor"):
        gumbel_softmax([1.0, 2.0])  # type: ignore[call-overload]


@pytest.mark.parametrize("name", PATHWISE)
@pytest.mark.parametrize("generator", [None, 3])
def test_a_second_backward_pass_gives_the_same_gradient(name: str, generator: int | None) -> None:
    leaf = theta(20, 2, 4)
    torch.manual_seed(0)
    own = None if generator is None else torch.Generator().manual_seed(generator)
    value = weighed(gumbel_softmax(leaf, generator=own, **arguments(name)))
    first, second, third = (
        torch.autograd.grad(value, leaf, retain_graph=True)[0] for _ in range(3)
    )
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    assert (first != 0).any()
    if name in DRAWING:
        again = weighed(gumbel_softmax(leaf, generator=own, **arguments(name)))
        assert not torch.equal(first, torch.autograd.grad(again, leaf)[0])


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_is_pickled_and_copied_as_a_function_is(name: str) -> None:
    estimator = estimators.get(name)
    file = io.BytesIO()
    torch.save({"estimator": estimator}, file)
    file.seek(0)
    found = [
        pickle.loads(pickle.dumps(estimator)),
        copy.copy(estimator),
        copy.deepcopy([estimator])[0],
        torch.load(file, weights_only=False)["estimator"],
    ]
    assert all(one is estimator for one in found)


def test_an_estimator_of_ones_own_is_copied_with_what_it_holds() -> None:
    own = relax_with(lambda z: z.softmax(-1)[..., 0].sum(-1))
    for made in (copy.copy(own), copy.deepcopy(own)):
        assert made is not own
        assert repr(made) == repr(own)
        assert torch.equal(
            made(theta(), loss, generator=_seeded()).one_hot,
            own(theta(), loss, generator=_seeded()).one_hot,
        )
    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(own)


class Encoder(nn.Module):
    """A network that holds an estimator."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.estimator = name, estimators.get(name)
        self.layer = nn.Linear(3, 8)

    def forward(self, x: Tensor) -> Tensor:
        estimator: Any = self.estimator
        z: Tensor = estimator(self.layer(x).view(-1, 2, 4), **hyper_of(self.name))
        return z


def gradients(module: nn.Module, x: Tensor, call: Callable[[Tensor], Tensor]) -> list[Tensor]:
    torch.manual_seed(5)
    module.zero_grad()
    loss(call(x)).sum().backward()
    return [p.grad.clone() for p in module.parameters() if p.grad is not None]


@pytest.mark.parametrize("name", PATHWISE)
def test_modules_are_saved_and_checkpointed(name: str, tmp_path: Path) -> None:
    """With torch's own generator, the recomputation draws what the first pass drew."""
    module, x = Encoder(name), torch.randn(5, 3)
    expected = gradients(module, x, module)
    assert len(expected) == 2
    torch.save(module, tmp_path / "module.pt")
    loaded = torch.load(tmp_path / "module.pt", weights_only=False)
    for other in (loaded, copy.deepcopy(module)):
        assert all(map(torch.equal, gradients(other, x, other), expected))
    again = gradients(module, x, lambda x: checkpoint(module, x, use_reentrant=False))
    assert all(map(torch.equal, again, expected))


def test_under_distributed_data_parallel(tmp_path: Path) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    try:
        for name in PATHWISE:
            module, x = Encoder(name), torch.randn(5, 3)
            parallel = nn.parallel.DistributedDataParallel(module)
            for one, other in zip(
                gradients(parallel, x, parallel), gradients(module, x, module), strict=True
            ):
                assert torch.equal(one, other)
    finally:
        torch.distributed.destroy_process_group()


# --- torch's compiler and transforms


@pytest.mark.parametrize("name", TRACEABLE)
def test_it_compiles_to_one_graph(name: str) -> None:
    """Its noise and gradient are those of the traced form; the compiled function draws anew at each
    call.
    """

    def call(x: Tensor) -> Tensor:
        return gumbel_softmax(x, dim=1, **arguments(name))

    torch._dynamo.reset()
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    leaf = theta(50, 4, 3)
    first, second = compiled(leaf), compiled(leaf)
    assert not torch.equal(first, second)
    for sample in (first, second):
        assert ((sample == 0) | (sample == 1)).all()
        assert (sample.sum(1) == 1).all()
    (slope,) = torch.autograd.grad(weighed(first), leaf)
    assert slope.isfinite().all()
    assert (slope != 0).any()


@pytest.mark.filterwarnings(
    "ignore:There is a performance drop"
)  # torch's own, of vmap over a scatter
@pytest.mark.parametrize("name", TRACEABLE)
def test_a_traced_gradient_is_that_of_its_sample(name: str) -> None:
    """The mean of 20,000 is within 4.5 standard errors of that of the estimator itself."""
    rows = torch.tensor([[0.3, -1.2, 1.1], [0.0, 0.5, -0.5]]).expand(20_000, 2, 3)

    def value(x: Tensor) -> Tensor:
        return curved(gumbel_softmax(x, **arguments(name)))

    torch.manual_seed(0)
    traced = torch.vmap(torch.func.grad(value), randomness="different")(rows)
    leaf = rows.clone().requires_grad_()
    torch.vmap(curved)(gumbel_softmax(leaf, **arguments(name))).sum().backward()
    assert leaf.grad is not None
    error = (traced.var(0) + leaf.grad.var(0)).div(len(rows)).sqrt()
    assert ((traced.mean(0) - leaf.grad.mean(0)).abs() / error).max() < 4.5


def curved(z: Tensor) -> Tensor:
    """Of one code `[L, C]`."""
    return (z[0] * z[1] + torch.tensor([1.0, -2.0, 0.5]) * z[0].square()).sum() ** 2


@pytest.mark.parametrize("name", TRACEABLE)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_traced_frequencies_are_those_of_the_softmax(name: str, dtype: torch.dtype) -> None:
    """Chi-square on 20,000 draws, false alarm rate 1e-4 a case, and nothing of what is masked."""
    rows = torch.tensor([0.25, -1.25, 1.0, 0.0, -torch.inf], dtype=dtype).expand(20_000, 5)
    torch.manual_seed(0)
    draws = torch.vmap(lambda x: gumbel_softmax(x, **arguments(name)), randomness="different")(rows)
    assert draws.dtype == dtype
    expected = rows[0].float().softmax(-1) * 20_000
    found = draws.float().sum(0)
    assert found[4] == 0
    assert 0 < ((found - expected) ** 2 / expected)[:4].sum() < 21.1


def test_it_is_exported() -> None:
    class Module(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return gumbel_softmax(x, 0.5, method="reinmax", return_probs=True)

    program = torch.export.export(Module(), (theta().detach(),))
    sample, probs = program.module()(theta().detach())
    assert (sample.sum(-1) == 1).all()
    torch.testing.assert_close(probs, theta().softmax(-1))


@pytest.mark.parametrize("name", DRAWING)
def test_noise_in_the_backward_pass_is_refused_where_it_cannot_be_traced(name: str) -> None:
    with pytest.raises(
        InputError, match=f"{name} draws noise in its backward pass, which cannot be traced"
    ):
        torch.func.grad(lambda x: gumbel_softmax(x, **arguments(name)).sum())(theta())


def test_a_generator_cannot_be_traced() -> None:
    with pytest.raises(InputError, match="a generator cannot be traced; leave it out"):
        torch.vmap(lambda x: gumbel_softmax(x, generator=_seeded()), randomness="different")(
            theta()
        )


# --- what is at hand


def test_the_package_lists_what_it_has() -> None:
    assert {"estimators", "distributions", "layers", "gumbel_softmax"} <= set(dir(reinrelax))
    assert {"reinmax", "exact", "CATALOGUE"} <= set(dir(reinrelax.estimators))
    assert "HardConcrete" in dir(reinrelax.distributions)
    for folder in (reinrelax, reinrelax.estimators, reinrelax.distributions, reinrelax.layers):
        for name in folder.__all__:
            assert getattr(folder, name) is not None
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            folder.nothing  # noqa: B018
