"""Seconds an epoch of each estimator (B, Table 4)."""

from reinrelax.core.experiment import ONE_TRAINING, Experiment, Table

EXPERIMENTS = (
    Experiment(
        "cost",
        "Table 4",
        rests_on=ONE_TRAINING,
        writes={
            "cost": {
                **{"estimator": str, "latent": str, "draws": int, "replicas": int, "round": int},
                **{"images": int, "seconds": float},
            }
        },
        tables=(
            Table(
                "table4",
                ("estimator",),
                numbers=(
                    *("paper_seconds", "seconds", "seconds_low", "seconds_high", "ratio_low", "ratio_high"),
                    *("replicas", "batched_seconds", "batched_ratio", "rounds"),
                ),
            ),
        ),
    ),
)
