"""Terms and gradients of both papers' objectives against plain loops, and what a trainer makes of
them.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reinrelax import estimators
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.estimators.base import draw
from reinrelax.latents import CATALOGUE
from reinrelax.latents.base import Latent
from reinrelax.latents.score import ScoreLatent
from reinrelax.rl.agent import Gradients
from reinrelax.training.learned import Learned
from reinrelax.training.loop import Replicas, Trainer
from reinrelax.training.reinforcement import Learner
from reinrelax.vae.autoencoder import Autoencoder, DiscreteVAE
from reinrelax.vae.discrete import DiscreteObjective
from reinrelax.vae.relaxed import RelaxedObjective
from tests.unit.latents.test_latents import make

SHAPE, SEEDS, PIXELS, HIDDEN, BATCH = LatentShape(3, 2), (3, 5), 5, (4,), 3
TAUS = (0.7, 1.6)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(len(SEEDS), BATCH, PIXELS, generator=torch.Generator().manual_seed(0))


class Plain:
    """One replica's encoder and decoder in float64, as anyone would write them."""

    def __init__(self, model: Autoencoder, replica: int) -> None:
        self.leaves = [p[replica].double().requires_grad_() for p in model.stack.parameters]
        shapes = [leaf.shape for leaf in self.leaves]
        assert [len(shape) for shape in shapes] == [2, 1] * 4, "weights and biases take turns"

    def through(self, x: Tensor, first: int) -> Tensor:
        """Two layers with ReLU between them, from the first on."""
        (w, b), (v, c) = (self.leaves[2 * i : 2 * i + 2] for i in (first, first + 1))
        return torch.relu(x.double() @ w + b) @ v + c

    def reconstruction(self, images: Tensor, codes: Tensor) -> Tensor:
        """−log p(x | z), nats per image, pixel by pixel."""
        p, x = torch.sigmoid(self.through(codes.flatten(1), 2)), images.double()
        return -(x * p.log() + (1 - x) * (1 - p).log()).sum(-1)


def kl_to_uniform(logits: Tensor) -> Tensor:
    q = logits.softmax(-1)
    return (q * (q * logits.shape[-1]).log()).sum((-2, -1))


def jacobian(p: Tensor) -> Tensor:
    """diag(p) − p pᵀ, of a softmax of value p `[..., C]`."""
    return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]


def estimate(
    name: str, logits: Tensor, one_hot: Tensor, slope: Tensor, loss: Tensor, tau: float
) -> Tensor:
    """The gradient at the logits `[B, L, C]` that the papers' formulas give."""
    pi, tempered = logits.softmax(-1), (logits / tau).softmax(-1)
    if name == "ST":
        return (slope[..., None, :] @ jacobian(tempered))[..., 0, :] / tau
    if name == "ReinMax":
        whole = 2 * jacobian((tempered + one_hot) / 2) - jacobian(pi) / 2
        return (slope[..., None, :] @ whole)[..., 0, :]
    assert name == "REINFORCE"
    return loss[:, None, None] * (one_hot - pi)


def objective_of(name: str) -> DiscreteObjective:
    model = DiscreteVAE(SHAPE, SEEDS, hidden=HIDDEN, pixels=PIXELS)
    for parameter in model.stack.parameters:
        parameter.mul_(3.0)  # that nothing is as good as linear
    return DiscreteObjective(
        model, estimators.get(name), {} if name == "REINFORCE" else {"tau": torch.tensor(TAUS)}
    )


