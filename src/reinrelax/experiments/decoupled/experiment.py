"""Temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8)."""

from reinrelax.core.experiment import SIMULATION, Experiment, Table

_MEASURED = {"quantity": str, "value": float, "low": float, "high": float}

EXPERIMENTS = (
    Experiment(
        "decoupled",
        "Decoupled temperatures",
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
    ),
)
