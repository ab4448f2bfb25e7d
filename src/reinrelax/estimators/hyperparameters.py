"""Hyper-parameters that estimators may declare: their ranges and defaults, one entry a name.

Free of torch, so that a configuration can be checked without loading it.
"""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Hyperparameter:
    """What a value must be, in words and as a test, and what it is when nothing is said."""

    meaning: str
    allowed: str
    accepts: Callable[[float], bool]
    default: float
    integer: bool = False

    def plain(self, value: Any) -> Any:
        """Numbers of other types, such as NumPy's, as Python's; all else as it is."""
        if isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, numbers.Integral):
            return int(value)
        return float(value) if isinstance(value, numbers.Real) else value

    def check(self, value: Any) -> str | None:
        """None if `value` will do, else what is wrong with it."""
        kind = int if self.integer else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or not self.accepts(value):
            return f"must be {self.allowed}; got {value!r}"
        return None


HYPERPARAMETERS = {
    "tau": Hyperparameter("temperature", "a finite number > 0", lambda v: 0 < v < math.inf, 1.0),
    "tau_d": Hyperparameter(
        "temperature of the π in θ_D", "a finite number > 0", lambda v: 0 < v < math.inf, 1.0
    ),
    "eta": Hyperparameter("control variate scale", "a finite number", math.isfinite, 1.0),
    "beta": Hyperparameter("weight of the far end point", "a finite number", math.isfinite, 0.5),
    "draws": Hyperparameter("Monte Carlo draws K", "an integer >= 1", lambda v: v >= 1, 100, integer=True),
    "samples": Hyperparameter("samples of D", "an integer >= 2", lambda v: v >= 2, 2, integer=True),
}
