"""Hyper-parameters that estimators may declare: one entry per name.

Free of torch, so that a configuration can be checked without loading it.
"""

import math
import numbers
from dataclasses import dataclass
from typing import Any

from reinrelax.errors import ConfigError

# Of a count: what a job would have to hold at once.
_MOST = 100_000


@dataclass(frozen=True)
class Hyperparameter:
    """Range, default and symbol of a hyper-parameter.

    Attributes:
        meaning: in words.
        symbol: as tables and figures write it.
        default: of a call that does not give it.
        trials: two values at which the contract tests hold estimators to it: different ones from
            each other and from those of other hyper-parameters, and none that makes an estimator
            another one.
        above: a number that it must exceed.
        least: of a count, an integer, the smallest one.
    """

    meaning: str
    symbol: str
    default: float
    trials: tuple[float, float]
    above: float = -math.inf
    least: int | None = None

    @property
    def integer(self) -> bool:
        """Tell whether it is a count, which all runs of a job share."""
        return self.least is not None

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.integer:
            return f"an integer >= {self.least}"
        return "a finite number" + ("" if self.above == -math.inf else f" > {self.above:g}")

    @property
    def schema(self) -> dict[str, Any]:
        """The allowed values, as a JSON schema."""
        if self.integer:
            return {"type": "integer", "minimum": self.least, "maximum": _MOST}
        return {"type": "number"} | (
            {} if self.above == -math.inf else {"exclusiveMinimum": self.above}
        )

    def plain(self, value: Any) -> Any:
        """Convert numbers of other types, such as NumPy's, to Python's; leave all else."""
        if isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, numbers.Integral):
            return int(value)
        return float(value) if isinstance(value, numbers.Real) else value

    def check(self, value: Any) -> str | None:
        """Check a value: None if it is allowed, else the reason why not."""
        kind = int if self.integer else (int, float)
        good = isinstance(value, kind) and not isinstance(value, bool)
        if good and (
            value >= self.least if self.least is not None else self.above < value < math.inf
        ):
            return None
        return f"must be {self.allowed}; got {value!r}"


HYPERPARAMETERS = {
    "tau": Hyperparameter("temperature", "τ", 1.0, (0.7, 1.4), above=0),
    "tau_d": Hyperparameter("temperature of the π in θ_D", "τ_D", 1.0, (1.35, 0.6), above=0),
    "eta": Hyperparameter("control variate scale", "η", 1.0, (0.6, 1.2)),
    "beta": Hyperparameter("weight of the far end point", "β", 0.5, (0.3, 0.8)),
    "draws": Hyperparameter("Monte Carlo draws K", "K", 100, (3, 4), least=1),
    "samples": Hyperparameter("samples of D", "samples", 2, (2, 3), least=2),
}


def entry_of(estimator: str, name: str) -> Hyperparameter:
    """Look up a hyper-parameter that an estimator's function takes.

    Raises:
        ConfigError: there is none.
    """
    if name not in HYPERPARAMETERS:
        raise ConfigError(
            f"{estimator} takes {name!r}, of which reinrelax/estimators/hyperparameters.py has no"
            f" entry. Add it there, or take one of {', '.join(HYPERPARAMETERS)}"
        )
    return HYPERPARAMETERS[name]
