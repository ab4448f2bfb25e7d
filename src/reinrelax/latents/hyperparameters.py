"""Hyper-parameters that latent variables may declare. Free of torch, as those of the estimators."""

import math

from reinrelax.estimators.hyperparameters import HYPERPARAMETERS as OF_ESTIMATORS
from reinrelax.estimators.hyperparameters import Hyperparameter


def _temperature(meaning: str) -> Hyperparameter:
    return Hyperparameter(meaning, "a finite number > 0", lambda v: 0 < v < math.inf, 1.0)


HYPERPARAMETERS = {
    "tau": OF_ESTIMATORS["tau"],
    "tau_forward": _temperature("temperature of the forward pass"),
    "tau_backward": _temperature("temperature of the backward pass"),
    "k": Hyperparameter("how many of the categories are drawn", "an integer >= 1", lambda v: v >= 1, 1, True),
}
