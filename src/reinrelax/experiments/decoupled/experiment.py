"""Temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8)."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Number, Positive, Several, Some
from reinrelax.core.experiment import SIMULATION, Experiment, Table

_MEASURED = {"quantity": str, "value": float, "low": float, "high": float}


@dataclass(frozen=True, config=BLOCK)
class Decoupled:
    """Temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8)."""

    sharpness_logits: Some[Number] = Field(description="logits of Figure 7")
    sharpness_taus: Several[Positive] = Field(description="temperatures of Figure 7")
    logits: Some[Number] = Field(description="logits of Figure 8")
    forward: Several[Positive] = Field(description="temperatures τ_f of Figure 8")
    backward: Several[Positive] = Field(description="temperatures τ_b of Figure 8")
    samples: int = Field(ge=10, le=1_000_000, description="samples per cell of Figure 8")
    draws: int = Field(
        ge=100,
        le=10_000_000,
        description="draws for Figure 7 and for the comparison of forward passes",
    )


EXPERIMENTS = (
    Experiment(
        "decoupled",
        "Decoupled temperatures",
        "Just Relax It!",
        spec=Decoupled,
        measure="decoupled.measure:measure",
        seconds=lambda settings: 0.3 + 1.5e-4 * settings["samples"],
        rests_on=SIMULATION,
        writes={
            "sharpness": {"tau": float, "category": int, **_MEASURED},
            "temperatures": {"tau_forward": float, "tau_backward": float, **_MEASURED},
            "inert": {"tau_forward": float, "quantity": str, "value": float, "expected": float},
        },
        tables=(
            Table("sharpness", ("tau", "category", "quantity")),
            Table("temperatures", ("tau_forward", "tau_backward", "quantity")),
            Table("inert", ("tau_forward", "quantity")),
        ),
        figures={
            "sharpness": (
                "**Figure 7**: probability of each category in a relaxed sample over the "
                "temperature."
            ),
            "temperatures": (
                "**Figure 8**: four quantities of decoupled samples over forward and backward "
                "temperature."
            ),
        },
        drawn_by="decoupled.figures",
        views={"a-figure7": "decoupled.page:figure7", "a-figure8": "decoupled.page:figure8"},
    ),
)
