"""Results of trainings that never happened: tidy tables and records such as an experiment
leaves.
"""

import json
import math
import zlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.config.declared import COLUMNS, DEMONSTRATIONS
from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.config.specs import Gradients
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.experiments.discrete_vae.elbo import method_of, paper_name
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells, table_path
from reinrelax.jobs.studies import studies
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS
from tests.helpers import synthetic_relaxations as relaxed
from tests.helpers.synthetic_rl import learning

# Final train and test negative ELBO of a run, nats per image.
Final = Callable[[Run], tuple[float, float]]

RECORD: dict[str, Any] = {
    "reinrelax": "0.1.0",
    "commit": "0" * 40,
    "host": "somewhere",
    "device": "cpu",
    "platform": "Linux-6.1-x86_64",
    "processor": "Some processor, 4 cores",
    "threads": 2,
    "python": "3.11.7",
    "torch": "2.15.0",
    "numpy": "2.4.6",
    "started": "2026-01-02T03:04:05+00:00",
    "wall_seconds": 12.5,
    "peak_memory_mb": 345.6,
}


def asked(job: Job) -> dict[str, str]:
    """What a record says of the job that was asked for."""
    hashes = {"settings_hash": job.settings_hash, "source_hash": job.source_hash}
    return {"fingerprint": job.fingerprint, **hashes}


def noise(run: Run, std: float = 0.2) -> float:
    """A normal number of its own for each estimator, latent shape and seed."""
    name = zlib.crc32(f"{run.estimator} {run.shape}".encode())
    return std * float(np.random.default_rng([name, run.seed]).normal())


def published(run: Run, root: Path) -> tuple[float, float]:
    """The paper's own numbers, printed or run, with seeds scattered about them."""
    out, own = [], paper_name(method_of(run.experiment), run.estimator)
    for name in ("table2_train_elbo", "table3_test_elbo"):
        table = pd.read_csv(root / f"report/reference/{name}.csv").set_index(
            ["estimator", "latent"]
        )
        out.append(float(table["mean"][own, str(run.shape)]) + noise(run))
    return out[0], out[1]


def write_results(
    config: Config,
    final: Final,
    *,
    only: Callable[[Job], bool] = lambda cell: True,
    diverged: Collection[tuple[str, str, int]] = (),
    epochs: Iterable[int] | None = None,
    **record: Any,
) -> None:
    """Write table and record of the configuration's cells.

    Args:
        config: whose cells.
        final: what each run arrives at.
        only: which cells.
        diverged: estimator, latent shape and seed of runs that end in NaN.
        epochs: which epochs get a row; the last is always among them.
        record: entries over those of the provenance record; `dataset` also goes into the rows, and
            `sha256` is that of its images.
    """
    for cell in cells(config).values():
        if only(cell):
            write_cell(config, cell, final, diverged, epochs, record)


