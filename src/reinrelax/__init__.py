"""A replication of two papers on learning with discrete latent variables.

Docstrings call them paper A, *Just Relax It!* (Dorin et al., 2025), and paper B, *Beyond ReinMax*
(Wang and Bui, 2026). They use these letters in shapes: R replicas, B images of a batch, L latent
variables, C categories, K Monte Carlo draws, N images or codes, P parameters of one replica.

The library is `estimators`, `distributions`, `layers` and `gumbel_softmax`, all loaded on first
use.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FOLDERS = ("distributions", "estimators", "layers")
__all__ = ["__version__", "gumbel_softmax", *_FOLDERS]


def __getattr__(attribute: str) -> Any:
    if attribute in _FOLDERS:
        return import_module(f"reinrelax.{attribute}")
    if attribute == "gumbel_softmax":
        return import_module("reinrelax.estimators.functional").gumbel_softmax
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
