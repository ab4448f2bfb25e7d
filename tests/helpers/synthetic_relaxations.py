"""Results of paper A's trainings and demonstrations that never happened, as the experiments leave
them.
"""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from reinrelax.config.load import Config
from reinrelax.jobs.job import Job

Rows = list[dict[str, Any]]

_LAWS = (
    "Dirichlet",
    "logistic-normal",
    "diagonal",
    "as drawn",
    "Dirichlet back",
    "Dirichlet back, printed",
)
_INVERSES = ("right", "printed", "printed, exponent corrected", "printed, factor corrected")


def metrics(test: float, seed: int) -> dict[str, float]:
    """The columns that trainings of relaxations add, for a discrete bound."""
    return {
        "relaxed_nelbo_nats": test - 5 + 0.1 * seed,
        "test_reconstruction_nats": test - 12,
        "test_kl_nats": 12.0,
    }


def write_pictures(cell: Job, path: Path) -> None:
    """Pictures of one cell: the first seed of each setting, and what was learned in every run."""
    first = min(run.seed for run in cell.runs)
    shown = [run.run_id for run in cell.runs if run.seed == first]
    random = np.random.default_rng(zlib.crc32(cell.name.encode()))

    def images(*shape: int) -> np.ndarray[Any, Any]:
        return random.integers(0, 256, (*shape, 784), dtype=np.uint8)

    latents, runs = cell.first.shape.latents, len(cell.runs)
    learned: dict[str, np.ndarray[Any, Any]] = {}
    if cell.first.shape.categories == 2:
        learned["probability"] = random.random((runs, latents))
        learned["probability_share"] = np.full((runs, 20), 0.05)
    if cell.first.estimator.startswith("Correlated-Bernoulli"):
        size = 0.0 if cell.first.estimator.endswith("-independent") else 0.1
        off = np.tril(random.uniform(-size, size, (latents, latents)), -1)
        learned["correlation"] = np.broadcast_to(
            off + off.T + np.eye(latents), (runs, latents, latents)
        )
    if cell.first.estimator.startswith("REBAR"):
        learned["eta"] = np.full(runs, 1.5)
    if cell.first.estimator.startswith("RELAX"):
        learned["tau"] = np.full(runs, 0.25)
    np.savez_compressed(
        path,
        originals=images(8),
        hard=images(len(shown), 8),
        relaxed=images(len(shown), 8),
        samples=images(len(shown), 64),
        shown_run_ids=np.array(shown),
        run_ids=np.array([run.run_id for run in cell.runs]),
        **learned,  # type: ignore[arg-type]
    )


def demonstration(name: str, config: Config) -> dict[str, Rows]:
    """Tables of one of the studies that need no training."""
    tables = {
        **{"copula": _copula, "bridge": _bridge, "decoupled": _decoupled},
        **{"properties": _properties, "library": _library},
    }
    return {table: list(rows) for table, rows in tables[name](config).items()}


def _copula(config: Config) -> dict[str, Iterator[dict[str, Any]]]:
    spec = config.demonstrations["copula"]
    return {"gates": _gates(config), "gate_samples": _gate_samples(len(spec.probs), spec.shown)}


def _gates(config: Config) -> Iterator[dict[str, Any]]:
    R = config.demonstrations["copula"].correlation
    yield from ({"i": i, "quantity": "eigenvalue", "value": 0.5 + i} for i in range(len(R)))
    for row, probs in enumerate(config.demonstrations["copula"].probs):
        for i, p in enumerate(probs):
            yield {"row": row, "i": i, "quantity": "probability", **_around(p), "expected": p}
            yield {"row": row, "i": i, "quantity": "mean", **_around(p), "expected": 1.02 * p}
        for i in range(len(R)):
            for j in range(i + 1, len(R)):
                for quantity, share in (
                    *(("score_correlation", 1.0), ("rank_correlation", 0.96)),
                    *(("relaxed_correlation", 0.7), ("gate_correlation", 0.6)),
                ):
                    value = share * R[i][j]
                    line = {"row": row, "i": i, "j": j, "quantity": quantity}
                    yield {**line, **_around(value), "expected": value}


def _gate_samples(rows: int, shown: int) -> Iterator[dict[str, Any]]:
    values = np.random.default_rng(0).beta(0.1, 0.1, (rows, shown, 3))
    for (row, sample, gate), value in np.ndenumerate(values):
        yield {"row": row, "sample": sample, "gate": gate, "value": value}


def _bridge(config: Config) -> dict[str, Iterator[dict[str, Any]]]:
    return {"densities": _densities(config), "bridge": _bridge_rows(config)}


def _densities(config: Config) -> Iterator[dict[str, Any]]:
    steps = config.demonstrations["bridge"].steps
    for alpha in config.demonstrations["bridge"].shown:
        for index, law in enumerate(_LAWS):
            for i in range(steps):
                for j in range(steps - i):
                    x, y = (i + 1 / 3) / steps, (j + 1 / 3) / steps
                    powers = zip((x, y, 1 - x - y), alpha, strict=True)
                    density = math.prod(p ** (a + index) for p, a in powers)
                    yield {"alpha": _text(alpha), "law": law, "x": x, "y": y, "density": density}


