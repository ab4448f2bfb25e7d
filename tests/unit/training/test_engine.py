"""The replica engine against plain PyTorch: layers, losses, optimizer, loop."""

import copy
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reinrelax.config.run import Run
from reinrelax.core.numerics import kl_to_uniform
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.datasets.images import Images
from reinrelax.estimators import get
from reinrelax.experiments.discrete_vae.measure import make_trainer
from reinrelax.experiments.training import finished_runs
from reinrelax.results.cell_table import to_csv
from reinrelax.training import checkpoint
from reinrelax.training.batches import ImagePass
from reinrelax.training.loop import Trainer
from reinrelax.training.optimizer import ReplicaOptimizer
from reinrelax.vae.autoencoder import DiscreteVAE
from tests.conftest import ROOT

SHAPE = LatentShape(8, 4)
RUN = Run(
    experiment="elbo",
    dataset="digits",
    train_images=300,
    test_images=100,
    shape=SHAPE,
    estimator="ReinMax",
    hyper=(("tau", 1.3),),
    optimizer="Adam",
    learning_rate=5e-4,
    batch_size=100,
    epochs=2,
    seed=0,
)


class PlainVAE(nn.Module):
    """The same model as anyone would write it, holding a copy of one replica's parameters."""

    def __init__(self, vae: DiscreteVAE, replica: int) -> None:
        super().__init__()
        layers = []
        for layer in vae.stack.layers:
            linear = nn.Linear(layer.weight.shape[1], layer.weight.shape[2])
            linear.weight.data.copy_(layer.weight[replica].T)
            linear.bias.data.copy_(layer.bias[replica])
            layers.append(linear)
        encoder, decoder = layers[:3], layers[3:]
        self.encoder = nn.Sequential(encoder[0], nn.ReLU(), encoder[1], nn.ReLU(), encoder[2])
        self.decoder = nn.Sequential(decoder[0], nn.ReLU(), decoder[1], nn.ReLU(), decoder[2])

    def terms(
        self, images: Tensor, estimator: str, stream: Streams, **hyper: float
    ) -> tuple[Tensor, Tensor]:
        """Reconstruction and KL, nats per image."""
        logits = self.encoder(images).unflatten(-1, (SHAPE.latents, SHAPE.categories))
        codes = get(estimator).sample(logits[None], stream, **hyper)[0]  # type: ignore[attr-defined]
        pixels = self.decoder(codes.flatten(1))
        reconstruction = (
            F.binary_cross_entropy_with_logits(pixels, images, reduction="none").sum(-1).mean()
        )
        q = logits.softmax(-1)
        kl = (q * (q * SHAPE.categories).log()).sum((-1, -2)).mean()
        return reconstruction, kl


def csv_of(runs: list[Run], images: Images, trainer: Trainer) -> str:
    """The table of what a trainer has come to."""
    return to_csv(runs, finished_runs(trainer, runs, images, {}))


def trainer_of(runs: list[Run], images: Images) -> Trainer:
    return make_trainer(runs, images, "cpu")


def test_elbo_and_gradients_equal_a_plain_model(digits: Images) -> None:
    vae = DiscreteVAE(SHAPE, [0, 1])
    images = torch.from_numpy(digits.train[:200]).view(2, 100, 784).float() / 255
    estimator = get("ReinMax")
    logits = vae.encode(images)
    estimate = estimator.surrogate(
        logits, lambda z: vae.reconstruction(images, z), Streams.derive([0, 1], "noise"), tau=1.3
    )
    kl = kl_to_uniform(logits).mean(-1)
    (estimate.surrogate.mean(-1) + kl).sum().backward()
    for replica in (0, 1):
        plain = PlainVAE(vae, replica)
        terms = plain.terms(images[replica], "ReinMax", Streams.derive([replica], "noise"), tau=1.3)
        torch.testing.assert_close(estimate.loss.mean(-1)[replica], terms[0].detach())
        torch.testing.assert_close(kl[replica], terms[1])
        sum(terms).backward()  # type: ignore[union-attr]
        linears = [m for m in plain.modules() if isinstance(m, nn.Linear)]
        for layer, linear in zip(vae.stack.layers, linears, strict=True):
            assert linear.weight.grad is not None
            assert linear.bias.grad is not None
            torch.testing.assert_close(
                layer.weight_grad[replica].T, linear.weight.grad, rtol=1e-4, atol=1e-6
            )
            torch.testing.assert_close(
                layer.bias_grad[replica], linear.bias.grad, rtol=1e-4, atol=1e-6
            )


