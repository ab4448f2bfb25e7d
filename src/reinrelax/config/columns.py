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
    "gates": ("row", "i", "j", "quantity", "value", "low", "high", "expected"),
    "gate_samples": ("row", "sample", "gate", "value"),
    "densities": ("alpha", "law", "x", "y", "density"),
    "bridge": ("family", "alpha", "size", "total", "law", "quantity", "value"),
    "sharpness": ("tau", "category", "quantity", "value", "low", "high"),
    "temperatures": ("tau_forward", "tau_backward", "quantity", "value", "low", "high"),
    "inert": ("tau_forward", "quantity", "value", "expected"),
    "episodes": (
        *("environment", "cap", "algorithm", "seed", "episode"),
        *("return", "length", "terminated", "truncated", "diverged"),
    ),
    "policy_gradients": (
        *("environment", "cap", "algorithm", "seed", "episode", "rollouts"),
        *("quantity", "value"),
    ),
    "properties": ("relaxation", "variant", "property", "setting", "value", "low", "high", "expected"),
    "library": (
        *("law", "implementation", "class", "check"),
        *("value", "low", "high", "expected", "raised"),
    ),
}
TEXT = frozenset(
    (
        *("role", "estimator", "quantity", "reading", "rule", "identity", "latent"),
        *("alpha", "law", "family", "relaxation", "variant", "property", "setting"),
        *("environment", "algorithm"),
        *("implementation", "class", "check", "raised"),
    )
)
COUNTS = frozenset(
    (
        *("seed", "epoch", "draws", "samples", "estimates", "images"),
        *("categories", "latents", "functions", "replicas", "round"),
        *("row", "i", "j", "sample", "gate", "size", "category"),
        *("cap", "episode", "length", "terminated", "truncated", "diverged", "rollouts"),
    )
)
