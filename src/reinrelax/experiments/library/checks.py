"""What a class is asked, one check each: a number, what it should be, and what was raised in its place.

A class may raise whatever it likes; that is what is measured.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import torch
from scipy.stats import ks_2samp
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from reinrelax.experiments.library.cases import Case, Parameters, Subject

Row = dict[str, object]

_NORMAL = 1.959964
# Two axes, neither of length one, and a sample shape that broadcasts with neither.
_BATCH, _SHAPE = (3, 2), (5,)
_DECIMALS = 5
# Samples through which a gradient may come.
_TRIES = 32
# Points of a grid as near as this to ½ lie on it.
_EDGE = 1e-9
# Two elements of a batch, whose noise is to be independent.
_TWINS = (2,)


def rows(subject: Subject, case: Case, draws: Tensor) -> Iterator[Row]:
    """All checks of one class, given samples `[N, 2, *event]` of two equal elements of a batch."""
    yield from _interface(subject, case)
    values = subject.first(draws.double())
    yield _correlation(values)
    yield from _density(subject, case, values[:, 0])
    twins = subject.build(tiled(case.parameters, _TWINS), case.tau, None)
    yield _sampled("mean", values[:, 0], lambda: _leading(twins.mean))
    squares = (values[:, 0] - values[:, 0].mean()).square() * len(values) / (len(values) - 1)
    yield _sampled("variance", squares, lambda: _leading(twins.variance))
    yield _divergence(subject, case, draws)


def drawn(subject: Subject, case: Case, count: int) -> Tensor:
    """Samples `[N, 2, *event]`: at once where the class can, else one by one."""
    law = subject.build(tiled(case.parameters, _TWINS), case.tau, None)
    wanted = (count, *_TWINS, *subject.event)
    with torch.no_grad():
        try:
            found = subject.draw(law, (count,))
        except Exception:
            found = torch.empty(0)
        if tuple(found.shape) != wanted:
            found = torch.stack([subject.draw(law, ()) for _ in range(count)]).reshape(wanted)
    return found


def same_law(case: Case, theirs: Tensor, ours: Tensor) -> Row:
    """p-value that both draw from one law, by Kolmogorov's and Smirnov's test of two samples."""
    pairs = ((case.theirs, theirs), (case.ours, ours))
    # Rounded, or a one that is off by rounding were another value.
    values = [one.first(found)[:, 0].round(decimals=_DECIMALS).numpy() for one, found in pairs]
    return {"check": "same_law", "value": float(ks_2samp(*values).pvalue)}


def tiled(parameters: Mapping[str, Any], batch: tuple[int, ...]) -> dict[str, Tensor]:
    """The parameters of one element for every element of a batch."""
    tensors = {name: torch.tensor(value) for name, value in parameters.items()}
    return {name: value.expand(*batch, *value.shape).clone() for name, value in tensors.items()}


def _interface(subject: Subject, case: Case) -> Iterator[Row]:
    """What a `torch.distributions.Distribution` promises its callers."""
    whole = (*_BATCH, *subject.event)
    given = tiled(case.parameters, _BATCH)
    law = subject.build(given, case.tau, None)
    mixin = import_module("pyro.distributions.torch_distribution").TorchDistributionMixin
    yield _holds("torch", lambda: isinstance(law, Distribution))
    yield _holds("pyro", lambda: isinstance(law, mixin))
    yield _holds("validated", lambda: subject.build(given, case.tau, True) is not None)
    yield _holds(
        "declared",
        lambda: law.batch_shape == _BATCH and law.rsample().shape == (*_BATCH, *law.event_shape),
    )
    yield _holds("rsample", lambda: law.rsample().isfinite().all())
    yield _holds("shape", lambda: subject.draw(law, ()).shape == whole)
    yield _holds("sample_shape", lambda: subject.draw(law, _SHAPE).shape == (*_SHAPE, *whole))
    yield _holds(
        "expand", lambda: subject.draw(law.expand((*_SHAPE, *_BATCH)), ()).shape == (*_SHAPE, *whole)
    )
    yield _number("gradient", lambda: _reached(subject, case, given), 1.0)
    yield _holds("log_prob", lambda: law.log_prob(law.rsample()).isfinite().all())
    yield _holds("log_prob_shape", lambda: law.log_prob(law.rsample()).shape == _BATCH)


def _reached(subject: Subject, case: Case, given: Parameters) -> float:
    """Share of the parameters that a sample passes a gradient to."""
    leaves = {name: value.clone().requires_grad_() for name, value in given.items()}
    law = subject.build(leaves, case.tau, None)
    # A gate that is clipped passes nothing on, and in a class of one noise they all are at once.
    z = subject.first(torch.stack([subject.draw(law, ()) for _ in range(_TRIES)]))
    found = torch.autograd.grad(z.sum(), [*leaves.values()], allow_unused=True)
    passed = [g is not None and bool(g.isfinite().all()) and bool(g.any()) for g in found]
    return sum(passed) / len(passed)


def _density(subject: Subject, case: Case, values: Tensor) -> Iterator[Row]:
    """Its mass, and the chance of more than ½ by sampling and by the density."""
    points, weights = subject.support.points.double(), subject.support.weights

    def mass() -> Tensor:
        # In float64, for the tails; an element for each point, because not all classes broadcast.
        given = {name: value.double() for name, value in tiled(case.parameters, (len(points),)).items()}
        found = subject.density(subject.build(given, case.tau, None), points)
        # What is left beside the points is of an event that the class does not know for one.
        return found.reshape(len(points), -1).sum(-1).exp() * weights

    # The trapezoid rule's end has half its weight.
    above = ((subject.first(points) - 0.5) / _EDGE).clamp(-0.5, 0.5) + 0.5
    yield _number("integral", lambda: float(mass().sum()), 1.0)
    yield _sampled("above", (values > 0.5).double(), lambda: float(mass() @ above))


def _correlation(values: Tensor) -> Row:
    """Pearson's correlation of two elements of a batch, with the interval on Fisher's scale."""
    r = torch.corrcoef(values.T)[0, 1].clamp(-1, 1)
    half = _NORMAL / math.sqrt(len(values) - 3)
    low, high = ((r.atanh() + side * half).tanh().item() for side in (-1, 1))
    return {"check": "correlation", "value": float(r), "low": low, "high": high, "expected": 0.0}


def _divergence(subject: Subject, case: Case, draws: Tensor) -> Row:
    """KL(p ‖ q) as it is registered, beside the mean over p's samples by the densities of this project."""

    def laws(of: Subject, batch: tuple[int, ...], validate_args: bool | None) -> tuple[Any, Any]:
        pairs = ((case.parameters, case.tau), (case.other, case.other_tau))
        p, q = (of.build(tiled(given, batch), tau, validate_args) for given, tau in pairs)
        return p, q

    def registered() -> float:
        found: Tensor = kl_divergence(*laws(subject, _TWINS, None))
        return float(found.reshape(*_TWINS, -1).sum(-1)[0])

    try:
        expected = registered()
        # Not validated, because samples may be off what they stand for by rounding.
        log_p, log_q = (case.ours.density(law, draws[:, 0]) for law in laws(case.ours, (1,), False))
    except Exception as error:
        return {"check": "kl", "raised": type(error).__name__}
    return _sampled("kl", (log_p - log_q).double(), lambda: expected)


def _leading(found: Tensor) -> float:
    """A moment of the first element's first coordinate."""
    return float(found.reshape(-1)[0])


def _holds(check: str, ask: Callable[[], Any]) -> Row:
    """Whether something is so; what raises is not."""
    row = _number(check, lambda: float(bool(ask())), 1.0)
    return {**row, "value": 0.0} if "raised" in row else row


def _number(check: str, ask: Callable[[], float], expected: float) -> Row:
    try:
        return {"check": check, "value": ask(), "expected": expected}
    except Exception as error:
        return {"check": check, "expected": expected, "raised": type(error).__name__}


def _sampled(check: str, values: Tensor, expect: Callable[[], float]) -> Row:
    """The mean of independent values `[N]` with its 95% interval, beside what the class says that it is."""
    mean, half = float(values.mean()), _NORMAL * float(values.std()) / len(values) ** 0.5
    row: Row = {"check": check}
    if math.isfinite(half):
        row |= {"value": mean, "low": mean - half, "high": mean + half}
    try:
        return {**row, "expected": expect()}
    except Exception as error:
        return {**row, "raised": type(error).__name__}
