"""Temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8)."""

from reinrelax.core.experiment import SIMULATION, Experiment, Figure, Table

_MEASURED = {"quantity": str, "value": float, "low": float, "high": float}

EXPERIMENTS = (
    Experiment(
        "decoupled",
        "Decoupled temperatures",
        "Just Relax It!",
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
        figures=(
            Figure(
                "sharpness",
                "**Figure 7**: probability of each category in a relaxed sample over the temperature.",
            ),
            Figure(
                "temperatures",
                "**Figure 8**: four quantities of decoupled samples over forward and backward temperature.",
            ),
        ),
        drawn_by="decoupled.figures",
        views={"a-figure7": "decoupled.page:figure7", "a-figure8": "decoupled.page:figure8"},
    ),
)