def test_bernoulli_cross_entropy_at_extreme_logits() -> None:
    vae = DiscreteVAE(SHAPE, [0])
    logits = torch.tensor([-200.0, -20.0, -1e-3, 0.0, 0.5, 15.0, 300.0]).repeat(112).view(1, 1, 784)
    logits.requires_grad_()
    targets = torch.linspace(0, 1, 784).view(1, 1, 784)
    vae.decode = lambda codes: logits  # type: ignore[method-assign, assignment]
    ours = vae.reconstruction(targets, torch.empty(0))
    expected = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours, logits), torch.autograd.grad(expected, logits)
    )


def test_gradients_add_up_when_the_loss_is_called_again() -> None:
    """Score-function estimators call the decoder more than once in a step."""
    vae = DiscreteVAE(SHAPE, [0])
    images = torch.rand(1, 10, 784)
    codes = F.one_hot(torch.randint(8, (2, 1, 10, 4)), 8).float()
    single = []
    for code in codes:
        vae.stack.zero_grad()
        vae.reconstruction(images, code).sum().backward()
        single.append([grad.clone() for grad in vae.stack.grads])
    vae.stack.zero_grad()
    sum(vae.reconstruction(images, code).sum() for code in codes).backward()  # type: ignore[union-attr]
    for total, *parts in zip(vae.stack.grads, *single, strict=True):
        # Only the decoder has been gone through; the encoder's gradients are still zero.
        torch.testing.assert_close(total, parts[0] + parts[1])


def test_initial_values_are_torchs_default_law() -> None:
    vae = DiscreteVAE(SHAPE, list(range(3)))
    for layer in vae.stack.layers:
        bound = layer.weight.shape[1] ** -0.5
        for values in (layer.weight, layer.bias):
            assert values.abs().max() <= bound
        assert layer.weight.std() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert not torch.equal(layer.weight[0], layer.weight[1])


@pytest.mark.parametrize("optimizer", ["Adam", "RAdam"])
def test_optimizer_equals_torch_step_by_step(optimizer: str) -> None:
    """200 steps over gradients of 1e-6 to 1e2; RAdam's first five steps are the unadapted ones."""
    torch.manual_seed(0)
    values = torch.randn(2, 500)
    rates = [1e-3, 5e-4]
    theirs = [nn.Parameter(values[r].clone()) for r in (0, 1)]
    reference = [
        getattr(torch.optim, optimizer)([p], lr=lr) for p, lr in zip(theirs, rates, strict=True)
    ]
    grads = torch.zeros_like(values)
    ours = ReplicaOptimizer([values], [grads], [optimizer] * 2, rates)
    alive = torch.zeros(2)
    for step in range(200):
        before = values.clone()
        grads.copy_(torch.randn(2, 500) * torch.logspace(-6, 2, 500))
        ours.step(alive)
        for replica, (parameter, plain) in enumerate(zip(theirs, reference, strict=True)):
            parameter.grad = grads[replica].clone()
            plain.step()
            assert (values[replica] != before[replica]).any()
            torch.testing.assert_close(
                values[replica], parameter.detach(), rtol=1e-6, atol=1e-6, msg=f"step {step + 1}"
            )


def test_optimizer_leaves_dead_replicas_alone() -> None:
    values, grads = torch.ones(3, 4), torch.ones(3, 4)
    grads[1] = torch.nan
    optimizer = ReplicaOptimizer([values], [grads], ["Adam", "RAdam", "RAdam"], [0.1] * 3)
    optimizer.step(torch.tensor([0.0, 1.0, 0.0]))
    assert (values[1] == 1).all()
    assert (values[[0, 2]] < 1).all()


