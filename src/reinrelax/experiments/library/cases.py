"""The library's classes, each with this project's distribution of the same section of paper A.

Both are built from the same float32 parameters, which are given for one element of a batch.
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
# Builds a distribution from parameters, a temperature and validate_args.
Build = Callable[[Parameters, float, bool | None], Any]

_COUNTS = (0.0, 1.0, 2.0)
_CORRELATION = ((1.0, 0.7), (0.7, 1.0))
_GAMMA, _ZETA = -0.1, 1.1
_CATEGORIES, _PICKS = 4, 2


@dataclass(frozen=True)
class Subject:
    """A class to test, and how to use it.

    Attributes:
        name: of the class.
        event: the shape of a sample.
        support: where its density is integrated, including atoms.
        draw: draws samples, given a distribution and a sample shape.
        density: returns log densities, given a distribution and points of the support.
        first: maps each sample to the number that is compared.
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
    """A distribution of paper A, in the library and in this project.

    Attributes:
        law: its section of the paper.
        parameters: of one element of a batch.
        other: the parameters of a second distribution q, for KL(p ‖ q).
        theirs, ours: the two implementations.
        tau, other_tau: the temperatures of p and q.
    """

    law: str
    parameters: Mapping[str, Any]
    other: Mapping[str, Any]
    theirs: Subject
    ours: Subject
    tau: float = 0.5
    other_tau: float = 0.5


def cases(package: ModuleType) -> list[Case]:
    """Return the cases for all classes of the package."""
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
                lambda p, tau, v: own.GeneralizedGumbelSoftmax(
                    tau, Binomial(2, p["p"]), 3, validate_args=v
                ),
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
                torch.tensor(_COUNTS),
                probs=_binomial(p["p"]),
                tau=torch.tensor(tau),
                validate_args=v,
            ),
        ),
        counts(
            "III.A, of a law",
            "GeneralizedGumbelSoftmaxNP",
            lambda p, tau, v: package.GeneralizedGumbelSoftmaxNP(
                Binomial(2, p["p"][..., None]),
                torch.tensor(_COUNTS),
                tau=torch.tensor(tau),
                **_given(v),
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
        _pair(
            "III.D", "StraightThroughBernoulli", package, probs, listed(torch.tensor([0.0, 1.0]))
        ),
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
                lambda p, tau, v: own.InvertibleGaussian(
                    tau, p["loc"], p["scale"], validate_args=v
                ),
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
                lambda p, tau, v: package.LogisticNormalSoftmax(
                    p["loc"], p["scale"], validate_args=v
                ),
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
                lambda p, tau, v: package.RebarRelaxation(
                    p["probs"], torch.tensor(tau), validate_args=v
                ),
                (),
                unit,
            ),
        ),
    ]


def _pair(
    section: str, name: str, package: ModuleType, given: Mapping[str, Any], support: Support
) -> Case:
    """Return the case of two classes of the same name that take only `probs`."""

    def made(of: Any) -> Subject:
        return Subject(
            name,
            lambda p, tau, v: getattr(of, name)(probs=p["probs"], validate_args=v),
            (),
            support,
        )

    return Case(section, given, {"probs": 0.6}, made(package), made(own))


def _given(validate_args: bool | None) -> dict[str, Any]:
    return {} if validate_args is None else {"validate_args": validate_args}


def _binomial(p: Tensor) -> Tensor:
    """Return the probabilities of 0, 1 and 2 successes in two trials, `[..., 3]`."""
    return torch.stack(((1 - p) ** 2, 2 * p * (1 - p), p**2), -1)


def _count(w: Tensor) -> Tensor:
    """Return Σ_k w_k c_k over the largest count, so that ½ is the midpoint as in other cases."""
    return (w * torch.tensor(_COUNTS, dtype=w.dtype)).sum(-1) / _COUNTS[-1]


def _leading(z: Tensor) -> Tensor:
    return z[..., 0]


def _of_two(z: Tensor) -> Tensor:
    """Return the first share over the sum of first and last; above ½ if the first is larger."""
    return z[..., 0] / (z[..., 0] + z[..., -1])


def _two_shares(unit: Support) -> Support:
    """Return the simplex of two shares, with the Lebesgue measure of the first."""
    return Support(
        torch.stack((unit.points, 1 - unit.points), -1),
        unit.weights,
        partial(_of_first, unit.coordinates),
    )


def _of_first(coordinates: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    return coordinates(z[..., 0])


def _k_hot() -> Tensor:
    """Return all vectors with `_PICKS` ones."""
    chosen = [*itertools.combinations(range(_CATEGORIES), _PICKS)]
    return torch.zeros(len(chosen), _CATEGORIES).scatter_(-1, torch.tensor(chosen), 1.0)


def _subset(law: Any, hot: Tensor) -> Tensor:
    """Return log P of a k-hot vector with two ones: the sum over both orders of the picks."""
    order = hot.topk(_PICKS).indices
    return torch.logaddexp(law.log_prob(order), law.log_prob(order.flip(-1)))
