"""Hyper-parameters that latent variables can declare; loads without torch."""

from reinrelax.estimators.hyperparameters import HYPERPARAMETERS as OF_ESTIMATORS
from reinrelax.estimators.hyperparameters import Hyperparameter

HYPERPARAMETERS = {
    "tau": OF_ESTIMATORS["tau"],
    "tau_forward": Hyperparameter(
        "temperature of the forward pass", "τ_f", 1.0, (0.7, 1.4), above=0
    ),
    "tau_backward": Hyperparameter(
        "temperature of the backward pass", "τ_b", 1.0, (0.7, 1.4), above=0
    ),
    "k": Hyperparameter("how many of the categories are drawn", "k", 1, (1, 2), least=1),
}