@pytest.mark.parametrize(
    ("estimator", "hyper"),
    [
        ("ReinMax", (("tau", 1.3),)),
        ("Gumbel-Rao", (("tau", 0.5), ("draws", 5))),
        ("ReinMax-CV", (("tau", 1.0), ("eta", 1.5), ("draws", 5))),
        ("REINFORCE-LOO", (("samples", 3),)),
    ],
)
def test_a_replica_alone_trains_as_in_a_batch(
    digits: Images, estimator: str, hyper: tuple[tuple[str, float], ...]
) -> None:
    base = replace(RUN, estimator=estimator, hyper=hyper)
    runs = [
        base,
        replace(base, seed=1, learning_rate=1e-3, optimizer="RAdam"),
        replace(base, seed=2, optimizer="RAdam"),
    ]
    together = trainer_of(runs, digits)
    alone = trainer_of(runs[1:2], digits)
    for trainer in (together, alone):
        trainer.run_epoch()
        trainer.run_epoch()
    for name, values in together.history.metrics.items():
        for epoch in (0, 1):
            torch.testing.assert_close(
                values[epoch][1:2],
                alone.history.metrics[name][epoch],
                rtol=2e-4,
                atol=1e-4,
                msg=name,
            )
    assert together.history.metrics["train_reconstruction"][0][0] != values[0][1]


def test_training_lowers_the_negative_elbo(digits: Images) -> None:
    trainer = trainer_of([RUN, replace(RUN, seed=1)], digits)
    for _ in range(4):
        trainer.run_epoch()
    metrics = trainer.history.metrics
    first, last = (metrics["train_reconstruction"][e] + metrics["train_kl"][e] for e in (0, -1))
    assert (last < first - 20).all()


def test_images_are_gathered_scaled_and_each_seen_once(digits: Images) -> None:
    """In two passes, whose means weigh the smaller last batch as what it is."""
    images, seen = torch.from_numpy(digits.train[:250]), list[Tensor]()

    def work(batch: Tensor, streams: Streams) -> Tensor:
        seen.append(batch)
        return batch.mean((1, 2))[None]

    passes = ImagePass(images, 100, 2, work)
    assert passes.steps == 3
    for epoch in (1, 2):
        seen.clear()
        order = Streams.derive([0, 1], "shuffle", epoch).permutations(250)
        found = passes.run(order, Streams.derive([0, 1], "noise", epoch))
        assert [batch.shape[1] for batch in seen] == [100, 100, 50]
        expected = images.float() / 255
        for replica in (0, 1):
            torch.testing.assert_close(torch.cat(seen, 1)[replica], expected[order[replica]])
        assert not torch.equal(order[0], order[1])
        torch.testing.assert_close(found, expected.double().mean().expand(1, 2), rtol=1e-6, atol=0)


def test_a_diverged_replica_is_frozen_and_disturbs_no_other(digits: Images) -> None:
    runs = [RUN, replace(RUN, seed=1), replace(RUN, seed=2)]
    trainer, undisturbed = trainer_of(runs, digits), trainer_of(runs, digits)
    trainer.run_epoch()
    undisturbed.run_epoch()
    trainer.objective.model.stack.layers[0].bias[1] = torch.nan
    frozen = [parameter[1].clone() for parameter in trainer.objective.parameters]
    for _ in range(2):
        trainer.run_epoch()
        undisturbed.run_epoch()
    assert trainer.history.diverged.tolist() == [0, 2, 0]
    for before, after in zip(frozen, trainer.objective.parameters, strict=True):
        assert torch.equal(before.nan_to_num(7), after[1].nan_to_num(7))
    for name, values in trainer.history.metrics.items():
        for ours, theirs in zip(values, undisturbed.history.metrics[name], strict=True):
            assert torch.equal(ours[[0, 2]], theirs[[0, 2]])
        assert [bool(v[1].isnan()) for v in values] == [False, True, True]
    rows = [line.split(",") for line in csv_of(runs, digits, trainer).splitlines()]
    status, epoch, seed = (rows[0].index(name) for name in ("status", "epoch", "seed"))
    diverged = [(row[seed], row[epoch]) for row in rows[1:] if row[status] == "diverged"]
    assert diverged == [("1", "2"), ("1", "3")]


