"""What an estimator learns in a training: hyper-parameters, and parameters of its own."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from reinrelax import estimators
from reinrelax.config.run import Run
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.datasets.images import Images
from reinrelax.estimators.base import Estimate, Estimator, Sample, pathwise, softmax_vjp
from reinrelax.experiments.training import make_trainer
from reinrelax.vae.autoencoder import DiscreteVAE
from reinrelax.vae.discrete import DiscreteObjective

SHAPE = LatentShape(3, 2)


def scales(shape: LatentShape, streams: Streams) -> dict[str, Tensor]:
    return {"scales": torch.ones(len(streams), 1, shape.latents, 1)}


@pathwise(name="Mine", equation="Eq. 1", learns=("tau", "eta"), parameters=scales)
def mine(
    cotangent: Tensor,
    sample: Sample,
    *,
    tau: Tensor | float,
    eta: Tensor | float,
    phi: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """η times straight-through, and a learned factor for each latent variable."""
    scale = phi["scales"] if phi else 1.0
    return eta * scale * softmax_vjp(sample.tempered(tau), cotangent) / tau


HYPER = {"tau": torch.tensor([0.8, 1.2]), "eta": torch.tensor([0.5, 0.7])}
ALL = {
    "Mine": mine,
    **{name: estimators.get(name) for name in ("REBAR", "RELAX", "ST", "REINFORCE-LOO")},
}


def objective(estimator: Estimator) -> DiscreteObjective:
    hyper = {name: HYPER.get(name, 2) for name in estimator.hyperparameters}
    return DiscreteObjective(DiscreteVAE(SHAPE, [0, 1]), estimator, hyper)


def images() -> Tensor:
    return torch.rand(2, 50, 784, generator=torch.Generator().manual_seed(0))


def stepped(estimator: Estimator, frozen: bool = False) -> dict[str, list[Tensor]]:
    """Gradients of one step, of the networks and of what is learned; `frozen`, as if
    nothing were.
    """
    found = objective(estimator)
    if frozen:
        for leaf in found._leaves.values():
            leaf.requires_grad_(False)
        found._learned.begin = lambda variance_loss: None  # type: ignore[method-assign]
    found.step(images(), Streams.derive([0, 1], "noise"))
    count = len(found.model.stack.grads)
    return {"networks": found.grads[:count], "learned": found.grads[count:]}


@pytest.mark.parametrize("name", ALL)
def test_learning_leaves_the_networks_gradient_as_it_is(name: str) -> None:
    """At the values to begin with."""
    learning, fixed = stepped(ALL[name]), stepped(ALL[name], frozen=True)
    assert all((gradient != 0).any() for gradient in fixed["networks"])
    for one, other in zip(learning["networks"], fixed["networks"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert len(learning["learned"]) == {"Mine": 3, "REBAR": 1, "RELAX": 4}.get(name, 0)
    # A network that is zero at first has a gradient in its last layer alone.
    moving = [bool((gradient != 0).any()) for gradient in learning["learned"]]
    assert sum(moving) == {"Mine": 3, "REBAR": 1, "RELAX": 2}.get(name, 0)


@pytest.mark.parametrize("name", ALL)
def test_the_decoder_learns_from_the_loss_at_codes_alone(name: str) -> None:
    """Against autograd: the decoder's gradient is that of the mean loss at the sample, or samples,
    drawn.
    """
    found = objective(ALL[name])
    seen: list[Tensor] = []
    plain = found.model.reconstruction
    found.model.reconstruction = lambda x, codes: seen.append(codes.detach()) or plain(x, codes)  # type: ignore
    found.step(images(), Streams.derive([0, 1], "noise"))
    decoder = [
        grad.clone()
        for layer in found.model._decoder
        for grad in (layer.weight_grad, layer.bias_grad)
    ]
    assert all(((codes == 0) | (codes == 1)).all() for codes in seen)
    found.model.stack.zero_grad()
    loss = sum(plain(images(), codes).mean(-1).sum() for codes in seen) / len(seen)
    loss.backward()  # type: ignore[union-attr]
    for layer, (weight, bias) in zip(
        found.model._decoder, zip(*[iter(decoder)] * 2, strict=True), strict=True
    ):
        torch.testing.assert_close(layer.weight_grad, weight, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(layer.bias_grad, bias, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["Mine", "REBAR", "RELAX"])
def test_the_gradient_of_what_is_learned_is_that_of_the_square(name: str) -> None:
    """By finite differences of the mean squared estimate of a smooth loss, on the same noise."""
    torch.manual_seed(0)
    logits = torch.randn(2, 40, SHAPE.latents, SHAPE.categories, dtype=torch.float64)
    hyper = {key: value.double().view(-1, 1, 1, 1) for key, value in HYPER.items()}
    hyper = {key: value for key, value in hyper.items() if key in ALL[name].hyperparameters}
    start = ALL[name].at_start(hyper, SHAPE, Streams.derive([0, 1], "control"))
    # Away from zero, where a network's first layer has no gradient.
    leaves = {key: (value.double() + 0.1).requires_grad_() for key, value in start.items()}

    def estimate(values: Mapping[str, Tensor]) -> Estimate:
        arguments = ALL[name].learned(hyper, values)
        streams = Streams.derive([0, 1], "noise")
        return ALL[name].surrogate(logits.clone().requires_grad_(), smooth, streams, **arguments)

    variance = estimate(leaves).variance_loss
    assert variance is not None
    gradients = torch.autograd.grad(variance.sum(), list(leaves.values()))
    for (leaf, value), gradient in zip(leaves.items(), gradients, strict=True):
        step = torch.zeros_like(value)
        step.view(-1)[-1] = 1e-5
        ends = (estimate({**leaves, leaf: value + sign * step}).variance_loss for sign in (1, -1))
        above, below = (end.sum().item() for end in ends if end is not None)
        assert gradient.flatten()[-1].item() == pytest.approx(
            (above - below) / 2e-5, rel=1e-4, abs=1e-6
        )


def smooth(codes: Tensor) -> Tensor:
    """A loss of codes `[R, B, L, C]`, `[R, B]`."""
    weights = torch.linspace(-1.0, 1.5, SHAPE.latents * SHAPE.categories, dtype=codes.dtype)
    return torch.tanh((codes.flatten(-2) * weights).sum(-1)) + (
        codes[..., 0, :] * codes[..., -1, :]
    ).sum(-1)


@pytest.mark.parametrize("name", ["REBAR", "RELAX"])
def test_a_training_learns_them(name: str, digits: Images) -> None:
    hyper = tuple((key, 0.9) for key in estimators.CATALOGUE[name].hyperparameters)
    first = Run(
        experiment="elbo",
        dataset="digits",
        train_images=None,
        test_images=None,
        shape=SHAPE,
        estimator=name,
        hyper=hyper,
        optimizer="Adam",
        learning_rate=1e-3,
        batch_size=100,
        epochs=2,
        seed=0,
        products="float32",
    )
    trainer = make_trainer([first, replace(first, seed=1)], digits, "cpu")
    before = [p.clone() for p in trainer.objective.parameters]
    trainer.run_epoch()
    after = trainer.objective.parameters
    assert all((one != other).any() for one, other in zip(before, after, strict=True))