@pytest.mark.parametrize("name", ["ST", "ReinMax", "REINFORCE"])
def test_the_discrete_vaes_terms_and_gradients_are_the_formulas(name: str, images: Tensor) -> None:
    """The loss is the mean over images of reconstruction and KL, each once; every replica for
    itself.
    """
    objective = objective_of(name)
    objective.step(images.flip(-1), Streams.derive(SEEDS, "before"))  # of which nothing is to stay
    reconstruction, kl = objective.step(images, Streams.derive(SEEDS, "noise"))
    for r, seed in enumerate(SEEDS):
        plain = Plain(objective.model, r)
        logits = plain.through(images[r], 0).view(BATCH, SHAPE.latents, SHAPE.categories)
        code = (
            draw(logits.detach()[None].float(), Streams.derive([seed], "noise")).one_hot[0].double()
        )
        leaf = code.clone().requires_grad_()
        loss, own = plain.reconstruction(images[r], leaf), kl_to_uniform(logits)
        torch.testing.assert_close(reconstruction[r].double(), loss.mean(), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(kl[r].double(), own.mean(), rtol=1e-5, atol=1e-5)
        (slope,) = torch.autograd.grad(loss.sum(), leaf, retain_graph=True)
        at_logits = estimate(name, logits.detach(), code, slope, loss.detach(), TAUS[r])
        ((at_logits * logits).sum((-2, -1)) + loss + own).mean().backward()
        for found, expected in zip(objective.grads, plain.leaves, strict=True):
            torch.testing.assert_close(found[r].double(), expected.grad, rtol=1e-4, atol=1e-5)


def relaxed_objective(name: str) -> RelaxedObjective:
    latent = make(name)
    model = Autoencoder(HIDDEN, latent.outputs, latent.inputs, SEEDS, pixels=PIXELS)
    return RelaxedObjective(model, latent)


def alone(name: str, replica: int) -> Latent:
    return make(name, slice(replica, replica + 1))


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_relaxed_vaes_terms_and_gradients_are_the_plain_ones(name: str, images: Tensor) -> None:
    """Reconstruction of the code that is trained on, and the KL of the own loss; their mean is
    descended.
    """
    objective = relaxed_objective(name)
    objective.step(images.flip(-1), Streams.derive(SEEDS, "before"))  # of which nothing is to stay
    reconstruction, kl = objective.step(images, Streams.derive(SEEDS, "noise"))
    for r, seed in enumerate(SEEDS):
        plain, latent = Plain(objective.model, r), alone(name, r)
        outputs = plain.through(images[r], 0)
        code, own = latent.relaxed(outputs[None].float(), Streams.derive([seed], "noise"))
        loss = plain.reconstruction(images[r], code[0])
        torch.testing.assert_close(reconstruction[r].double(), loss.mean(), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(kl[r].double(), own.double().mean(), rtol=1e-4, atol=1e-4)
        total = (loss + own[0]).mean()
        # With a score function only the decoder's gradient is that of the loss at the code.
        some = slice(4, None) if isinstance(latent, ScoreLatent) else slice(None)
        expected = torch.autograd.grad(total, plain.leaves[some])
        for found, wanted in zip(objective.grads[:8][some], expected, strict=True):
            torch.testing.assert_close(found[r].double(), wanted, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", ["REINFORCE", "REINFORCE-categorical"])
def test_a_score_functions_encoder_descends_loss_times_score_and_kl(
    name: str, images: Tensor
) -> None:
    objective = relaxed_objective(name)
    objective.step(images, Streams.derive(SEEDS, "noise"))
    for r, seed in enumerate(SEEDS):
        plain, latent = Plain(objective.model, r), alone(name, r)
        assert isinstance(latent, ScoreLatent)
        logits = latent._logits(plain.through(images[r], 0)[None])
        one_hot = draw(logits.detach().float(), Streams.derive([seed], "noise")).one_hot
        loss = plain.reconstruction(images[r], latent.code(one_hot)[0]).detach()
        log_prob = (logits.log_softmax(-1) * one_hot).sum((-2, -1))
        (loss * log_prob + kl_to_uniform(logits)).mean().backward()
        for found, leaf in zip(objective.grads[:4], plain.leaves, strict=False):
            torch.testing.assert_close(found[r].double(), leaf.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["ST", *(f"relaxed {name}" for name in CATALOGUE)])
def test_every_measured_term_bears_its_name(name: str, images: Tensor) -> None:
    """What `step` and `evaluate` return, under the names of `metrics`; tests are of hard codes."""
    relaxed = name.startswith("relaxed")
    name = name.removeprefix("relaxed ")
    objective = relaxed_objective(name) if relaxed else objective_of(name)
    others = images.flip(-1)
    trained = objective.step(images, Streams.derive(SEEDS, "noise"))
    tested = objective.evaluate(others, Streams.derive(SEEDS, "test"))
    found = dict(zip(objective.metrics, (*trained, *tested), strict=True))
    for r, seed in enumerate(SEEDS):
        plain, noise, test = (
            Plain(objective.model, r),
            *(Streams.derive([seed], p) for p in ("noise", "test")),
        )
        outputs = [plain.through(part[r], 0)[None].float() for part in (images, others)]
        if relaxed:
            latent = alone(name, r)
            draws = {
                "train": (images, latent.relaxed(outputs[0], noise)),
                "test": (others, latent.harden(outputs[1], test)),
                "relaxed": (others, latent.relaxed(outputs[1], test)),
            }
        else:
            logits = [own.view(1, BATCH, SHAPE.latents, SHAPE.categories) for own in outputs]
            draws = {
                part: (pixels, (draw(own, streams).one_hot, kl_to_uniform(own)))
                for part, pixels, own, streams in zip(
                    ("train", "test"), (images, others), logits, (noise, test), strict=True
                )
            }
        assert set(found) == {
            f"{part}_{term}" for part in draws for term in ("reconstruction", "kl")
        }
        for part, (pixels, (code, kl)) in draws.items():
            expected = plain.reconstruction(pixels[r], code[0]).mean()
            torch.testing.assert_close(
                found[f"{part}_reconstruction"][r].double(), expected, rtol=1e-4, atol=1e-4
            )
            torch.testing.assert_close(
                found[f"{part}_kl"][r].double(), kl.double().mean(), rtol=1e-4, atol=1e-4
            )


class Spy:
    """An objective that learns nothing and remembers what it was shown."""

    metrics = ("one", "two", "three", "four")

    def __init__(self) -> None:
        weights = nn.Parameter(torch.zeros(len(SEEDS), 1), requires_grad=False)
        self.parameters = self.networks = [weights]
        self.grads = [torch.zeros_like(weights)]
        self.shown: list[tuple[str, Tensor, Tensor]] = []

    def _see(self, kind: str, images: Tensor, streams: Streams) -> list[Tensor]:
        self.shown.append((kind, images, streams.uniform_(torch.empty(len(SEEDS), 3))))
        size = torch.full((len(SEEDS),), float(images.shape[1]))
        return [size, images.mean((1, 2))]

    def step(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        return self._see("train", images, streams)

    def evaluate(self, images: Tensor, streams: Streams) -> Sequence[Tensor]:
        return [-value for value in self._see("test", images, streams)]


@pytest.fixture
def watched() -> tuple[Trainer, Spy]:
    """Two epochs of seven images, five a batch, and three of testing."""
    pixels = torch.arange(10 * PIXELS, dtype=torch.uint8).view(10, PIXELS)
    spy = Spy()
    trainer = Trainer(spy, Replicas(SEEDS, ["Adam"] * 2, [0.1] * 2), pixels[:7], pixels[7:], 5)
    for _ in range(2):
        trainer.run_epoch()
    return trainer, spy


def test_metrics_are_means_over_images_of_their_own_pass(watched: tuple[Trainer, Spy]) -> None:
    trainer, _ = watched
    pixels = torch.arange(10 * PIXELS).view(10, PIXELS) / 255
    expected = {
        "one": (25 + 4) / 7,
        "two": pixels[:7].mean(),
        "three": -3.0,
        "four": -pixels[7:].mean(),
    }
    for name, value in expected.items():
        for epoch in range(2):
            found = trainer.history.metrics[name][epoch]
            torch.testing.assert_close(found, torch.full((2,), float(value), dtype=torch.float64))


def test_noise_is_another_in_every_batch_epoch_pass_and_replica(
    watched: tuple[Trainer, Spy],
) -> None:
    _, spy = watched
    assert [kind for kind, _, _ in spy.shown] == ["train", "train", "test"] * 2
    drawn = torch.stack([noise for _, _, noise in spy.shown]).flatten(0, 1)
    assert len(drawn.unique(dim=0)) == len(spy.shown) * len(SEEDS)
    # And of a seed the same once more.
    epochs = [
        Streams.derive([SEEDS[1]], name, epoch) for epoch in (1, 2) for name in ("noise", "test")
    ]
    assert torch.equal(epochs[0].uniform_(torch.empty(1, 3))[0], spy.shown[0][2][1])


def test_images_come_in_another_order_in_every_epoch_and_replica(
    watched: tuple[Trainer, Spy],
) -> None:
    _, spy = watched
    trained = [images for kind, images, _ in spy.shown if kind == "train"]
    orders = [torch.cat(trained[start : start + 2], 1)[..., 0] for start in (0, 2)]
    every = torch.cat(orders)
    assert len(every.unique(dim=0)) == 4
    assert all(len(order.unique()) == 7 for order in every)
    tested = [images for kind, images, _ in spy.shown if kind == "test"]
    assert torch.equal(tested[0][0], tested[1][1])


def test_what_is_learned_has_the_mean_squares_gradient_and_nothing_of_before() -> None:
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    learned = Learned({"a": leaf})
    for _ in range(2):
        learned.begin((leaf[:, None] * torch.tensor([1.0, 3.0])).square())
        torch.testing.assert_close(learned.grads[0], torch.tensor([10.0, 20.0]))
    learned.begin(None)
    assert learned.grads[0].tolist() == [0.0, 0.0]


def test_an_agent_goes_up_its_return_and_down_its_critics_loss() -> None:
    actor, critic = torch.zeros(2, 3), torch.zeros(2, 4)
    agent: Any = SimpleNamespace(learned=(actor, critic), actor=SimpleNamespace(w1=actor))
    ones = (torch.ones(2, 3),), (torch.ones(2, 4),)
    Learner(agent, 0.1).update(Gradients(*ones, torch.zeros(2)))
    torch.testing.assert_close(actor, torch.full((2, 3), 0.1))
    torch.testing.assert_close(critic, torch.full((2, 4), -0.1))
