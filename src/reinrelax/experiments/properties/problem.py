"""What is to be said of a relaxation before it can be measured, and the losses that it is measured with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reinrelax.experiments.properties.exact import Support

# From t and τ to a relaxation, and to the chances `[M]` and values `[M, *event]` of a discrete law.
Build = Callable[[Tensor, float], Any]
Outcomes = Callable[[Tensor, float], tuple[Tensor, Tensor]]

# What float32 is tried at, with so many samples of each parameter.
EXTREME_TAUS, EXTREME_SAMPLES = (1e-3, 1.0, 1e3), 400
_CENTRE = 0.45
_TARGET = (0.6, 0.1, 0.3, 0.8)


@dataclass(frozen=True)
class Density:
    """What `log_prob` is a density of, and how it is integrated.

    Attributes:
        support: from t and τ.
        draw: from a law and noise to what the density is of.
        log_prob: of a law, at such points.
        sample: from such a point to the forward sample; None where that has no density of its own, or where
            the gradient does not claim to be a derivative of its law.
        other: a second law, for KL(p ‖ q); None where no KL is registered.
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
        outcomes: the discrete law that it stands for.
        loss: f, from samples `[n, *event]` to `[n]`.
        places: values of t by what they are called.
        density: None where there is neither a density nor a mass function.
        tempered: whether it has a temperature.
        discrete_share: chance that a forward sample is discrete, of t and τ.
        linear_ratio: a linear loss's mean gradient over the exact one, of t, where theory says so.
        hardens: whether its hardened sample is that discrete variable.
        threshold: whether it promises P(z > ½) = P(b = 1).
        extremes: values of t at which float32 must hold.
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
    """(z − 0.45)²."""
    return (z - _CENTRE) ** 2


def distance(z: Tensor) -> Tensor:
    """Σ_k (z_k − t_k)² of vectors `[..., K]`, K ≤ 4: `[...]`."""
    return ((z - torch.tensor(_TARGET[: z.shape[-1]], dtype=z.dtype)) ** 2).sum(-1)
