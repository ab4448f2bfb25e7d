"""Temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8)."""

from dataclasses import dataclass

from reinrelax.core.experiment import SIMULATION, Experiment, Table

_MEASURED = {"quantity": str, "value": float, "low": float, "high": float}


@dataclass(frozen=True)
class Decoupled:
    """Temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8).

    Attributes:
        sharpness_logits, sharpness_taus: Figure 7's.
        logits, forward, backward: Figure 8's.
        samples: of each cell of Figure 8.
        draws: on which forward passes at different τ_f are compared, and averages of Figure 7 are taken.
    """

    sharpness_logits: tuple[float, ...]
    sharpness_taus: tuple[float, ...]
    logits: tuple[float, ...]
    forward: tuple[float, ...]
    backward: tuple[float, ...]
    samples: int
    draws: int


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
            "sharpness": "**Figure 7**: probability of each category in a relaxed sample over the "
            "temperature.",
            "temperatures": "**Figure 8**: four quantities of decoupled samples over forward and backward "
            "temperature.",
        },
        drawn_by="decoupled.figures",
        views={"a-figure7": "decoupled.page:figure7", "a-figure8": "decoupled.page:figure8"},
    ),
)
