"""What is measured at a snapshot, against the model itself and against one-by-one computations."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reinrelax import estimators
from reinrelax.config.declared import COLUMNS
from reinrelax.config.load import GRADIENTS, Config
from reinrelax.config.specs import Gradients, Measured
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.datasets.images import Images, save
from reinrelax.errors import ResultsError
from reinrelax.estimators import exact
from reinrelax.experiments.gradients import bias, control
from reinrelax.experiments.gradients import measure as gradients
from reinrelax.experiments.snapshots import read_snapshot
from reinrelax.experiments.study import run_study
from reinrelax.experiments.training import train_cell
from reinrelax.jobs.studies import snapshot_cell, snapshot_path, studies
from reinrelax.vae.autoencoder import DiscreteVAE
from reinrelax.vae.enumerated import EnumeratedLoss

SHAPE, SEEDS = LatentShape(3, 2), [4, 7]
SPEC = Gradients(
    snapshots=(0, 2),
    images=5,
    samples=64,
    draws=3,
    resamples=25,
    figure1=(Measured("ReinMax", (("tau", 1.0),)), Measured("REINFORCE-LOO", (("samples", 2),))),
    table1=(Measured("ST", (("tau", 1.3),)),),
    sweep=(Measured("Gumbel-Rao", (("draws", 3), ("tau", 0.5))),),
    control_taus=(0.5,),
    control_etas=(0.0, 1.5),
    betas=(0.25, 0.5),
)


@pytest.fixture(scope="module")
def batch() -> Tensor:
    return torch.rand(5, 784, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def batches(batch: Tensor) -> Tensor:
    """One batch for all replicas."""
    return batch.expand(len(SEEDS), -1, -1)


@pytest.fixture(scope="module")
def model() -> DiscreteVAE:
    """Larger parameters than the initial ones, or f would be as good as linear in the code."""
    vae = DiscreteVAE(SHAPE, SEEDS)
    for parameter in vae.stack.parameters:
        parameter.mul_(2.0)
    return vae


def snapshot_of(
    model: DiscreteVAE, batch: Tensor, replica: int = 0, **changes: Any
) -> gradients.Snapshot:
    with torch.no_grad():
        logits = model.encode(batch.expand(len(SEEDS), -1, -1))[replica]
    loss = EnumeratedLoss(model, replica, batch)
    return gradients.Snapshot(loss, logits, replace(SPEC, **changes), SEEDS[replica], 2)


def loss_of(model: DiscreteVAE, batch: Tensor, replica: int) -> Callable[[Tensor], Tensor]:
    """f of codes `[..., B, L, C]` by the model itself, `[..., B]`."""

    def f(codes: Tensor) -> Tensor:
        flat = codes.flatten(0, -4)[None] if codes.ndim > 3 else codes[None, None]
        parts = []
        for one in flat[0]:
            both = one.expand(len(SEEDS), *one.shape)
            parts.append(model.reconstruction(batch.expand(len(SEEDS), -1, -1), both)[replica])
        return torch.stack(parts).view(codes.shape[:-2])

    return f


@pytest.mark.parametrize("replica", [0, 1])
def test_truth_is_the_models_own_gradient(model: DiscreteVAE, batch: Tensor, replica: int) -> None:
    snapshot = snapshot_of(model, batch, replica)
    expected = exact.gradient(snapshot.logits, loss_of(model, batch, replica)).flatten(-2)
    torch.testing.assert_close(snapshot.truth, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "hyper"),
    [
        ("ReinMax", {"tau": 1.3}),
        ("Gumbel-Rao", {"tau": 0.5, "draws": 3}),
        ("ReinMax-CV", {"tau": 0.5, "eta": 0.7, "draws": 3}),
        ("REINFORCE", {}),
        ("REINFORCE-LOO", {"samples": 3}),
    ],
)
def test_estimates_are_those_of_backpropagation_through_the_model(
    model: DiscreteVAE, batch: Tensor, name: str, hyper: dict[str, float]
) -> None:
    snapshot = snapshot_of(model, batch, samples=6)
    found = snapshot.estimates(Measured(name, tuple(hyper.items())))
    leaf = snapshot.logits.expand(1, 6, *snapshot.logits.shape).clone().requires_grad_()
    streams = Streams.derive([SEEDS[0]], "gradients", 2)
    estimators.get(name).surrogate(
        leaf, loss_of(model, batch, 0), streams, **hyper
    ).surrogate.sum().backward()
    assert leaf.grad is not None
    assert found.shape == (6, 5, 6)
    torch.testing.assert_close(found, leaf.grad[0].flatten(-2), rtol=1e-3, atol=1e-3)


def test_every_estimator_sees_the_same_draws(model: DiscreteVAE, batch: Tensor) -> None:
    snapshot = snapshot_of(model, batch)
    assert torch.equal(snapshot.sample().one_hot, snapshot.sample().one_hot)
    assert not torch.equal(snapshot.sample().one_hot, snapshot_of(model, batch, 1).sample().one_hot)


def test_reinforce_is_found_unbiased_and_straight_through_biased(
    model: DiscreteVAE, batch: Tensor
) -> None:
    snapshot = snapshot_of(model, batch, samples=4096)
    p = {
        name: bias.p_unbiased(snapshot.estimates(Measured(name, hyper)), snapshot.truth)
        for name, hyper in (("REINFORCE-LOO", (("samples", 2),)), ("ST", (("tau", 1.0),)))
    }
    assert p["REINFORCE-LOO"] > 1e-4
    assert p["ST"] < 1e-12


def test_tables_hold_what_is_asked_for(model: DiscreteVAE, batches: Tensor) -> None:
    tables = gradients.measure(model, SEEDS, batches, SPEC, epoch=2, last=True)
    assert set(tables) == {"estimators", "control", "quadrature", "example"}
    for name in tables:
        columns = COLUMNS[name]
        assert tables[name], name
        assert {key for row in tables[name] for key in row} <= set(columns), name
        assert {row["seed"] for row in tables[name]} == set(SEEDS)
    roles = {(row["role"], row["estimator"]) for row in tables["estimators"]}
    assert roles == {
        ("figure1", "ReinMax"),
        ("figure1", "REINFORCE-LOO"),
        ("table1", "ST"),
        ("sweep", "Gumbel-Rao"),
    }
    earlier = gradients.measure(model, SEEDS, batches, SPEC, epoch=0, last=False)
    assert {row["role"] for row in earlier["estimators"]} == {"figure1"}
    finite = [row["value"] for row in tables["estimators"] if row["quantity"] != "cosine_unlimited"]
    assert all(math.isfinite(value) for value in finite)


def test_what_is_not_asked_for_has_no_table(model: DiscreteVAE, batches: Tensor) -> None:
    spec = replace(SPEC, sweep=(), control_taus=(), control_etas=(), betas=())
    tables = gradients.measure(model, SEEDS, batches, spec, epoch=2, last=True)
    assert set(tables) == {"estimators"}
    full = gradients.measure(model, SEEDS, batches, SPEC, epoch=2, last=True)["estimators"]
    assert tables["estimators"] == [row for row in full if row["role"] != "sweep"]


def test_each_replica_is_measured_on_its_own_batch(model: DiscreteVAE, batch: Tensor) -> None:
    other = torch.rand(5, 784, generator=torch.Generator().manual_seed(2))
    own = gradients.measure(model, SEEDS, torch.stack((batch, other)), SPEC, epoch=2, last=False)
    for replica, pixels in enumerate((batch, other)):
        shared = gradients.measure(
            model, SEEDS, pixels.expand(2, -1, -1), SPEC, epoch=2, last=False
        )
        for name in ("estimators", "control", "quadrature", "example"):
            expected = [row for row in shared[name] if row["seed"] == SEEDS[replica]]
            assert [row for row in own[name] if row["seed"] == SEEDS[replica]] == expected, name


def test_batches_are_the_first_images_or_drawn_for_each_replica_and_epoch() -> None:
    assert gradients.chosen(50, SEEDS, SPEC, 2).tolist() == [[0, 1, 2, 3, 4]] * 2
    spec = replace(SPEC, random_images=True)
    drawn = gradients.chosen(50, SEEDS, spec, 2)
    assert drawn.shape == (2, 5)
    assert all(len(set(row)) == 5 and set(row) <= set(range(50)) for row in drawn.tolist())
    assert (gradients.chosen(50, SEEDS[1:], spec, 2) == drawn[1:]).all()
    others = [gradients.chosen(50, SEEDS[:1], spec, epoch).tolist() for epoch in (1, 3)]
    assert len({str(one) for one in (*others, *drawn[:, None].tolist())}) == 4
    # Every image is as likely: 400 batches of 5 out of 10 hold each 200 times, with a deviation of
    # 10.
    counts = np.bincount(gradients.chosen(10, range(400), spec, 2).ravel(), minlength=10)
    assert (abs(counts - 200) < 40).all()


def test_a_replica_alone_is_measured_as_in_company(model: DiscreteVAE, batches: Tensor) -> None:
    both = gradients.measure(model, SEEDS, batches, SPEC, epoch=2, last=True)
    alone = DiscreteVAE(SHAPE, SEEDS[1:])
    for target, source in zip(alone.stack.parameters, model.stack.parameters, strict=True):
        target.copy_(source[1:])
    own = gradients.measure(alone, SEEDS[1:], batches[1:], SPEC, epoch=2, last=True)
    for name in ("estimators", "control"):
        expected = [row["value"] for row in both[name] if row["seed"] == SEEDS[1]]
        # p-values deep in the tail depend on rounding; nothing else does by more than this.
        assert [row["value"] for row in own[name]] == pytest.approx(
            expected, rel=2e-2, abs=1e-4, nan_ok=True
        )


@pytest.mark.parametrize("reading", control.READINGS)
def test_control_terms_add_up_to_the_estimator(
    model: DiscreteVAE, batch: Tensor, reading: str
) -> None:
    name = {"as printed": "ReinMax-CV"}.get(reading, f"ReinMax-CV-{reading}")
    snapshot = snapshot_of(model, batch)
    sample = snapshot.sample()
    parts = control.terms(
        control.READINGS[reading], snapshot.slope_at(sample.one_hot), sample, 0.5, 3
    )
    hyper = (("draws", 3), ("eta", 0.7), ("tau", 0.5))
    expected = snapshot.estimates(Measured(name, hyper))
    torch.testing.assert_close(parts.reinmax + 0.7 * parts.added, expected)


def test_control_quantities_are_moments_of_the_terms(model: DiscreteVAE, batch: Tensor) -> None:
    snapshot = snapshot_of(model, batch, samples=512)
    sample = snapshot.sample()
    parts = control.terms(
        control.READINGS["as printed"], snapshot.slope_at(sample.one_hot), sample, 0.5, 3
    )
    rows = list(control.quantities(parts, (1.5,), snapshot.truth, snapshot.weights))
    found = {(eta, quantity.name): quantity for eta, quantity in rows}

    def trace(x: Tensor) -> float:
        return float(x.var(0, unbiased=False).sum())

    ratio = trace(parts.reinmax + 1.5 * parts.added) / trace(parts.reinmax)
    assert found[1.5, "variance_ratio"].value == pytest.approx(ratio, rel=1e-3)
    best = found[None, "best_eta"].value
    least = trace(parts.reinmax + best * parts.added)
    assert least < min(trace(parts.reinmax + (best + d) * parts.added) for d in (-0.1, 0.1))
    stacked = torch.stack((parts.first.flatten(1), parts.added.flatten(1)))
    centred = stacked - stacked.mean(1, keepdim=True)
    inner = (centred[0] * centred[1]).sum() / (centred[0].norm() * centred[1].norm())
    assert found[None, "correlation"].value == pytest.approx(float(inner), rel=1e-3)


@pytest.mark.parametrize("experiment", GRADIENTS)
def test_a_study_reads_a_snapshot_and_writes_its_tables(
    load_config: Callable[..., Config], digits: Images, experiment: str
) -> None:
    config = load_config(experiments={experiment: {"samples": 16, "first": 0}})
    save(digits, config.folder / "data")
    cell, path = snapshot_cell(config, experiment), snapshot_path(config, experiment)
    table = path.with_suffix(".csv")
    train_cell(cell, digits, table=table, known={}, device="cpu", checkpoint_every=1, extra={})
    study = studies(config)[f"{experiment}/epoch-2"]
    record = run_study(study, config, "cpu", {})
    assert record["fingerprint"] == study.fingerprint
    for path_of_table in study.tables:
        assert len((config.folder / path_of_table).read_text(encoding="utf-8").splitlines()) > 4
    with pytest.raises(ResultsError, match="no usable snapshot of epoch 1"):
        read_snapshot(path, cell.first.shape, 1, "cpu")
    model, seeds = read_snapshot(path, cell.first.shape, 0, "cpu")
    fresh = DiscreteVAE(cell.first.shape, seeds)
    for kept, initial in zip(model.stack.parameters, fresh.stack.parameters, strict=True):
        assert torch.equal(kept, initial)
    path.write_bytes(b"broken")
    with pytest.raises(ResultsError, match="Delete it and rerun"):
        run_study(study, config, "cpu", {})


def test_snapshots_survive_a_resumed_training(digits: Images, tmp_path: Path) -> None:
    """The later snapshot of a training that went on from a checkpoint is that of one that never
    stopped.
    """
    from reinrelax.experiments.discrete_vae.measure import make_trainer
    from reinrelax.training import checkpoint
    from tests.unit.training.test_engine import RUN

    straight, stopped, resumed = (make_trainer([RUN], digits, "cpu", (0, 1, 2)) for _ in range(3))
    for _ in range(2):
        straight.run_epoch()
    stopped.run_epoch()
    checkpoint.save(tmp_path / "c", stopped, "same")
    assert checkpoint.restore(tmp_path / "c", resumed, "same")
    resumed.run_epoch()
    assert set(resumed.kept) == {0, 1, 2}
    for epoch, kept in straight.kept.items():
        for ours, theirs in zip(resumed.kept[epoch], kept, strict=True):
            assert torch.equal(ours, theirs)
    assert not torch.equal(straight.kept[1][0], straight.kept[2][0])