def write_cell(
    config: Config,
    cell: Job,
    final: Final,
    diverged: Collection[tuple[str, str, int]] = (),
    epochs: Iterable[int] | None = None,
    record: dict[str, Any] | None = None,
) -> None:
    """Write table and record of one cell."""
    record = record or {}
    total = cell.first.epochs
    shown = sorted({*(epoch for epoch in epochs or range(1, total) if epoch < total), total})
    lines = []
    for run in cell.runs:
        train, test = final(run)
        dead = (run.estimator, str(run.shape), run.seed) in diverged
        for epoch in shown:
            above = 90 * math.exp(-5 * epoch / total) - 90 * math.exp(-5) + 4 * noise(run) / epoch
            status = "diverged" if dead and epoch == total else "ok"
            gap = math.nan if status == "diverged" else above
            lines.append(
                _line(
                    run, record.get("dataset", run.dataset), epoch, status, train + gap, test + gap
                )
            )
    path = table_path(config, cell.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(lines).to_csv(path, index=False)
    images = {
        "name": record.get("dataset", cell.first.dataset),
        "sha256": record.get("sha256", "0" * 64),
    }
    known = {**asked(cell), **RECORD, "images_trained": 1}
    path.with_suffix(".json").write_text(
        json.dumps({**known, **record, "dataset": images}), encoding="utf-8"
    )
    if cell.first.experiment == "relaxations":
        relaxed.write_pictures(cell, path.with_suffix(".npz"))


def _line(
    run: Run, dataset: str, epoch: int, status: str, train: float, test: float
) -> dict[str, Any]:
    hyper = dict(run.hyper)
    # Those of the other trainings go into every table, as in the experiments' own.
    names = tuple(HYPERPARAMETERS)
    more = tuple(OF_LATENTS) if run.experiment == "relaxations" else ()
    return {
        "run_id": run.run_id,
        "experiment": run.experiment,
        "dataset": dataset,
        "train_images": run.train_images or 60_000,
        "test_images": run.test_images or 10_000,
        "categories": run.shape.categories,
        "latents": run.shape.latents,
        "estimator": run.estimator,
        **{name: hyper.get(name) for name in (*names, *more)},
        "optimizer": run.optimizer,
        "learning_rate": run.learning_rate,
        "batch_size": run.batch_size,
        "products": run.products,
        "epochs": run.epochs,
        "seed": run.seed,
        "status": status,
        "epoch": epoch,
        "train_nelbo_nats": train,
        "test_nelbo_nats": test,
        **(relaxed.metrics(test, run.seed) if more else {}),
    }


# Settings of an estimator, epoch and quantity to a planted value.
Planted = Callable[[str, dict[str, float], int, str], float]

_WHOLE = ("cosine", "cosine_unlimited", "cosine_batch", "cosine_first_1000")
_QUANTITIES = (
    *_WHOLE,
    "variance",
    "std_root",
    "std_relative",
    "std_image",
    "relative_bias",
    "p_unbiased",
)
_RULES = {"rectangle": 0.4, "trapezoid": 0.1, "Simpson": 0.02, "cubic": 0.005}
# Bias and spread that make a picture like the real one.
_LEVELS = {
    **{"STGS": (0.35, 3.0), "Gumbel-Rao": (0.30, 0.8), "ST": (0.45, 0.5), "GST-1.0": (0.25, 2.0)},
    **{"ReinMax": (0.08, 4.0), "ReinMax-Rao": (0.15, 0.7), "ReinMax-CV": (0.10, 2.2)},
}


def plausible(estimator: str, hyper: dict[str, float], epoch: int, quantity: str) -> float:
    """Something of the order of what is measured, smooth in epoch and τ."""
    default = (
        0.05 + (zlib.crc32(estimator.encode()) % 50) / 100,
        1.0 + zlib.crc32(estimator.encode()) % 7,
    )
    bias, spread = _LEVELS.get(estimator, default)
    tau, eta = hyper.get("tau", 1.0), hyper.get("eta", 1.5)
    age = 1 + epoch / 20
    bias = bias * (0.6 + 0.4 * tau) * (1 + 0.1 * eta)
    if quantity in _WHOLE:
        return 1 - bias / age
    if quantity == "variance":
        return 1e-6 * spread**2 * age / tau
    if quantity in ("std_root", "std_relative", "std_image"):
        return spread * (1e-3 if quantity == "std_root" else 1.0)
    return bias if quantity == "relative_bias" else 0.5


def write_studies(
    config: Config,
    planted: Planted = plausible,
    *,
    only: Callable[[str], bool] = lambda name: True,
    seconds: Callable[[str, int, int], float] = lambda estimator, replicas, number: 3.0 * replicas,
    **record: Any,
) -> None:
    """Write tables and record of the configuration's studies.

    Args:
        config: whose studies.
        planted: the value of each quantity of an estimator.
        only: which, by name.
        seconds: of an epoch, by estimator, replicas and round.
        record: entries over those of the provenance record.
    """
    for study in studies(config).values():
        if not only(study.name):
            continue
        folder = config.folder / study.name
        folder.mkdir(parents=True, exist_ok=True)
        makers = {"identities": _identities, "cost": lambda config: _cost(config, seconds)}
        if study.name in DEMONSTRATIONS:
            tables = relaxed.demonstration(study.name, config)
        elif study.name in makers:
            tables = {study.name: makers[study.name](config)}
        elif study.name.startswith("rl/"):
            tables = learning(study.settings)
        else:
            tables = _snapshot(config, study, planted)
        for name, lines in tables.items():
            pd.DataFrame(lines, columns=list(COLUMNS[name])).to_csv(
                folder / f"{name}.csv", index=False
            )
        known = {**asked(study), **RECORD}
        (folder / "record.json").write_text(json.dumps({**known, **record}), encoding="utf-8")


def _snapshot(config: Config, study: Job, planted: Planted) -> dict[str, list[dict[str, Any]]]:
    spec, epoch, last = (
        config.gradients[study.experiment],
        study.settings["epoch"],
        study.settings["last"],
    )
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in spec.tables}
    shared = {"epoch": epoch, "estimates": spec.samples, "images": spec.images}
    roles = {
        "figure1": spec.figure1,
        **({"table1": spec.table1, "sweep": spec.sweep} if last else {}),
    }
    for seed in config.trainings[study.experiment].seeds:
        for role, measured in roles.items():
            for one in measured:
                for quantity in _QUANTITIES:
                    value = planted(one.estimator, dict(one.hyper), epoch, quantity) * (
                        1 + 0.01 * seed
                    )
                    line = {
                        **shared,
                        "role": role,
                        "seed": seed,
                        "estimator": one.estimator,
                        **dict(one.hyper),
                    }
                    line |= {"quantity": quantity, **_around(value, quantity != "p_unbiased")}
                    tables["estimators"].append(line)
        if "control" in tables:
            tables["control"] += [
                {**shared, "seed": seed, **line} for line in _control(spec, epoch)
            ]
        if "quadrature" not in tables:
            continue
        for rule, error in _RULES.items():
            value = error * (1 + epoch / 50)
            line = {"seed": seed, "epoch": epoch, "rule": rule}
            tables["quadrature"] += [
                {**line, "quantity": "error_relative", "value": value},
                {**line, "quantity": "error_rms", "value": 3 * value},
            ]
        for beta in spec.betas:
            for rule, sign in (("endpoint", 1), ("endpoint, Eq. 24", -1)):
                value = 0.1 + abs(sign * (beta - 0.5) - 0.02)
                line = {"seed": seed, "epoch": epoch, "rule": rule, "beta": beta}
                tables["quadrature"].append({**line, "quantity": "error_relative", "value": value})
        for rule in ("g'", *_RULES):
            for step in range(0, 21):
                x = step / 20
                slope = {"rectangle": 1.0, "trapezoid": 1 + x}.get(
                    rule, 1 + x + 0.8 * math.sin(math.pi * x)
                )
                line = {
                    "seed": seed,
                    "epoch": epoch,
                    "rule": rule,
                    "x": x,
                    "slope": slope,
                    "integral": 1.5,
                }
                tables["example"].append(line)
    return tables


