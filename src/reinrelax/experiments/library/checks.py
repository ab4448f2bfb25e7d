"""The checks of a class: each yields a number and its expected value, or the exception raised.

A class may raise any exception; it is recorded as a result.
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
# Two batch axes, neither of length one, and a sample shape that does not broadcast with either.
_BATCH, _SHAPE = (3, 2), (5,)
_DECIMALS = 5
# The number of samples for the test whether a gradient reaches the parameters.
_TRIES = 32
# Grid points within this distance of ½ count as ½.
_EDGE = 1e-9
# A batch of two elements, whose noise should be independent.
_TWINS = (2,)


def rows(subject: Subject, case: Case, draws: Tensor) -> Iterator[Row]:
    """Yield all checks of a class, given samples `[N, 2, *event]` of two equal batch elements."""
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
    """Draw samples `[N, 2, *event]`: all at once if the class can do that, else one by one."""
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
    """Return the p-value of a two-sample Kolmogorov–Smirnov test of equal distributions."""
    pairs = ((case.theirs, theirs), (case.ours, ours))
    # Round, so that values equal up to rounding errors count as equal.
    values = [one.first(found)[:, 0].round(decimals=_DECIMALS).numpy() for one, found in pairs]
    return {"check": "same_law", "value": float(ks_2samp(*values).pvalue)}


def tiled(parameters: Mapping[str, Any], batch: tuple[int, ...]) -> dict[str, Tensor]:
    """Repeat the parameters of one element for all elements of a batch."""
    tensors = {name: torch.tensor(value) for name, value in parameters.items()}
    return {name: value.expand(*batch, *value.shape).clone() for name, value in tensors.items()}


def _interface(subject: Subject, case: Case) -> Iterator[Row]:
    """Check what callers may expect of a `torch.distributions.Distribution`."""
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
        "expand",
        lambda: subject.draw(law.expand((*_SHAPE, *_BATCH)), ()).shape == (*_SHAPE, *whole),
    )
    yield _number("gradient", lambda: _reached(subject, case, given), 1.0)
    yield _holds("log_prob", lambda: law.log_prob(law.rsample()).isfinite().all())
    yield _holds("log_prob_shape", lambda: law.log_prob(law.rsample()).shape == _BATCH)


def _reached(subject: Subject, case: Case, given: Parameters) -> float:
    """Return the share of the parameters that receive a gradient from samples."""
    leaves = {name: value.clone().requires_grad_() for name, value in given.items()}
    law = subject.build(leaves, case.tau, None)
    # A clipped gate passes no gradient; if a class shares its noise, all elements are clipped at
    # once.
    z = subject.first(torch.stack([subject.draw(law, ()) for _ in range(_TRIES)]))
    found = torch.autograd.grad(z.sum(), [*leaves.values()], allow_unused=True)
    passed = [g is not None and bool(g.isfinite().all()) and bool(g.any()) for g in found]
    return sum(passed) / len(passed)


def _density(subject: Subject, case: Case, values: Tensor) -> Iterator[Row]:
    """Check the mass of the density, and P(first > ½) by sampling and by the density."""
    points, weights = subject.support.points.double(), subject.support.weights

    def mass() -> Tensor:
        # float64 for the tails; a batch element per point, because some classes do not broadcast.
        given = {
            name: value.double() for name, value in tiled(case.parameters, (len(points),)).items()
        }
        found = subject.density(subject.build(given, case.tau, None), points)
        # Further axes belong to an event that the class does not declare as such; sum over them.
        return found.reshape(len(points), -1).sum(-1).exp() * weights

    # Points at ½ count half: they are an end of the trapezoid rule.
    above = ((subject.first(points) - 0.5) / _EDGE).clamp(-0.5, 0.5) + 0.5
    yield _number("integral", lambda: float(mass().sum()), 1.0)
    yield _sampled("above", (values > 0.5).double(), lambda: float(mass() @ above))


def _correlation(values: Tensor) -> Row:
    """Return Pearson's correlation of two batch elements, with an interval on Fisher's scale."""
    r = torch.corrcoef(values.T)[0, 1].clamp(-1, 1)
    half = _NORMAL / math.sqrt(len(values) - 3)
    low, high = ((r.atanh() + side * half).tanh().item() for side in (-1, 1))
    return {"check": "correlation", "value": float(r), "low": low, "high": high, "expected": 0.0}


def _divergence(subject: Subject, case: Case, draws: Tensor) -> Row:
    """Compare the registered KL(p ‖ q) with the mean log ratio of our densities over samples."""

    def laws(of: Subject, batch: tuple[int, ...], validate_args: bool | None) -> tuple[Any, Any]:
        pairs = ((case.parameters, case.tau), (case.other, case.other_tau))
        p, q = (of.build(tiled(given, batch), tau, validate_args) for given, tau in pairs)
        return p, q

    def registered() -> float:
        found: Tensor = kl_divergence(*laws(subject, _TWINS, None))
        return float(found.reshape(*_TWINS, -1).sum(-1)[0])

    try:
        expected = registered()
        # Without validation, because samples may be off the support by rounding errors.
        log_p, log_q = (case.ours.density(law, draws[:, 0]) for law in laws(case.ours, (1,), False))
    except Exception as error:
        return {"check": "kl", "raised": type(error).__name__}
    return _sampled("kl", (log_p - log_q).double(), lambda: expected)


def _leading(found: Tensor) -> float:
    """Return the moment of the first coordinate of the first element."""
    return float(found.reshape(-1)[0])


def _holds(check: str, ask: Callable[[], Any]) -> Row:
    """Check a condition: 1 if it holds, 0 if it does not or raises."""
    row = _number(check, lambda: float(bool(ask())), 1.0)
    return {**row, "value": 0.0} if "raised" in row else row


def _number(check: str, ask: Callable[[], float], expected: float) -> Row:
    try:
        return {"check": check, "value": ask(), "expected": expected}
    except Exception as error:
        return {"check": check, "expected": expected, "raised": type(error).__name__}


def _sampled(check: str, values: Tensor, expect: Callable[[], float]) -> Row:
    """Compare the mean of independent values `[N]`, with a 95% interval, with the class's value."""
    mean, half = float(values.mean()), _NORMAL * float(values.std()) / len(values) ** 0.5
    row: Row = {"check": check}
    if math.isfinite(half):
        row |= {"value": mean, "low": mean - half, "high": mean + half}
    try:
        return {**row, "expected": expect()}
    except Exception as error:
        return {**row, "raised": type(error).__name__}
