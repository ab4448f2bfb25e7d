"""Temperatures of layers, and schedules that anneal them.

>>> import torch
>>> from reinrelax.layers.draws import CategoricalLayer
>>> layer = CategoricalLayer("ST")
>>> schedule = Temperature(layer, start=2.0, end=0.5, steps=4)
>>> for _ in range(5):
...     print(round(layer.tau, 3))
...     schedule.step()
2.0
1.414
1.0
0.707
0.5
"""

import math
from collections.abc import Callable
from typing import Any

from torch import nn

from reinrelax.errors import InputError

# Schedules: map the progress from 0 to 1, the start and the end to τ.
_SHAPES: dict[str, Callable[[float, float, float], float]] = {
    "exponential": lambda way, start, end: start * (end / start) ** way,
    "linear": lambda way, start, end: start + (end - start) * way,
    "cosine": lambda way, start, end: end + (start - end) * (1 + math.cos(math.pi * way)) / 2,
}


class Tempered(nn.Module):
    """A layer with a temperature τ, which is saved with its parameters."""

    def __init__(self, tau: float) -> None:
        super().__init__()
        self.tau = tau

    @property
    def tau(self) -> float:
        """The temperature τ > 0."""
        return self._tau

    @tau.setter
    def tau(self, value: float) -> None:
        self._tau = positive(type(self).__name__, "tau", value)

    def get_extra_state(self) -> dict[str, float]:
        return {"tau": self.tau}

    def set_extra_state(self, state: dict[str, float]) -> None:
        self.tau = state["tau"]


class Temperature:
    """A schedule of the τ of all tempered layers of a module, like torch's of learning rates.

    Args:
        module: the module; all tempered layers in it, at any depth, follow the schedule.
        start: τ before the first `step()`.
        end: τ after `steps` steps, and from then on.
        steps: the number of steps.
        shape: the shape of the schedule: "exponential", "linear" or "cosine".

    Raises:
        InputError: a value is out of range, or the module has no layer with a temperature.
    """

    def __init__(
        self, module: nn.Module, *, start: float, end: float, steps: int, shape: str = "exponential"
    ) -> None:
        self.layers = [layer for layer in module.modules() if isinstance(layer, Tempered)]
        if not self.layers:
            raise InputError(
                f"Temperature: {type(module).__name__} has no layer with a temperature"
            )
        if shape not in _SHAPES:
            raise InputError(
                f"Temperature: shape must be one of {', '.join(_SHAPES)}; got {shape!r}"
            )
        self.start, self.end = (
            positive("Temperature", k, v) for k, v in (("start", start), ("end", end))
        )
        self.steps, self.shape = at_least_one("Temperature", "steps", steps), shape
        self.taken = 0
        self._set()

    def step(self) -> None:
        """Advance the schedule by one step and update τ."""
        self.taken += 1
        self._set()

    def _set(self) -> None:
        tau = _SHAPES[self.shape](min(1.0, self.taken / self.steps), self.start, self.end)
        for layer in self.layers:
            layer.tau = tau

    def state_dict(self) -> dict[str, int]:
        """Return the state that `load_state_dict` takes."""
        return {"taken": self.taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from the state of another schedule with the same arguments."""
        self.taken = state["taken"]
        self._set()


def positive(owner: str, name: str, value: Any) -> float:
    """Check that a value is a number > 0 and return it.

    Raises:
        InputError: it is not.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, (bool, str)) or not 0 < number < math.inf:
        raise InputError(f"{owner}: {name} must be a finite number > 0; got {value!r}")
    return number


def at_least_one(owner: str, name: str, value: Any) -> int:
    """Check that a value is an integer ≥ 1 and return it.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{owner}: {name} must be an integer >= 1; got {value!r}")
    return value
