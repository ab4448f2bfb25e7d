"""Bias and variance of gradient estimators at snapshots of a training (B, Figure 1, Table 1, section 5.3)."""

from reinrelax.core.experiment import ONE_TRAINING, Columns, Experiment, Table
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS

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

EXPERIMENTS = (
    Experiment(
        "gradients",
        "Figure 1 and Table 1",
        rests_on=ONE_TRAINING,
        writes={
            "estimators": _ESTIMATORS,
            "control": {
                **{"reading": str, "seed": int, "epoch": int, "tau": float, "eta": float, "draws": int},
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
            Table("table1", _TABLE1, numbers=_COUNTED),
            Table("figure1", _FIGURE1),
            Table("sweep", ("label", *HYPERPARAMETERS, "epoch", "quantity"), numbers=("estimates",)),
            Table("control", ("reading", "epoch", "tau", "eta", "draws", "quantity")),
            Table("quadrature", ("epoch", "rule", "beta", "quantity")),
            Table("example", ("seed", "epoch", "rule", "x")),
        ),
    ),
    Experiment(
        "gradients-run",
        "Figure 1 and Table 1, as run",
        writes={"estimators": _ESTIMATORS},
        tables=(Table("table1_run", _TABLE1, numbers=_COUNTED), Table("figure1_run", _FIGURE1)),
    ),
)