def test_checkpoint_goes_on_bit_for_bit(digits: Images, tmp_path: Path) -> None:
    runs = [RUN, replace(RUN, seed=1, optimizer="RAdam")]
    straight = trainer_of(runs, digits)
    for _ in range(3):
        straight.run_epoch()
    stopped = trainer_of(runs, digits)
    stopped.run_epoch()
    checkpoint.save(tmp_path / "c", stopped, "same")
    resumed = trainer_of(runs, digits)
    assert checkpoint.restore(tmp_path / "c", resumed, "same")
    assert resumed.history.epochs == 1
    for _ in range(2):
        resumed.run_epoch()
    assert csv_of(runs, digits, resumed) == csv_of(runs, digits, straight)
    for ours, theirs in zip(
        resumed.objective.parameters, straight.objective.parameters, strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("damage", ["other fingerprint", "truncated", "not a checkpoint"])
def test_unusable_checkpoint_is_passed_over(
    digits: Images, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c"
    trainer = trainer_of([RUN], digits)
    trainer.run_epoch()
    checkpoint.save(path, trainer, "other" if damage == "other fingerprint" else "same")
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100_000])
    if damage == "not a checkpoint":
        path.write_bytes(b"hello")
    fresh = trainer_of([RUN], digits)
    before = copy.deepcopy(fresh.objective.parameters)
    assert not checkpoint.restore(path, fresh, "same")
    for ours, theirs in zip(before, fresh.objective.parameters, strict=True):
        assert torch.equal(ours, theirs)
    assert "starts anew" in capsys.readouterr().err


@pytest.mark.slow
def test_reinmax_learns_mnist_as_published_and_as_the_authors(mnist: Images) -> None:
    """8x4, Table 5's settings, two epochs on all of MNIST, seeds that are not published."""
    run = replace(RUN, dataset="mnist", train_images=None, test_images=None)
    trainer = trainer_of([replace(run, seed=seed) for seed in (100, 101)], mnist)
    published = pd.read_csv(ROOT / "published/paper/early/8x4/ReinMax.csv.gz")
    authors = pd.read_csv(ROOT / "report/reference/authors_curves.csv")
    authors = authors[(authors["estimator"] == "ReinMax") & (authors["latent"] == "8x4")]
    for epoch in (1, 2):
        trainer.run_epoch()
        for part in ("train", "test"):
            metrics = trainer.history.metrics
            ours = metrics[f"{part}_reconstruction"][-1] + metrics[f"{part}_kl"][-1]
            seeds = published.loc[published["epoch"] == epoch, f"{part}_nelbo_nats"]
            theirs = authors.loc[authors["epoch"] == epoch, f"{part}_mean"].item()
            for mean, count in ((seeds.mean(), len(seeds)), (theirs, 10)):
                error = seeds.std() * (1 / len(ours) + 1 / count) ** 0.5
                assert abs(ours.mean() - mean) < 4 * error, f"epoch {epoch}, {part}: {ours}, {mean}"


def test_rounded_products_are_those_of_autocast() -> None:
    """Loss and gradients beside the plain model's under torch.autocast, both against float32's."""
    torch.manual_seed(0)
    images = torch.rand(1, 50, 784)
    found = {}
    for products in (torch.float32, torch.bfloat16):
        vae = DiscreteVAE(SHAPE, [0], products=products)
        logits = vae.encode(images)
        assert logits.dtype == torch.float32
        (
            vae.reconstruction(images, logits.softmax(-1)).mean(-1) + kl_to_uniform(logits).mean(-1)
        ).sum().backward()
        found[products] = [grad[0].clone() for grad in vae.stack.grads]
        assert all(grad.dtype == torch.float32 for grad in found[products])
    plain = PlainVAE(DiscreteVAE(SHAPE, [0]), 0)
    with torch.autocast("cpu", torch.bfloat16):
        logits = plain.encoder(images[0]).float().unflatten(-1, (SHAPE.latents, SHAPE.categories))
        pixels = plain.decoder(logits.softmax(-1).flatten(1)).float()
    loss = F.binary_cross_entropy_with_logits(pixels, images[0], reduction="none").sum(-1).mean()
    (loss + kl_to_uniform(logits).mean()).backward()
    theirs = [p.grad.T if p.ndim == 2 else p.grad for p in plain.parameters() if p.grad is not None]
    for exact, ours, other in zip(found[torch.float32], found[torch.bfloat16], theirs, strict=True):
        error, allowed = (ours - exact).norm() / exact.norm(), (other - exact).norm() / exact.norm()
        assert 0 < error < 1.5 * allowed < 0.1
