"""The relaxations of paper A on small problems whose discrete distribution is known, as data.

A problem has one parameter t, with respect to which everything is differentiated: the first logit
or location, or the logarithm of a rate. All other parameters are fixed here.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Geometric, NegativeBinomial, Poisson

from reinrelax import distributions as catalogue
from reinrelax.experiments.properties import exact
from reinrelax.experiments.properties.problem import Build, Case, Density, distance, square

PICKS = (0.4, 0.3, 0.2, 0.1)
# Parameters of the hard concrete distribution, the correlated gates, and the two Gaussian families.
GAMMA, ZETA = -0.1, 1.1
_SECOND, _CORRELATION = 0.4, 0.5
_LOC, _SCALE = (0.4, 0.3, -0.2), (1.0, 0.7, 0.8)

_GATES = {f"a = {a:g}": a for a in (-1.5, 0.0, 1.0)}
_CHOICE = {f"p = {PICKS}": math.log(PICKS[0])}
_MU = {f"mu = {_LOC[0]:g}": _LOC[0]}


_WEIGHTS = Density(
    lambda t, tau: exact.simplex(tau),
    draw=lambda law, noise: law.weights(noise),
    log_prob=lambda law, w: law.log_prob_weights(w),
    sample=lambda w: w @ torch.arange(3, dtype=w.dtype),
)


@cache
def cases() -> tuple[Case, ...]:
    """Return the cases of every relaxation of the catalogue, with its variants."""
    return (
        _counts("Poisson(5)", lambda t: Poisson(t.exp()), "rate 5", math.log(5)),
        _counts("geometric", lambda t: Geometric(logits=t), "p = 0.2", _log_odds(0.2)),
        # With three categories, the density of the weights can be integrated.
        _counts("binomial", lambda t: Binomial(2, logits=t), "p = 0.3", _log_odds(0.3), _WEIGHTS),
        _counts(
            "negative binomial", lambda t: NegativeBinomial(3, logits=t), "p = 0.4", _log_odds(0.4)
        ),
        _gate(
            "RelaxedBernoulli",
            _relaxed,
            density=Density(lambda t, tau: exact.interval(tau), other=_shifted(_relaxed)),
            threshold=True,
        ),
        _gate(
            "HardConcrete",
            _stretched,
            density=Density(lambda t, tau: exact.closed_interval(), other=_shifted(_stretched)),
            discrete_share=lambda t, tau: sum(exact.hard_concrete_masses(t, tau, GAMMA, ZETA)),
            threshold=True,
        ),
        _straight_through("sigmoid", lambda t: 1.0),
        # The ratio is 1/σ′.
        _straight_through("copy", lambda t: 2 + 2 * math.cosh(t)),
        _times_smooth("pathwise", 0.5),
        _times_smooth("straight-through", 1.0),
        Case(
            relaxation="CorrelatedRelaxedBernoulli",
            build=_correlated,
            outcomes=lambda t, tau: exact.copula(_beside(t, (_SECOND,)), _CORRELATION),
            loss=lambda z: square(z.mean(-1)),
            places=_GATES,
            density=Density(
                lambda t, tau: exact.square(tau), other=lambda t, tau: _correlated(t, tau, -0.2)
            ),
            threshold=True,
        ),
        # The last score of softmax++ with δ = 1 is zero for every τ.
        _invertible("softmax++", lambda loc, scale, tau: exact.largest(loc, scale, floor=0.0)),
        _invertible("stick breaking", exact.largest_piece),
        _top_two("", straight_through=False),
        _top_two("straight-through", straight_through=True),
        Case(
            relaxation="LogisticNormal",
            build=_logistic_normal,
            outcomes=lambda t, tau: exact.largest(
                _beside(t, _LOC[1:]), torch.tensor(_SCALE, dtype=t.dtype)
            ),
            loss=distance,
            places=_MU,
            density=Density(lambda t, tau: exact.simplex(1.0), other=_shifted(_logistic_normal)),
            tempered=False,
        ),
        Case(
            relaxation="DecoupledStraightThroughGumbelSoftmax",
            build=_decoupled,
            outcomes=lambda t, tau: exact.categorical(_picks(t)),
            loss=distance,
            places=_CHOICE,
            density=Density(
                lambda t, tau: exact.listed(torch.eye(len(PICKS), dtype=t.dtype)),
                sample=None,
                other=_shifted(_decoupled),
            ),
            discrete_share=lambda t, tau: 1.0,
        ),
    )


def _counts(
    variant: str,
    base: Callable[[Tensor], Distribution],
    place: str,
    t: float,
    density: Density | None = None,
) -> Case:
    """Return the case of counts from base(t), truncated as at `place`, and f = (z/mean − 0.45)²."""
    at = base(torch.tensor(t, dtype=torch.float64))
    n = catalogue.GeneralizedGumbelSoftmax(1.0, at).n
    mean = torch.dot(*exact.truncated(at, n))
    return Case(
        relaxation="GeneralizedGumbelSoftmax",
        variant=variant,
        build=lambda t, tau: catalogue.GeneralizedGumbelSoftmax(tau, base(t), n),
        outcomes=lambda t, tau: exact.truncated(base(t), n),
        loss=lambda z: square(z / mean),
        places={place: t},
        density=density,
        extremes=(-30.0, -12.0, 0.0, 3.0, 12.0),
    )


def _gate(relaxation: str, build: Build, **more: Any) -> Case:
    """Return the case of a distribution on [0, 1] that represents a Bernoulli with log-odds t."""
    return Case(
        relaxation=relaxation,
        build=build,
        outcomes=lambda t, tau: exact.bernoulli(t),
        loss=square,
        places=_GATES,
        **more,
    )


def _straight_through(backward: str, ratio: Callable[[float], float]) -> Case:
    def build(t: Tensor, tau: float) -> Any:
        return catalogue.StraightThroughBernoulli(logits=t, backward=backward)

    return _gate(
        "StraightThroughBernoulli",
        build,
        variant=backward,
        density=Density(
            lambda t, tau: exact.listed(torch.tensor([0.0, 1.0], dtype=t.dtype)),
            sample=None,
            other=_shifted(build),
        ),
        tempered=False,
        discrete_share=lambda t, tau: 1.0,
        linear_ratio=ratio,
    )


def _times_smooth(backward: str, ratio: float) -> Case:
    """Return the case of h, whose value 0 is binary and √p is not; its bit has probability √p."""
    return _gate(
        "StochasticTimesSmooth",
        lambda t, tau: catalogue.StochasticTimesSmooth(logits=t, backward=backward),
        variant=backward,
        density=Density(
            lambda t, tau: exact.listed(torch.stack((torch.zeros_like(t), t.sigmoid().sqrt()))),
        ),
        tempered=False,
        discrete_share=lambda t, tau: 1 - math.sqrt(1 / (1 + math.exp(-t))),
        linear_ratio=lambda t: ratio,
        hardens=False,
    )


def _invertible(map: str, law: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]) -> Case:
    def parameters(t: Tensor) -> tuple[Tensor, Tensor]:
        return _beside(t, _LOC[1:2]), torch.tensor(_SCALE[:2], dtype=t.dtype)

    def build(t: Tensor, tau: float) -> Any:
        return catalogue.InvertibleGaussian(tau, *parameters(t), map=map)

    return Case(
        relaxation="InvertibleGaussian",
        variant=map,
        build=build,
        outcomes=lambda t, tau: law(*parameters(t), tau),
        loss=distance,
        places=_MU,
        density=Density(lambda t, tau: exact.simplex(tau), other=_shifted(build)),
    )


def _top_two(variant: str, *, straight_through: bool) -> Case:
    return Case(
        relaxation="GumbelTopK",
        variant=variant,
        build=lambda t, tau: catalogue.GumbelTopK(
            tau, 2, logits=_picks(t), straight_through=straight_through
        ),
        outcomes=lambda t, tau: exact.without_replacement(_picks(t)),
        loss=distance,
        places=_CHOICE,
        density=Density(
            lambda t, tau: exact.listed(exact.sequences(len(PICKS), 2)),
            draw=lambda law, noise: law.indices(noise),
            sample=None,
        ),
        discrete_share=lambda t, tau: float(straight_through),
    )


def _relaxed(t: Tensor, tau: float) -> Any:
    return catalogue.RelaxedBernoulli(tau, logits=t)


def _stretched(t: Tensor, tau: float) -> Any:
    return catalogue.HardConcrete(tau, logits=t, gamma=GAMMA, zeta=ZETA)


def _correlated(t: Tensor, tau: float, rho: float = _CORRELATION) -> Any:
    matrix = torch.tensor([[1.0, rho], [rho, 1.0]], dtype=t.dtype)
    return catalogue.CorrelatedRelaxedBernoulli(
        tau, logits=_beside(t, (_SECOND,)), correlation=matrix
    )


def _logistic_normal(t: Tensor, tau: float) -> Any:
    variance = torch.tensor(_SCALE, dtype=t.dtype).square().diag()
    return catalogue.LogisticNormal(_beside(t, _LOC[1:]), variance)


def _decoupled(t: Tensor, tau: float) -> Any:
    return catalogue.DecoupledStraightThroughGumbelSoftmax(tau, logits=_picks(t))


def _shifted(build: Build) -> Build:
    """Return the same relaxation at t + 1."""
    return lambda t, tau: build(t + 1.0, tau)


def _picks(t: Tensor) -> Tensor:
    """Return logits `[..., 4]`, whose probabilities are PICKS at t = log PICKS[0]."""
    return _beside(t, tuple(math.log(p) for p in PICKS[1:]))


def _beside(t: Tensor, rest: tuple[float, ...]) -> Tensor:
    """Return t followed by fixed values, `[..., 1 + len(rest)]`."""
    return torch.cat(
        (t[..., None], torch.tensor(rest, dtype=t.dtype).expand(*t.shape, len(rest))), -1
    )


def _log_odds(p: float) -> float:
    return math.log(p / (1 - p))
