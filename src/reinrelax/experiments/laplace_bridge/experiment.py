"""Dirichlet distributions and their Gaussians by the Laplace bridge (A, III.I, Figures 4 to 6)."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Positive, Several, Some
from reinrelax.core.experiment import THEOREM, Experiment, Table

_Size = Annotated[int, Field(ge=3, le=100)]
_Alpha = Annotated[tuple[Positive, ...], Field(min_length=3, max_length=3)]


@dataclass(frozen=True, config=BLOCK)
class Bridge:
    """Dirichlets and their Gaussians by the Laplace bridge (A, III.I and Figures 4 to 6)."""

    shown: Some[_Alpha] = Field(description="concentrations whose densities are tabulated")
    sizes: Several[_Size] = Field(
        description="numbers of categories K of the random concentrations"
    )
    random: int = Field(
        ge=1,
        le=10_000,
        description="random concentrations per size, of integers from 1 to 9 as in the figures",
    )
    totals: Several[Positive] = Field(
        description="totals Σα to which the concentrations in `shown` and a uniform one are scaled"
    )
    steps: int = Field(ge=10, le=200, description="intervals along an edge of the simplex")
    samples: int = Field(ge=100, le=1_000_000, description="samples per Monte Carlo mean")


EXPERIMENTS = (
    Experiment(
        "bridge",
        "Laplace bridge",
        "Just Relax It!",
        spec=Bridge,
        measure="laplace_bridge.measure:measure",
        seconds=lambda settings: 0.5 + 2e-4 * settings["samples"],
        rests_on=THEOREM,
        writes={
            "densities": {"alpha": str, "law": str, "x": float, "y": float, "density": float},
            "bridge": {
                **{"family": str, "alpha": str, "size": int, "total": float, "law": str},
                **{"quantity": str, "value": float},
            },
        },
        tables=(
            Table("densities", ("alpha", "law", "x", "y")),
            Table("bridge", ("family", "alpha", "size", "total", "law", "quantity")),
        ),
        figures={
            "densities": (
                "**Figures 4 to 6**: the Dirichlet, its Gaussian in three readings of Σ, and"
                " back; regions that contain 25, 50, 75, 90 and 99% of the mass. The cross marks"
                " the mean of the Dirichlet."
            ),
            "bridge": (
                "**Laplace bridge**: its errors over the total Σα, with Σ read in three ways."
            ),
        },
        drawn_by="laplace_bridge.figures",
        views={"a-bridge": "laplace_bridge.page:bridge"},
    ),
)
