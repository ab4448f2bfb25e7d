"""Seconds per epoch of each estimator (B, Table 4)."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Shape
from reinrelax.core.experiment import ONE_TRAINING, Experiment, Table
from reinrelax.estimators.asked import Draws, Selection


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class CostBlock(Selection):
    """The timing of each estimator, alone on the machine, with one replica and with several."""

    latent_shape: Shape = Field(description="categories x latent variables")
    draws: Draws
    images: int = Field(
        ge=1, le=60_000, description="images timed per round; the time of an epoch is extrapolated"
    )
    rounds: int = Field(
        ge=1, le=1000, description="number of rounds, each of which times every estimator once"
    )
    replicas: int = Field(
        ge=2, le=10_000, description="models trained together for the second column"
    )


EXPERIMENTS = (
    Experiment(
        "cost",
        "Table 4",
        "Beyond ReinMax",
        spec=CostBlock,
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
                    *(
                        "paper_seconds",
                        "seconds",
                        "seconds_low",
                        "seconds_high",
                        "ratio_low",
                        "ratio_high",
                    ),
                    *("replicas", "batched_seconds", "batched_ratio", "rounds"),
                ),
                caption=(
                    "**Table 4**: seconds per epoch of each estimator, the paper's next to ours,"
                    " and as a ratio to STGS's: medians over rounds, with the fastest and the"
                    " slowest round. In the last columns several models are trained together."
                ),
                view="cost.page:table4",
            ),
        ),
        figures={
            "speed": (
                "**Speed, against the bound**: seconds of a training step as a multiple of its"
                " network's float32 matrix products, by estimator and latent shape, from the"
                " benchmark that comes with the project."
            ),
            "scaling": (
                "**Speed, against size**: seconds per model and epoch of 60,000 images against"
                " the number of models R, categories C, latent variables L and Monte Carlo draws"
                " K, next to the network's matrix products, from the benchmark that comes with"
                " the project."
            ),
        },
        views={"table4": "cost.page:table4"},
    ),
)
