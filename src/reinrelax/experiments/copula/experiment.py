"""Correlated relaxed Bernoullis against their target distribution (A, III.F and Appendix A)."""

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Number, Positive, Some
from reinrelax.core.experiment import SIMULATION, Experiment, Table


@dataclass(frozen=True, config=BLOCK)
class Copula:
    """A comparison of correlated relaxed Bernoullis with their target (A, III.F and Appendix A)."""

    probs: Some[Some[Number]] = Field(description="rows of d probabilities π, one per gate")
    correlation: Some[Some[Number]] = Field(
        description="correlation matrix R of the normal scores, d × d"
    )
    tau: Positive = Field(description="temperature of the relaxed gates")
    samples: int = Field(ge=100, le=100_000_000, description="number of samples per row of π")
    shown: int = Field(ge=1, le=10_000, description="number of samples that are written out")

    def __post_init__(self) -> None:
        """Check that R is a correlation matrix with one row per entry of each row of π."""
        rows, size = self.correlation, len(self.correlation)
        if any(len(row) != size for row in rows):
            raise ValueError(f".correlation: must be as many rows as columns; got {rows}")
        R = np.array(rows, dtype=float)
        if (R != R.T).any() or (R.diagonal() != 1).any() or np.linalg.eigvalsh(R)[0] <= 0:
            raise ValueError(
                ".correlation: must be symmetric and positive definite with ones on the diagonal;"
                f" got {rows}"
            )
        for index, row in enumerate(self.probs):
            if len(row) != size or not all(0 < p < 1 for p in row):
                raise ValueError(
                    f".probs[{index}]: must be {size} probabilities between 0 and 1, as many as "
                    f"correlation has rows; got {row}"
                )


EXPERIMENTS = (
    Experiment(
        "copula",
        "Correlated Bernoullis",
        "Just Relax It!",
        spec=Copula,
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
            "dependence": (
                "**Correlations of gates**: correlations of scores, ranks, relaxed and hard"
                " gates over the entries of R."
            ),
        },
        drawn_by="copula.figures",
        views={"a-gates": "copula.page:gates"},
    ),
)
