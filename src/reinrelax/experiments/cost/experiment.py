"""Seconds an epoch of each estimator (B, Table 4)."""

from reinrelax.core.experiment import ONE_TRAINING, Experiment, Table

EXPERIMENTS = (
    Experiment(
        "cost",
        "Table 4",
        "Beyond ReinMax",
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
                caption="**Table 4**: seconds an epoch of each estimator, the paper's beside ours, and as a "
                "ratio to STGS's: medians over rounds, from the fastest to the slowest round. In the "
                "last columns several models train side by side.",
                view="cost.page:table4",
            ),
        ),
        figures={
            "speed": "**Speed, against the bound**: seconds of a training step as a multiple of its "
            "network's float32 matrix products, by estimator and latent shape, from the benchmark that "
            "comes with the project.",
            "scaling": "**Speed, against size**: seconds per model and epoch of 60,000 images against the "
            "number of models R, categories C, latent variables L and Monte Carlo draws K, beside the "
            "network's matrix products, from the benchmark that comes with the project.",
        },
        views={"table4": "cost.page:table4"},
    ),
)
