"""Correlated relaxed Bernoullis against their law (A, III.F and Appendix A)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinrelax.core.experiment import SIMULATION, Experiment, Table
from reinrelax.errors import ConfigError


@dataclass(frozen=True)
class Copula:
    """Correlated relaxed Bernoullis whose samples are held against their law (A, III.F and Appendix A).

    Attributes:
        probs: π, one row of d gates each.
        correlation: R of the normal scores, d rows of d.
        tau: temperature of the relaxed gates.
        samples: how many are drawn for each row of π.
        shown: how many of them are written out.
    """

    probs: tuple[tuple[float, ...], ...]
    correlation: tuple[tuple[float, ...], ...]
    tau: float
    samples: int
    shown: int


def _check(block: Mapping[str, Any]) -> None:
    """Do nothing if R is a correlation matrix and every row of π has a probability for each of its rows."""
    where = "experiments.copula"
    rows, size = block["correlation"], len(block["correlation"])
    if any(len(row) != size for row in rows):
        raise ConfigError(f"{where}.correlation: must be as many rows as columns; got {rows}")
    R = np.array(rows, dtype=float)
    if (R != R.T).any() or (R.diagonal() != 1).any() or np.linalg.eigvalsh(R)[0] <= 0:
        raise ConfigError(
            f"{where}.correlation: must be symmetric and positive definite with ones on the diagonal; "
            f"got {rows}"
        )
    for index, row in enumerate(block["probs"]):
        if len(row) != size or not all(0 < p < 1 for p in row):
            raise ConfigError(
                f"{where}.probs[{index}]: must be {size} probabilities between 0 and 1, as many as "
                f"correlation has rows; got {row}"
            )


EXPERIMENTS = (
    Experiment(
        "copula",
        "Correlated Bernoullis",
        "Just Relax It!",
        spec=Copula,
        check=_check,
        measure="copula.measure:measure",
        seconds=lambda settings: 0.8 + 2e-6 * settings["samples"],
        rests_on=SIMULATION,
        writes={
            "gates": {
                **{"row": int, "i": int, "j": int, "quantity": str},
                **{"value": float, "low": float, "high": float, "expected": float},
            },
            "gate_samples": {"row": int, "sample": int, "gate": int, "value": float},
        },
        tables=(
            Table("gates", ("row", "i", "j", "quantity")),
            Table("gate_samples", ("row", "sample", "gate")),
        ),
        figures={
            "dependence": "**Correlations of gates**: of scores, ranks, relaxed and hard gates over the "
            "entries of R.",
        },
        drawn_by="copula.figures",
        views={"a-gates": "copula.page:gates"},
    ),
)
