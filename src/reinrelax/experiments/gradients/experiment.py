"""Bias and variance of gradient estimators at snapshots of a training.

B, Figure 1, Table 1 and section 5.3.
"""

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Enumerable, Number, One, Positive, Several
from reinrelax.core.experiment import ONE_TRAINING, Columns, Experiment, Table
from reinrelax.estimators import asked
from reinrelax.estimators.asked import Draws, Selection
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.experiments.discrete_vae.experiment import Trainings

_MOST_SNAPSHOTS = 1000

_MEASURED: Columns = {
    **{"estimates": int, "images": int},
    **{"quantity": str, "value": float, "low": float, "high": float},
}
_ESTIMATORS: Columns = {
    **{"role": str, "seed": int, "epoch": int, "estimator": str},
    **{name: int if name in ("draws", "samples") else float for name in HYPERPARAMETERS},
    **_MEASURED,
}
_FIGURE1 = ("label", "tau", "eta", "quantity", "epoch")
_TABLE1 = ("estimator", "quantity")
_COUNTED = ("estimates", "paper")


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class OneTraining(Trainings):
    """A training of one estimator at one latent shape with few enough codes to enumerate."""

    estimators: One[asked.Name] = Field(
        description="exactly one name in the catalogue of estimators"
    )
    latent_shapes: One[Enumerable] = Field(description="exactly one, categories x latent variables")


@dataclass(frozen=True, config=BLOCK)
class Control:
    """Settings of ReinMax-CV for which its two added terms are measured separately."""

    tau: Several[Positive] = Field(description="temperatures")
    eta: Several[Number] = Field(description="scales η of the control variate")


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class GradientsBlock:
    """The measurement of gradients at snapshots of a training."""

    training: OneTraining
    first: int = Field(
        ge=0,
        le=100_000,
        description="epoch of the first snapshot; the last snapshot is after training",
    )
    every: int = Field(
        ge=1, le=100_000, description="snapshots in between are at multiples of this epoch"
    )
    images: int = Field(ge=2, le=10_000, description="images per batch")
    random_images: bool = Field(
        description="true: drawn for each VAE and snapshot; false: the first training images"
    )
    samples: int = Field(
        ge=4, le=1_000_000, description="estimates of the gradient at each snapshot"
    )
    draws: Draws
    resamples: int = Field(
        ge=20, le=100_000, description="bootstrap resamples of the gradient estimates"
    )
    figure1: Selection
    table1: Selection
    sweep: Selection | None = Field(
        default=None, description="estimators measured over τ at the last snapshot; null: none"
    )
    control: Control | None = Field(default=None, description="null: none")
    betas: Several[Number] = Field(
        default=(), description="weights of the end points in section 5.3"
    )

    def __post_init__(self) -> None:
        """Check that the first snapshot is within the training, and that there are not too many."""
        epochs = self.training.epochs
        if epochs // self.every > _MOST_SNAPSHOTS:
            raise ValueError(
                f".every: {self.every} requires more than {_MOST_SNAPSHOTS:,} snapshots in"
                f" training.epochs = {epochs}"
            )
        if self.first > epochs:
            raise ValueError(
                f".first: must be at most training.epochs = {epochs}; got {self.first}"
            )

    @property
    def snapshots(self) -> tuple[int, ...]:
        """The epochs after which gradients are measured."""
        between = range(self.every, self.training.epochs, self.every)
        return tuple(
            sorted({self.first, *(e for e in between if e > self.first), self.training.epochs})
        )


EXPERIMENTS = (
    Experiment(
        "gradients",
        "Figure 1 and Table 1",
        "Beyond ReinMax",
        spec=GradientsBlock,
        rests_on=ONE_TRAINING,
        writes={
            "estimators": _ESTIMATORS,
            "control": {
                **{
                    "reading": str,
                    "seed": int,
                    "epoch": int,
                    "tau": float,
                    "eta": float,
                    "draws": int,
                },
                **_MEASURED,
            },
            "quadrature": {
                **{"seed": int, "epoch": int, "rule": str, "beta": float},
                **{"quantity": str, "value": float},
            },
            "example": {
                **{"seed": int, "epoch": int, "rule": str},
                **{"x": float, "slope": float, "integral": float},
            },
        },
        tables=(
            Table(
                "table1",
                _TABLE1,
                numbers=_COUNTED,
                caption=(
                    "**Table 1**: standard deviation of gradient estimates at the last snapshot,"
                    " the paper's next to ours, each also as a ratio to ST's, which does not"
                    " depend on the quantity whose standard deviation the paper reports."
                ),
                view="gradients.page:table1",
            ),
            Table("figure1", _FIGURE1),
            Table(
                "sweep", ("label", *HYPERPARAMETERS, "epoch", "quantity"), numbers=("estimates",)
            ),
            Table("control", ("reading", "epoch", "tau", "eta", "draws", "quantity")),
            Table("quadrature", ("epoch", "rule", "beta", "quantity")),
            Table("example", ("seed", "epoch", "rule", "x")),
        ),
        figures={
            "figure1": (
                "**Figure 1**: one minus the cosine similarity between the mean of the gradient"
                " estimates and the exact gradient, and the variance of the estimates, over the"
                " epochs of a training with ReinMax: the paper's estimators, and below them"
                " others."
            ),
            "sweep": (
                "**Bias and variance over τ**: the measurements of Figure 1 at the last snapshot, "
                "over the temperature."
            ),
            "control": (
                "**ReinMax-CV's added terms**: variance over ReinMax's and relative bias over η, "
                "for three readings of these terms."
            ),
            "control-bias": (
                "**Section 3.2**: bias of ReinMax-CV over η, in three readings of its added terms."
            ),
            "tradeoff": (
                "**Bias over variance** of each estimator after the last snapshot, with 95% "
                "intervals."
            ),
            "quadrature": (
                "**Rules of integration** (section 5.3): the integrand of one pair and its"
                " approximation by each rule, the errors of the rules over epochs, and that of"
                " the end-point rule over β."
            ),
        },
        drawn_by="gradients.figures",
        views={
            "table1": "gradients.page:table1",
            "figure1": "gradients.page:figure1",
            "sweep": "gradients.page:sweep",
            "control": "gradients.page:control",
            "quadrature": "gradients.page:quadrature",
        },
    ),
    Experiment(
        "gradients-run",
        "Figure 1 and Table 1, as run",
        "Beyond ReinMax",
        spec=GradientsBlock,
        writes={"estimators": _ESTIMATORS},
        tables=(
            Table(
                "table1_run",
                _TABLE1,
                numbers=_COUNTED,
                caption=(
                    "**Table 1, as run**: relative standard deviation of gradient estimates, for"
                    " each image and averaged over images as in the authors' public code, after"
                    " the last epoch of several trainings with ReinMax at τ = 1, next to the"
                    " paper's numbers."
                ),
                view="gradients.page:table1_run",
            ),
            Table("figure1_run", _FIGURE1),
        ),
        figures={
            "figure1-run": (
                "**Figure 1, as run**: cosine of the whole batch between the mean estimate and"
                " the exact gradient, and relative standard deviation, as the authors' public"
                " code computes them, over the epochs of several trainings with ReinMax at τ ="
                " 1, next to the means over the authors' own ten."
            ),
        },
        drawn_by="gradients.figures",
        views={
            "table1-run": "gradients.page:table1_run",
            "figure1-run": "gradients.page:figure1_run",
        },
    ),
)
