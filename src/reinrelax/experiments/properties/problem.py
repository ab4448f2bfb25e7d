"""The specification of a relaxation's measurements, and the losses used in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reinrelax.experiments.properties.exact import Support

# Functions of t and τ: a relaxation, and the probabilities `[M]` and values `[M, *event]` of a
# discrete distribution.
Build = Callable[[Tensor, float], Any]
Outcomes = Callable[[Tensor, float], tuple[Tensor, Tensor]]

# The temperatures at which float32 is tested, and the number of samples per parameter.
EXTREME_TAUS, EXTREME_SAMPLES = (1e-3, 1.0, 1e3), 400
_CENTRE = 0.45
_TARGET = (0.6, 0.1, 0.3, 0.8)


@dataclass(frozen=True)
class Density:
    """The variable of which `log_prob` is a density, and how to integrate it.

    Attributes:
        support: as a function of t and τ.
        draw: returns the variable for a distribution and noise.
        log_prob: returns the log density of a distribution at points of the variable.
        sample: maps the variable to the forward sample; None if that has no density, or if its
            gradient is not meant to be a derivative of its expectation.
        other: a second distribution, for KL(p ‖ q); None if no KL is registered.
    """

    support: Callable[[Tensor, float], Support]
    draw: Callable[[Any, Tensor], Tensor] = lambda law, noise: law.from_noise(noise)
    log_prob: Callable[[Any, Tensor], Tensor] = lambda law, value: law.log_prob(value)
    sample: Callable[[Tensor], Tensor] | None = lambda value: value
    other: Build | None = None


@dataclass(frozen=True)
class Case:
    """One relaxation on one problem.

    Attributes:
        build: the relaxation.
        outcomes: the discrete distribution that it represents.
        loss: f, from samples `[n, *event]` to `[n]`.
        places: values of t, by name.
        density: None if there is neither a density nor a mass function.
        tempered: whether it has a temperature.
        discrete_share: the probability that a forward sample is discrete, as a function of t and τ.
        linear_ratio: a linear loss's mean gradient over the exact one, as a function of t, if
            known.
        hardens: whether its hardened sample is the discrete variable.
        threshold: whether P(z > ½) = P(b = 1) should hold.
        extremes: values of t at which results in float32 must be finite.
    """

    relaxation: str
    build: Build
    outcomes: Outcomes
    loss: Callable[[Tensor], Tensor]
    places: Mapping[str, float]
    variant: str = ""
    density: Density | None = None
    tempered: bool = True
    discrete_share: Callable[[float, float], float] = lambda t, tau: 0.0
    linear_ratio: Callable[[float], float] | None = None
    hardens: bool = True
    threshold: bool = False
    extremes: tuple[float, ...] = (-1e4, -200.0, -17.0, 0.0, 17.0, 200.0, 1e4)


def square(z: Tensor) -> Tensor:
    """Return (z − 0.45)²."""
    return (z - _CENTRE) ** 2


def distance(z: Tensor) -> Tensor:
    """Return Σ_k (z_k − t_k)² for vectors `[..., K]`, K ≤ 4: `[...]`."""
    return ((z - torch.tensor(_TARGET[: z.shape[-1]], dtype=z.dtype)) ** 2).sum(-1)
