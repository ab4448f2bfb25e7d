"""The installed peers: their distributions and functions, each next to ours for the same purpose.

The classes of relaxit are those of the study `library`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch import distributions as laws
from torch.nn.functional import gumbel_softmax as torch_gumbel_softmax

import reinrelax
from reinrelax import distributions as own
from reinrelax.estimators import exact
from reinrelax.experiments.library.cases import Case, Subject, cases
from reinrelax.experiments.library.released import released
from reinrelax.experiments.properties.exact import closed_interval, interval, listed, simplex

Parameters = Mapping[str, Tensor]
Tau = Tensor | float
# Draws a sample, given parameters and a temperature.
Sample = Callable[[Parameters, Tau], Tensor]
# Builds a distribution from parameters, a temperature and validate_args.
Build = Callable[[Parameters, Tau, bool | None], Any]
# Returns the mean of an estimator by enumeration, from logits `[L, C]` and a loss.
Exact = Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]

_LOGITS = {"logits": (0.7, 0.0, -0.9)}
_EVEN = {"logits": (0.0, 0.0, 0.0)}


@dataclass(frozen=True, eq=False)
class Side:
    """A distribution or a function.

    Attributes:
        name: of the class or function.
        sample: draws a sample, given parameters and a temperature.
        build: builds the distribution; None for a function.
        subject: for the checks of the study `library`; None for a function.
        tempered: whether it has a temperature.
    """

    name: str
    sample: Sample
    build: Build | None = None
    subject: Subject | None = None
    tempered: bool = True


@dataclass(frozen=True, eq=False)
class Pair:
    """A peer's distribution or function, and ours for the same purpose.

    Attributes:
        package: the name of the peer's package.
        parameters: of one element of a batch.
        case: of the distributions; None for functions.
        first: maps each sample to the number that is compared.
        exact: the mean of the gradient, where it can be enumerated.
    """

    package: str
    parameters: Mapping[str, Any]
    tau: float
    theirs: Side
    ours: Side
    case: Case | None = None
    first: Callable[[Tensor], Tensor] = lambda z: z[..., 0]
    exact: Exact | None = None


def installed() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    found = {}
    for package, module in (
        *(("torch", "torch"), ("relaxit", "relaxit")),
        *(("reinmax", "reinmax"), ("pyro-ppl", "pyro")),
    ):
        try:
            if find_spec(module):
                found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def pairs() -> Iterator[Pair]:
    """Yield the pairs of all installed peers."""
    present = installed()
    yield from _torch()
    if "relaxit" in present:
        yield from _relaxit()
    if "reinmax" in present:
        yield _reinmax()
    if "pyro-ppl" in present:
        yield from _pyro()


def _torch() -> Iterator[Pair]:
    yield _laws(
        "torch",
        Case(
            "",
            {"probs": 0.3},
            {"probs": 0.6},
            Subject(
                "RelaxedBernoulli",
                lambda p, tau, v: laws.RelaxedBernoulli(
                    torch.as_tensor(tau), probs=p["probs"], validate_args=v
                ),
                (),
                interval(0.5),
            ),
            Subject(
                "RelaxedBernoulli",
                lambda p, tau, v: own.RelaxedBernoulli(tau, p["probs"], validate_args=v),
                (),
                interval(0.5),
            ),
        ),
    )
    yield _laws(
        "torch",
        Case(
            "",
            _LOGITS,
            _EVEN,
            Subject(
                "RelaxedOneHotCategorical",
                lambda p, tau, v: laws.RelaxedOneHotCategorical(
                    _column(tau), logits=p["logits"], validate_args=v
                ),
                (3,),
                simplex(0.5),
                first=_leading,
            ),
            Subject(
                "RelaxedOneHotCategorical",
                lambda p, tau, v: own.RelaxedOneHotCategorical(
                    tau, logits=p["logits"], validate_args=v
                ),
                (3,),
                simplex(0.5),
                first=_leading,
            ),
        ),
    )
    yield _laws(
        "torch",
        _one_hot(
            "OneHotCategoricalStraightThrough",
            lambda p, tau, v: laws.OneHotCategoricalStraightThrough(
                logits=p["logits"], validate_args=v
            ),
        ),
    )
    for hard in (False, True):
        words = ", hard" if hard else ""
        yield _functions(
            "torch",
            0.5,
            (f"F.gumbel_softmax{words}", partial(_tempered, torch_gumbel_softmax, hard=hard)),
            (f"gumbel_softmax{words}", partial(_tempered, reinrelax.gumbel_softmax, hard=hard)),
        )
    yield _functions(
        "torch",
        1.0,
        (
            "OneHotCategoricalStraightThrough, gradient",
            lambda x, tau: laws.OneHotCategoricalStraightThrough(logits=x).rsample(),
        ),
        (
            "straight_through",
            partial(_tempered, reinrelax.gumbel_softmax, hard=True, method="straight_through"),
        ),
        exact.first_order,
        tempered=False,
    )


def _relaxit() -> Iterator[Pair]:
    package = released()
    released("distributions.kl")
    # With a temperature that is a tensor; the study gives a number.
    tempered: dict[str, Callable[[Parameters, Tensor], Any]] = {
        "GeneralizedGumbelSoftmax": lambda p, tau: package.GeneralizedGumbelSoftmax(
            torch.arange(3.0), probs=_binomial(p["p"]), tau=tau
        ),
        "GeneralizedGumbelSoftmaxNP": lambda p, tau: package.GeneralizedGumbelSoftmaxNP(
            laws.Binomial(2, p["p"][..., None]), torch.arange(3.0), tau=tau
        ),
        "HardConcrete": lambda p, tau: package.HardConcrete(
            p["probs"] / (1 - p["probs"]), tau, torch.tensor(1.1), torch.tensor(-0.1)
        ),
        "CorrelatedRelaxedBernoulli": lambda p, tau: package.CorrelatedRelaxedBernoulli(
            p["probs"], torch.tensor([[1.0, 0.7], [0.7, 1.0]]), tau
        ),
        "InvertibleGaussian": lambda p, tau: package.InvertibleGaussian(p["loc"], p["scale"], tau),
        "GumbelSoftmaxTopK": lambda p, tau: package.GumbelSoftmaxTopK(
            p["probs"], K=torch.tensor(2), tau=tau, hard=True
        ),
        "DecoupledStraightThroughGumbelSoftmax": lambda p, tau: (
            package.DecoupledStraightThroughGumbelSoftmax(torch.tensor(0.1), tau, probs=p["probs"])
        ),
        "RebarRelaxation": lambda p, tau: package.RebarRelaxation(p["probs"], tau),
        "GaussianRelaxedBernoulli": lambda p, tau: package.GaussianRelaxedBernoulli(
            p["probs"], tau.expand_as(p["probs"])
        ),
    }
    # The study compares these two with the relaxation of their section of the paper.
    same = {
        "GaussianRelaxedBernoulli": Subject(
            "GaussianGate",
            lambda p, tau, v: own.GaussianGate(p["probs"], tau, validate_args=v),
            (),
            closed_interval(),
        ),
        "RebarRelaxation": Subject(
            "RebarRelaxation",
            lambda p, tau, v: own.RebarRelaxation(tau, p["probs"], validate_args=v),
            (),
            interval(0.5),
        ),
    }
    untempered = ("StraightThroughBernoulli", "StochasticTimesSmooth", "LogisticNormal")
    for case in cases(package):
        case = replace(case, ours=same.get(case.theirs.name, case.ours))
        pair = _laws("relaxit", case)
        theirs = _side(case.theirs, tempered.get(case.theirs.name))
        has_tau = case.ours.name not in untempered
        yield replace(
            pair,
            theirs=replace(theirs, tempered=has_tau),
            ours=replace(pair.ours, tempered=has_tau),
        )


def _reinmax() -> Pair:
    from reinmax import reinmax

    return _functions(
        "reinmax",
        1.0,
        ("reinmax", lambda x, tau: reinmax(x, _column(tau))[0]),
        (
            "reinmax",
            partial(_tempered, reinrelax.gumbel_softmax, hard=True, method="reinmax"),
        ),
        exact.second_order,
    )


def _pyro() -> Iterator[Pair]:
    from pyro import distributions as pyro_laws

    yield _laws(
        "pyro-ppl",
        _one_hot(
            "RelaxedOneHotCategoricalStraightThrough",
            lambda p, tau, v: pyro_laws.RelaxedOneHotCategoricalStraightThrough(
                _column(tau), logits=p["logits"], validate_args=v
            ),
        ),
    )
    # Ours for a bit with a temperature is a code of two categories.
    yield _functions(
        "pyro-ppl",
        0.5,
        (
            "RelaxedBernoulliStraightThrough",
            lambda x, tau: pyro_laws.RelaxedBernoulliStraightThrough(
                torch.as_tensor(tau)[..., None], logits=x
            ).rsample(),
        ),
        (
            "gumbel_softmax, two categories",
            lambda x, tau: reinrelax.gumbel_softmax(
                torch.stack((x, torch.zeros_like(x)), -1),
                torch.as_tensor(tau)[..., None, None],
                hard=True,
            )[..., 0],
        ),
    )


def _one_hot(name: str, build: Build) -> Case:
    """Return the case of a distribution of one-hot vectors."""
    hot = listed(torch.eye(3))
    return Case(
        "",
        _LOGITS,
        _EVEN,
        Subject(name, build, (3,), hot, first=_leading),
        Subject(
            "DecoupledStraightThroughGumbelSoftmax",
            lambda p, tau, v: own.DecoupledStraightThroughGumbelSoftmax(
                tau, logits=p["logits"], validate_args=v
            ),
            (3,),
            hot,
            first=_leading,
        ),
    )


def _laws(package: str, case: Case) -> Pair:
    theirs, ours = (_side(subject) for subject in (case.theirs, case.ours))
    return Pair(package, case.parameters, case.tau, theirs, ours, case, case.theirs.first)


def _side(subject: Subject, tempered: Callable[[Parameters, Tensor], Any] | None = None) -> Side:
    """Return the side of a subject; `tempered` builds it with a τ that is a tensor."""

    def build(p: Parameters, tau: Tau, v: bool | None) -> Any:
        if isinstance(tau, Tensor) and tempered is not None:
            return tempered(p, tau)
        return subject.build(p, tau, v)  # type: ignore[arg-type]

    return Side(subject.name, lambda p, tau: subject.draw(build(p, tau, None), ()), build, subject)


Function = Callable[[Tensor, Any], Tensor]


def _functions(
    package: str,
    tau: float,
    theirs: tuple[str, Function],
    ours: tuple[str, Function],
    exact: Exact | None = None,
    tempered: bool = True,
) -> Pair:
    """Return a pair of functions of logits and a temperature."""
    first, second = (
        Side(name, partial(_of_logits, function), tempered=tempered)
        for name, function in (theirs, ours)
    )
    return Pair(package, _LOGITS, tau, first, second, exact=exact)


def _of_logits(function: Function, p: Parameters, tau: Tau) -> Tensor:
    return function(p["logits"], tau)


def _tempered(function: Callable[..., Tensor], x: Tensor, tau: Tau, **more: Any) -> Tensor:
    return function(x, _column(tau), **more)


def _column(tau: Tau) -> Any:
    """Give a temperature per element of a batch the axis that it broadcasts by to vectors."""
    tau = torch.as_tensor(tau)
    return tau[..., None] if tau.ndim else tau


def _binomial(p: Tensor) -> Tensor:
    """Return the probabilities of 0, 1 and 2 successes in two trials, `[..., 3]`."""
    return torch.stack(((1 - p) ** 2, 2 * p * (1 - p), p**2), -1)


def _leading(z: Tensor) -> Tensor:
    return z[..., 0]
