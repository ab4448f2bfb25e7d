"""The columns of the studies' tables, as they are written and read.

Numbers, but for those in TEXT; what a row has nothing to say of is empty. COUNTS are whole.
"""

from collections.abc import Mapping

from reinrelax.estimators.hyperparameters import HYPERPARAMETERS

_MEASURED = ("estimates", "images", "quantity", "value", "low", "high")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "estimators": ("role", "seed", "epoch", "estimator", *HYPERPARAMETERS, *_MEASURED),
    "control": ("reading", "seed", "epoch", "tau", "eta", "draws", *_MEASURED),
    "quadrature": ("seed", "epoch", "rule", "beta", "quantity", "value"),
    "example": ("seed", "epoch", "rule", "x", "slope", "integral"),
    "identities": ("identity", "categories", "latents", "beta", "tau", "functions", "quantity", "value"),
    "cost": ("estimator", "latent", "draws", "replicas", "round", "images", "seconds"),
}
TEXT = frozenset(("role", "estimator", "quantity", "reading", "rule", "identity", "latent"))
COUNTS = frozenset(
    (
        *("seed", "epoch", "draws", "samples", "estimates", "images"),
        *("categories", "latents", "functions", "replicas", "round"),
    )
)