def _control(spec: Gradients, epoch: int) -> Iterable[dict[str, Any]]:
    for index, reading in enumerate(("as printed", "matched", "differentiated")):
        for tau in spec.control_taus:
            line = {"reading": reading, "tau": tau, "draws": spec.draws}
            for quantity in ("correlation", "covariance_relative", "best_eta", "mean_relative"):
                yield {**line, "quantity": quantity, **_around(0.2 + 0.1 * index)}
            for eta in spec.control_etas:
                ratio = 1 + (0.6 if index == 0 else -0.5) * eta / tau**0.5 + 0.3 * eta**2 / tau
                yield {**line, "eta": eta, "quantity": "variance_ratio", **_around(ratio)}
                yield {**line, "eta": eta, "quantity": "variance", **_around(1e-6 * ratio)}
                bias = 0.05 + 0.1 * eta * (index != 1) / (1 + index)
                for quantity in ("relative_bias", "bias_added"):
                    yield {**line, "eta": eta, "quantity": quantity, **_around(bias)}
                yield {**line, "eta": eta, "quantity": "cosine", **_around(1 - bias)}


def _identities(config: Config) -> list[dict[str, Any]]:
    spec = config.identities
    return [
        {
            **{
                "identity": "Theorem 1",
                "categories": shape.categories,
                "latents": shape.latents,
                "beta": beta,
            },
            **{"functions": spec.functions, "quantity": quantity, "value": abs(beta - 0.5)},
        }
        for shape in spec.shapes
        for beta in spec.betas
        for quantity in ("deviation_max", "deviation_median")
    ]


def _cost(config: Config, seconds: Callable[[str, int, int], float]) -> list[dict[str, Any]]:
    spec = config.cost
    return [
        {
            **{
                "estimator": one.estimator,
                "latent": str(spec.latent_shape),
                "draws": dict(one.hyper).get("draws"),
            },
            **{"replicas": replicas, "round": number, "images": spec.images},
            "seconds": seconds(one.estimator, replicas, number),
        }
        for number in range(1, spec.rounds + 1)
        for one in spec.estimators
        for replicas in (1, spec.replicas)
    ]


def _around(value: float, interval: bool = True) -> dict[str, float | None]:
    return (
        {"value": value, "low": 0.95 * value, "high": 1.05 * value}
        if interval
        else {"value": value}
    )
