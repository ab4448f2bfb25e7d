"""The library's classes, each beside this project's law of the same section of paper A.

Both are made of the same parameters, those of one element of a batch, in float32.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Binomial

from reinrelax import distributions as own
from reinrelax.experiments.properties.exact import (
    Support,
    closed_interval,
    interval,
    listed,
    simplex,
    square,
)

Parameters = Mapping[str, Tensor]
# From parameters, a temperature and validate_args to a law.
Build = Callable[[Parameters, float, bool | None], Any]

_COUNTS = (0.0, 1.0, 2.0)
_CORRELATION = ((1.0, 0.7), (0.7, 1.0))
_GAMMA, _ZETA = -0.1, 1.1
_CATEGORIES, _PICKS = 4, 2


@dataclass(frozen=True)
class Subject:
    """One class, and how it is asked.

    Attributes:
        name: the class's own.
        event: shape of one sample.
        support: where its density is integrated, atoms among it.
        draw: from a law and a sample shape to samples.
        density: from a law and points of the support to log densities.
        first: from samples to the number of each that is compared.
    """

    name: str
    build: Build
    event: tuple[int, ...]
    support: Support
    draw: Callable[[Any, tuple[int, ...]], Tensor] = lambda law, shape: (
        law.rsample(shape) if shape else law.rsample()
    )
    density: Callable[[Any, Tensor], Tensor] = lambda law, points: law.log_prob(points)
    first: Callable[[Tensor], Tensor] = lambda z: z


@dataclass(frozen=True)
class Case:
    """A law of paper A as the library has it and as it stands here.

    Attributes:
        parameters: of one element of a batch; `other`, those of a second law, for KL(p ‖ q).
        tau: the temperature; `other_tau`, the second law's.
    """

    law: str
    parameters: Mapping[str, Any]
    other: Mapping[str, Any]
    theirs: Subject
    ours: Subject
    tau: float = 0.5
    other_tau: float = 0.5


def cases(package: ModuleType) -> list[Case]:
    """All classes of the package that is measured."""
    unit, gates, three = interval(0.5), square(0.5), simplex(0.5)
    closed, hot = closed_interval(), listed(torch.eye(_CATEGORIES))
    probs, vector = {"probs": 0.3}, {"probs": (0.4, 0.3, 0.2, 0.1)}
    root = listed(torch.tensor([0.0, math.sqrt(0.3)]))
    picked = listed(_k_hot())
    even = {"probs": (0.25,) * _CATEGORIES}

    def counts(section: str, theirs: str, build: Build) -> Case:
        return Case(
            section,
            {"p": 0.4},
            {"p": 0.6},
            Subject(theirs, build, (3,), three, first=_count),
            Subject(
                "GeneralizedGumbelSoftmax",
                lambda p, tau, v: own.GeneralizedGumbelSoftmax(tau, Binomial(2, p["p"]), 3, validate_args=v),
                (3,),
                three,
                draw=lambda law, shape: law.weights(law.draw_noise(shape)),
                density=lambda law, w: law.log_prob_weights(w),
                first=_count,
            ),
        )

    def gate(section: str, chance: float, theirs: Subject) -> Case:
        ours = Subject(
            "RelaxedBernoulli",
            lambda p, tau, v: own.RelaxedBernoulli(tau, p["probs"], validate_args=v),
            (),
            unit,
        )
        return Case(section, {"probs": chance}, {"probs": 0.6}, theirs, ours)

    return [
        counts(
            "III.A, of probabilities",
            "GeneralizedGumbelSoftmax",
            lambda p, tau, v: package.GeneralizedGumbelSoftmax(
                torch.tensor(_COUNTS), probs=_binomial(p["p"]), tau=torch.tensor(tau), validate_args=v
            ),
        ),
        counts(
            "III.A, of a law",
            "GeneralizedGumbelSoftmaxNP",
            lambda p, tau, v: package.GeneralizedGumbelSoftmaxNP(
                Binomial(2, p["p"][..., None]), torch.tensor(_COUNTS), tau=torch.tensor(tau), **_given(v)
            ),
        ),
        gate(
            "III.B",
            0.3,
            Subject(
                "GaussianRelaxedBernoulli",
                lambda p, tau, v: package.GaussianRelaxedBernoulli(
                    p["probs"], torch.full_like(p["probs"], tau), validate_args=v
                ),
                (),
                closed,
            ),
        ),
        Case(
            "III.C",
            probs,
            {"probs": 0.6},
            Subject(
                "HardConcrete",
                lambda p, tau, v: package.HardConcrete(
                    *(p["probs"] / (1 - p["probs"]), *map(torch.tensor, (tau, _ZETA, _GAMMA))),
                    validate_args=v,
                ),
                (),
                closed,
            ),
            Subject(
                "HardConcrete",
                lambda p, tau, v: own.HardConcrete(
                    tau, p["probs"], gamma=_GAMMA, zeta=_ZETA, validate_args=v
                ),
                (),
                closed,
            ),
        ),
        _pair("III.D", "StraightThroughBernoulli", package, probs, listed(torch.tensor([0.0, 1.0]))),
        _pair("III.E", "StochasticTimesSmooth", package, probs, root),
        Case(
            "III.F",
            {"probs": (0.3, 0.6)},
            {"probs": (0.5, 0.5)},
            Subject(
                "CorrelatedRelaxedBernoulli",
                lambda p, tau, v: package.CorrelatedRelaxedBernoulli(
                    p["probs"], torch.tensor(_CORRELATION), torch.tensor(tau), validate_args=v
                ),
                (2,),
                gates,
                first=_leading,
            ),
            Subject(
                "CorrelatedRelaxedBernoulli",
                lambda p, tau, v: own.CorrelatedRelaxedBernoulli(
                    tau, p["probs"], correlation=torch.tensor(_CORRELATION), validate_args=v
                ),
                (2,),
                gates,
                first=_leading,
            ),
        ),
        Case(
            "III.G",
            {"loc": (0.3,), "scale": (0.8,)},
            {"loc": (-0.5,), "scale": (1.2,)},
            Subject(
                "InvertibleGaussian",
                lambda p, tau, v: package.InvertibleGaussian(
                    p["loc"], p["scale"], torch.tensor(tau), validate_args=v
                ),
                (2,),
                _two_shares(unit),
                first=_leading,
            ),
            Subject(
                "InvertibleGaussian",
                lambda p, tau, v: own.InvertibleGaussian(tau, p["loc"], p["scale"], validate_args=v),
                (2,),
                _two_shares(unit),
                first=_leading,
            ),
            other_tau=1.0,
        ),
        Case(
            "III.H",
            vector,
            even,
            Subject(
                "GumbelSoftmaxTopK",
                lambda p, tau, v: package.GumbelSoftmaxTopK(
                    p["probs"], K=torch.tensor(_PICKS), tau=torch.tensor(tau), validate_args=v
                ),
                (_CATEGORIES,),
                picked,
                first=_leading,
            ),
            Subject(
                "GumbelTopK",
                lambda p, tau, v: own.GumbelTopK(
                    tau, _PICKS, p["probs"], straight_through=True, validate_args=v
                ),
                (_CATEGORIES,),
                picked,
                density=_subset,
                first=_leading,
            ),
        ),
        Case(
            "III.I",
            {"loc": (0.5, 0.0, -0.5), "scale": (0.8, 0.6, 1.0)},
            {"loc": (0.0, 0.2, 0.0), "scale": (1.0, 1.0, 0.7)},
            Subject(
                "LogisticNormalSoftmax",
                lambda p, tau, v: package.LogisticNormalSoftmax(p["loc"], p["scale"], validate_args=v),
                (3,),
                three,
                first=_of_two,
            ),
            Subject(
                "LogisticNormal",
                lambda p, tau, v: own.LogisticNormal(
                    p["loc"], torch.diag_embed(p["scale"] ** 2), validate_args=v
                ),
                (3,),
                three,
                first=_of_two,
            ),
        ),
        Case(
            "III.K",
            vector,
            even,
            Subject(
                "DecoupledStraightThroughGumbelSoftmax",
                lambda p, tau, v: package.DecoupledStraightThroughGumbelSoftmax(
                    torch.tensor(0.1), torch.tensor(tau), probs=p["probs"], validate_args=v
                ),
                (_CATEGORIES,),
                hot,
                first=_leading,
            ),
            Subject(
                "DecoupledStraightThroughGumbelSoftmax",
                lambda p, tau, v: own.DecoupledStraightThroughGumbelSoftmax(
                    tau, p["probs"], temperature_forward=0.1, validate_args=v
                ),
                (_CATEGORIES,),
                hot,
                first=_leading,
            ),
        ),
        gate(
            "III.L",
            0.8,
            Subject(
                "RebarRelaxation",
                lambda p, tau, v: package.RebarRelaxation(p["probs"], torch.tensor(tau), validate_args=v),
                (),
                unit,
            ),
        ),
    ]


def _pair(section: str, name: str, package: ModuleType, given: Mapping[str, Any], support: Support) -> Case:
    """Two classes of one name that take `probs` alone."""

    def made(of: Any) -> Subject:
        return Subject(
            name, lambda p, tau, v: getattr(of, name)(probs=p["probs"], validate_args=v), (), support
        )

    return Case(section, given, {"probs": 0.6}, made(package), made(own))


def _given(validate_args: bool | None) -> dict[str, Any]:
    return {} if validate_args is None else {"validate_args": validate_args}


def _binomial(p: Tensor) -> Tensor:
    """Chances of 0, 1 and 2 of two trials, `[..., 3]`."""
    return torch.stack(((1 - p) ** 2, 2 * p * (1 - p), p**2), -1)


def _count(w: Tensor) -> Tensor:
    """Σ_k w_k c_k over the largest count, so that ½ is in the middle here too."""
    return (w * torch.tensor(_COUNTS, dtype=w.dtype)).sum(-1) / _COUNTS[-1]


def _leading(z: Tensor) -> Tensor:
    return z[..., 0]


def _of_two(z: Tensor) -> Tensor:
    """The first share of what it and the last have; above ½ where it is the larger one."""
    return z[..., 0] / (z[..., 0] + z[..., -1])


def _two_shares(unit: Support) -> Support:
    """The simplex of two, Lebesgue in the first share."""
    return Support(
        torch.stack((unit.points, 1 - unit.points), -1), unit.weights, partial(_of_first, unit.coordinates)
    )


def _of_first(coordinates: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    return coordinates(z[..., 0])


def _k_hot() -> Tensor:
    """All vectors with `_PICKS` ones."""
    chosen = [*itertools.combinations(range(_CATEGORIES), _PICKS)]
    return torch.zeros(len(chosen), _CATEGORIES).scatter_(-1, torch.tensor(chosen), 1.0)


def _subset(law: Any, hot: Tensor) -> Tensor:
    """log P of a k-hot vector: of its two orders."""
    order = hot.topk(_PICKS).indices
    return torch.logaddexp(law.log_prob(order), law.log_prob(order.flip(-1)))
