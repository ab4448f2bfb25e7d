"""Pickling and copying of estimators: as what their module calls them, as functions are."""

import copyreg
import sys
from importlib import import_module
from typing import Any

from reinrelax.estimators.base import Estimator, Pathwise, ScoreFunction


def find(module: str, name: str) -> Estimator:
    """The estimator that a module calls by this name."""
    estimator: Estimator = getattr(import_module(module), name)
    return estimator


def _reduced(estimator: Estimator) -> tuple[Any, ...]:
    module, name = estimator.__module__, estimator.__name__
    if getattr(sys.modules.get(module), name, None) is estimator:
        return find, (module, name)
    # One that a function has made: it is copied as an object, and what it holds decides about
    # pickling.
    return copyreg.__newobj__, (type(estimator),), vars(estimator)  # type: ignore[attr-defined]


for _kind in (Pathwise, ScoreFunction):
    copyreg.pickle(_kind, _reduced)
