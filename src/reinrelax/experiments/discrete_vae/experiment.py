"""Trainings of discrete VAEs (B, Tables 2, 3 and 5, Figures 2 to 4)."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Distinct, Seeds, Several, Shape
from reinrelax.core.experiment import ONE_TRAINING, Experiment, Table
from reinrelax.estimators import asked
from reinrelax.estimators.asked import Draws, Selection

_PLACE = ("estimator", "latent")
_METHOD = ("estimator", "method", "latent")
_PRINTED = (
    *("paper_mean", "paper_plus_minus", "paper_seeds", "paper_spread"),
    *("to_base", "to_base_low", "to_base_high"),
)
_RATIO = ("spread_ratio", "spread_ratio_low", "spread_ratio_high")
_COMPARED = ("mean", "authors_mean", "difference", "difference_low", "difference_high", *_RATIO)

_Units = Annotated[int, Field(ge=1, le=10_000)]
_Hidden = Annotated[tuple[_Units, ...], Field(min_length=1, max_length=10)]


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Trained:
    """Trainings of VAEs with any latent variables."""

    seeds: Seeds = Field(
        description=(
            "number of seeds (0, 1, …), or a list; intervals need at least 2, verdicts at least 5"
        )
    )
    epochs: int = Field(ge=1, le=100_000, description="passes over the training images")
    batch_size: int = Field(ge=1, le=60_000, description="images per step")
    hidden: _Hidden = Field(
        default=(),
        description="units of the encoder's hidden layers; the decoder has the same in reverse",
    )


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Trainings(Selection, Trained):
    """Trainings of discrete VAEs: estimators × latent shapes × settings × seeds."""

    latent_shapes: Several[Shape] = Field(description="categories x latent variables")
    draws: Draws


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Compared(Trainings):
    """Trainings, some of which the authors ran differently from what the paper says."""

    as_run: Distinct[asked.Name] = Field(
        default=(), description="estimators that are also trained as in the authors' public code"
    )


EXPERIMENTS = (
    Experiment(
        "elbo",
        "Tables 2 and 3",
        "Beyond ReinMax",
        spec=Compared,
        tables=(
            Table(
                "table2",
                _METHOD,
                numbers=_PRINTED,
                caption=(
                    "**Table 2**: train negative ELBO after the last epoch, nats per image"
                    " (lower is better), of each estimator and latent shape: the paper's mean"
                    " and ±, ours with its 95% interval, and the verdict; the CSV file also"
                    " contains their difference. Below the paper's scale there is no verdict."
                ),
                view="discrete_vae.grid_page:table2",
            ),
            Table(
                "table3",
                _METHOD,
                numbers=_PRINTED,
                caption=(
                    "**Table 3**: test negative ELBO after the last epoch, nats per image (lower"
                    " is better), of each estimator and latent shape: the paper's mean and ±,"
                    " ours with its 95% interval, and the verdict; the CSV file also contains"
                    " their difference. Below the paper's scale there is no verdict."
                ),
                view="discrete_vae.grid_page:table3",
            ),
            Table("curves", ("metric", "latent", "estimator", "epoch")),
        ),
        figures={
            "figure3": (
                "**Figure 3**: train negative ELBO (nats per image) over epochs, one panel per"
                " latent shape: mean over seeds that have not diverged, and its 95% interval."
            ),
            "figure4": (
                "**Figure 4**: test negative ELBO (nats per image) over epochs, one panel per"
                " latent shape: mean over seeds that have not diverged, and its 95% interval."
            ),
            "caterpillar": (
                "**Table 3**: test negative ELBO, ours minus the paper’s, one panel per latent"
                " shape; the band is half a nat."
            ),
        },
        drawn_by="discrete_vae.figures",
    ),
    Experiment(
        "elbo-run",
        "Tables 2 and 3 as run",
        "Beyond ReinMax",
    ),
    Experiment(
        "early",
        "First epochs",
        "Beyond ReinMax",
        spec=Compared,
        tables=(
            Table("early", ("metric", *_METHOD, "epoch"), numbers=("sd", "authors_sd", *_RATIO)),
            Table(
                "early_last",
                _METHOD,
                numbers=tuple(f"{part}_{name}" for part in ("train", "test") for name in _COMPARED),
                caption=(
                    "**First epochs**: negative ELBO (nats per image) at the last epoch that ours"
                    " and the authors' public seeds both have: the means, their difference with its"
                    " 95% interval, and the ratio of the standard deviations over seeds."
                ),
                view="discrete_vae.early_page:early_last",
            ),
            Table("early_curves", ("metric", "estimator", "latent", "series", "epoch")),
        ),
        figures={
            "early": (
                "**First epochs**: train negative ELBO (nats per image) of each estimator and"
                " latent shape, ours as printed and as run, and the curves of the authors' public"
                " seeds, with 95% intervals of the means."
            ),
            "early-difference": (
                "**First epochs, difference**: train negative ELBO (nats per image), our mean"
                " minus that of the authors' public seeds, with Welch's 95% interval. The two"
                " agree where the band contains zero."
            ),
        },
        drawn_by="discrete_vae.figures",
        views={"early": "discrete_vae.early_page:early"},
    ),
    Experiment(
        "early-run",
        "First epochs as run",
        "Beyond ReinMax",
    ),
    Experiment(
        "beta",
        "Figure 2",
        "Beyond ReinMax",
        spec=Compared,
        tables=(
            Table("figure2", (*_PLACE, "beta")),
            Table(
                "figure2_minimum",
                _PLACE,
                numbers=("nelbo",),
                caption=(
                    "**Lowest points of Figure 2**: the weight β of the end points at which the"
                    " train negative ELBO (nats per image) is lowest, with its 95% interval over"
                    " seeds, next to the value that the paper reports."
                ),
                view="discrete_vae.page:figure2_minimum",
            ),
        ),
        figures={
            "figure2": (
                "**Figure 2**: train negative ELBO (nats per image) over the weight β of the end"
                " points, by Eq. 27 as printed, as run, and corrected to the intended mean, with"
                " the authors' own seeds at 8x4. Rings mark the lowest point, bars at the bottom"
                " its 95% interval over seeds."
            ),
        },
        drawn_by="discrete_vae.figures",
        views={"figure2": "discrete_vae.page:figure2"},
    ),
    Experiment(
        "beta-run",
        "Figure 2 as run",
        "Beyond ReinMax",
        tables=(Table("figure2_run", (*_PLACE, "beta")),),
    ),
    Experiment(
        "grid",
        "Table 5",
        "Beyond ReinMax",
        spec=Trainings,
        rests_on=ONE_TRAINING,
        tables=(
            Table(
                "table5",
                _PLACE,
                numbers=(
                    *(
                        "best_nelbo",
                        "paper_nelbo",
                        "gap",
                        "rank",
                        "points",
                        "finished",
                        "within_half",
                    ),
                ),
                caption=(
                    "**Table 5**: the settings that the paper prints, those of its public code"
                    " where they differ, the point of the lowest train negative ELBO in our"
                    " search, its difference from the paper's (nats per image), and how flat the"
                    " search is."
                ),
                view="discrete_vae.page:table5_rows",
            ),
            Table(
                "grid",
                (*_PLACE, "optimizer", "learning_rate", "tau", "eta"),
                numbers=("train_nelbo", "test_nelbo", "above_best"),
            ),
            Table(
                "selection",
                ("latent",),
                numbers=(
                    *("searched", "left_out", "plus_minus", "second_mean"),
                    *("rivals", "optimism", "chosen_again"),
                ),
            ),
        ),
        figures={
            "grid": (
                "**Searches of Table 5**: train negative ELBO of every point in nats above the"
                " lowest of its search. A star marks our lowest, a diamond the paper's choice."
            ),
        },
        drawn_by="discrete_vae.figures",
        views={"table5": "discrete_vae.page:table5"},
    ),
    Experiment(
        "readings",
        "Readings",
        "Beyond ReinMax",
        spec=Trainings,
        tables=(
            Table(
                "readings",
                ("label", "latent"),
                numbers=("paper_train", "paper_test", "delta_train", "delta_test"),
                caption=(
                    "**Readings**: final negative ELBO (nats per image) of each reading of a"
                    " formula that the paper leaves open, and which of them comes closest to the"
                    " paper's number."
                ),
                view="discrete_vae.page:readings",
            ),
            Table("readings_curves", ("label", "latent", "epoch")),
        ),
        figures={
            "readings": (
                "**Readings over epochs**: train negative ELBO (nats per image) of each reading of "
                "an ambiguous formula; the dashed line is the paper's last value."
            ),
        },
        drawn_by="discrete_vae.figures",
        views={"readings": "discrete_vae.page:readings"},
    ),
)
