"""Pickling and copying of estimators by module and name, like functions."""

import copyreg
import sys
from importlib import import_module
from typing import Any

from reinrelax.estimators.base import Estimator, Pathwise, ScoreFunction


def find(module: str, name: str) -> Estimator:
    """Return the estimator that a module defines under this name."""
    estimator: Estimator = getattr(import_module(module), name)
    return estimator


def _reduced(estimator: Estimator) -> tuple[Any, ...]:
    module, name = estimator.__module__, estimator.__name__
    if getattr(sys.modules.get(module), name, None) is estimator:
        return find, (module, name)
    # An estimator created at run time is copied as an object; whether it can be pickled depends on
    # its attributes.
    return copyreg.__newobj__, (type(estimator),), vars(estimator)  # type: ignore[attr-defined]


for _kind in (Pathwise, ScoreFunction):
    copyreg.pickle(_kind, _reduced)