def _bridge_rows(config: Config) -> Iterator[dict[str, Any]]:
    spec = config.demonstrations["bridge"]
    families = [
        *(("shown", alpha, sum(alpha)) for alpha in spec.shown),
        *(
            ("random", tuple(float(1 + (k + n) % 9) for k in range(size)), size * (n + 1))
            for size in spec.sizes
            for n in range(spec.random)
        ),
        *(
            ("scaled", alpha, total)
            for alpha in (*spec.shown, (1.0, 1.0, 1.0))
            for total in spec.totals
        ),
    ]
    for family, alpha, total in families:
        line = {"family": family, "alpha": _text(alpha), "size": len(alpha), "total": total}
        for index, law in enumerate(_LAWS[1:4], 1):
            for quantity in ("kl_to_law", "kl_from_law", "mean_error", "std_ratio"):
                yield {**line, "law": law, "quantity": quantity, "value": index / (1 + total)}
        for index, law in enumerate(_INVERSES):
            error = {"quantity": "round_trip_error", "value": 1e-16 if index == 0 else index}
            yield {**line, "law": law, **error}
    for size in spec.sizes:
        for law in ("right", "printed"):
            for quantity in ("kl_from_gaussian", "mean_error"):
                line = {"family": "gaussian", "alpha": "s² = 1", "size": size, "total": 1.0}
                yield {**line, "law": law, "quantity": quantity, "value": 0.5}
    for law, value in (("full softmax", 0.0), ("reduced map", 1.0), ("sum-zero", 3.0)):
        line = {"family": "jacobian", "alpha": _text(spec.shown[0]), "size": 3, "total": 13.0}
        yield {**line, "law": law, "quantity": "determinant_over_product", "value": value}


def _decoupled(config: Config) -> dict[str, Iterator[dict[str, Any]]]:
    return {
        "sharpness": _sharpness(config),
        "temperatures": _temperatures(config),
        "inert": _inert(config),
    }


def _sharpness(config: Config) -> Iterator[dict[str, Any]]:
    logits = config.demonstrations["decoupled"].sharpness_logits
    for tau in config.demonstrations["decoupled"].sharpness_taus:
        weights = [math.exp(logit / (1 + tau)) for logit in logits]
        for category, weight in enumerate(weights):
            line, value = {"tau": tau, "category": category}, weight / sum(weights)
            yield {**line, "quantity": "one draw", "value": value}
            yield {**line, "quantity": "mean", **_around(value)}
            yield {**line, "quantity": "probability", "value": 1 / len(logits)}


def _temperatures(config: Config) -> Iterator[dict[str, Any]]:
    for forward in config.demonstrations["decoupled"].forward:
        for backward in config.demonstrations["decoupled"].backward:
            for quantity in ("entropy", "variance", "max_probability", "distance"):
                line = {"tau_forward": forward, "tau_backward": backward, "quantity": quantity}
                yield {**line, **_around(0.3 + 0.1 * backward + 0.001 * forward)}


def _inert(config: Config) -> Iterator[dict[str, Any]]:
    for forward in config.demonstrations["decoupled"].forward:
        for quantity in ("disagreements", "gradient_difference"):
            yield {"tau_forward": forward, "quantity": quantity, "value": 0.0, "expected": 0.0}
        yield {"tau_forward": forward, "quantity": "ties", "value": 0.0}
    for quantity in ("entropy", "variance", "max_probability", "distance"):
        yield {"quantity": f"F forward, {quantity}", "value": 1.2, "expected": 2.6}
        yield {"quantity": f"F backward, {quantity}", "value": 900.0, "expected": 2.6}


def _properties(config: Config) -> dict[str, Iterator[dict[str, Any]]]:
    return {"properties": property_rows()}


def property_rows() -> Iterator[dict[str, Any]]:
    for relaxation, variant, bias in (
        *(("RelaxedBernoulli", "", 0.3), ("StraightThroughBernoulli", "copy", 2.0)),
        *(("REBAR", "Bernoulli", 0.0), ("RELAX", "Bernoulli, unnormalised", 0.4)),
    ):
        name = {"relaxation": relaxation, "variant": variant}
        for place in ("a = -1.5", "a = 0", "a = 1"):
            for tau in (0.1, 0.5):
                line = {**name, "setting": f"{place}, tau {tau:g}"}
                yield {**line, "property": "discrete_share", "value": 1.0, "low": 1.0, "high": 1.0}
                yield {**line, "property": "mean", **_around(0.5), "expected": 0.5}
                yield {**line, "property": "gradient", **_around(0.1 * (1 + bias)), "expected": 0.1}
                yield {**line, "property": "gradient_variance", **_around(0.02)}
                yield {**line, "property": "fit_p_value", "value": 1e-9 if bias > 1 else 0.5}
                yield {**line, "property": "density_integral", "value": 1.0, "expected": 1.0}
        yield {
            **name,
            "setting": "float32",
            "property": "finite_share",
            "value": 1.0,
            "expected": 1.0,
        }


def _library(config: Config) -> dict[str, Iterator[dict[str, Any]]]:
    return {"library": _library_rows()}


def _library_rows() -> Iterator[dict[str, Any]]:
    for implementation, holds, correlation in (("relaxit", 0.0, 1.0), ("reinrelax", 1.0, 0.0)):
        line = {"law": "III.C", "implementation": implementation, "class": "HardConcrete"}
        for check in ("torch", "pyro", "rsample", "log_prob", "gradient", "method"):
            yield {**line, "check": check, "value": 1.0, "expected": 1.0}
        raised = {} if holds else {"raised": "RuntimeError"}
        yield {**line, "check": "sample_shape", "value": holds, "expected": 1.0, **raised}
        yield {**line, "check": "integral", "value": 1.0, "expected": 1.0}
        limits = {"low": correlation - 0.01, "high": correlation + 0.01}
        yield {**line, "check": "correlation", "value": correlation, **limits, "expected": 0.0}
        yield {
            **line,
            "check": "kl",
            **({"raised": "NotImplementedError"} if not holds else _around(0.2)),
        }
        yield {**line, "check": "round_trip", "value": 0.0, "expected": 0.0}


def _around(value: float) -> dict[str, float]:
    return {"value": value, "low": 0.98 * value, "high": 1.02 * value}


def _text(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{number:g}" for number in numbers)
