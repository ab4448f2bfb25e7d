"""Relaxations and estimators as `torch.nn` layers, each loaded on first use.

>>> from reinrelax.layers import CategoricalLayer
>>> CategoricalLayer("reinmax", tau=1.3)(torch.zeros(4, 5)).sum(-1)
tensor([1., 1., 1., 1.])
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "CategoricalLayer": "draws",
    "SubsetLayer": "draws",
    "Temperature": "temperature",
    "L0Conv2d": "l0",
    "L0Linear": "l0",
    "l0_penalty": "l0",
}
__all__ = list(_MODULES)


def __getattr__(attribute: str) -> Any:
    if attribute in _MODULES:
        return getattr(import_module(f"reinrelax.layers.{_MODULES[attribute]}"), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
