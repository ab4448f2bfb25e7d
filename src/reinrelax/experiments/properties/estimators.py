"""REBAR, RELAX and REINFORCE on small problems (A, III.J and III.L), and incorrect variants."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax, softmax
from reinrelax.core.rng import Streams
from reinrelax.estimators import exact, get
from reinrelax.estimators.base import Estimate, Estimator, draw, score_function
from reinrelax.estimators.gumbel import conditional_keys
from reinrelax.estimators.losses import Loss
from reinrelax.estimators.relax import relax_with
from reinrelax.experiments.properties.problem import EXTREME_SAMPLES, EXTREME_TAUS, distance, square
from reinrelax.experiments.properties.rows import Row, finite, known, labelled, sampled, variance

# An estimator as a function of logits and loss, with everything else fixed.
Surrogate = Callable[[Tensor, Loss], Estimate]

TAUS = (0.1, 0.5, 2.0)
_TAU = 0.5
# Not normalised (log Σ exp is 2.36); no estimate may depend on the normaliser.
_LOGITS = (0.7, -0.3, 1.9, 0.2)
_THETA, _WARM = 0.2, (1.0, 10.0, 100.0, 1e4)
_EXTREMES = (-1e4, -200.0, 0.0, 200.0, 1e4)
_STEPS, _BATCH, _UNITS, _RATE = 80, 200, 8, 0.03
_PILOT = 5_000
# The φ at which the slope of the variance is estimated, the step of the central difference (the
# variance is quadratic in φ), and the factor by which that uses more draws.
_PHI, _STEP, _MORE = 0.5, 0.5, 10


@dataclass(frozen=True)
class Problem:
    """A loss of one categorical variable.

    Attributes:
        setting: the name of the parameters.
        logits: `[C]`.
        loss: f, from `[..., 1, C]` to `[...]`.
        coordinates: the logits to report; of two categories (0, a), only the log-odds a.
    """

    variant: str
    setting: str
    logits: tuple[float, ...]
    loss: Loss
    coordinates: list[int]

    @property
    def theta(self) -> Tensor:
        """The logits, `[1, C]`."""
        return torch.tensor([self.logits], dtype=torch.float64)


@dataclass(frozen=True)
class Contender:
    """An estimator in the comparison.

    Attributes:
        variant: a suffix of the problem's variant.
        make: returns the estimator for a problem and a seed.
        taus: the temperatures; None for an estimator without one.
        others: hyper-parameters other than τ.
    """

    name: str
    variant: str
    make: Callable[[Problem, int], Estimator]
    taus: tuple[float | None, ...]
    others: tuple[tuple[str, float], ...] = ()

    def hyper(self, tau: float | None) -> dict[str, Any]:
        """Return all hyper-parameters, by name."""
        return {**dict(self.others), **({} if tau is None else {"tau": tau})}


def estimator_rows(samples: int, seed: int) -> Iterator[Row]:
    """Measure the score-function estimators.

    Yields rows as in `properties.measure`; `gradient_variance` is summed over coordinates. In
    addition:
        unbiased_z: distance of the mean from the exact gradient in standard errors, at the worst
            coordinate.
        variance_slope: for RELAX with the control variate φ f(softmax(z/τ)), the mean of ∂ĝ²/∂φ
            over draws, summed over logits; expected: the slope of the variance by differences, from
            other draws.
        baseline: for REBAR with η = 1, f(b) minus the mean estimate over ∇ log p(b), for either
            outcome b; expected: the limit τ → ∞.
    """
    for problem, contender in product(problems(), CONTENDERS):
        estimator = contender.make(problem, seed)
        name = {"relaxation": contender.name, "variant": f"{problem.variant}{contender.variant}"}
        for tau in contender.taus:
            setting = problem.setting if tau is None else f"{problem.setting}, tau {tau:g}"
            streams = Streams.derive([seed], "properties", *name.values(), setting)
            surrogate = partial(estimator.surrogate, streams=streams, **contender.hyper(tau))
            for category, row in problem_rows(problem, surrogate, samples):
                yield from labelled([row], **name, setting=f"{setting}{category}")
        if contender.name == "RELAX" and not contender.variant:
            slope = sampled("variance_slope", *_slopes(problem, samples, seed))
            yield from labelled([slope], **name, setting=f"{problem.setting}, phi {_PHI:g}")
    yield from _baselines(samples, seed)
    for contender in CONTENDERS:
        if not contender.variant:
            share = finite(_extremes(contender, seed))
            yield from labelled(
                [share], relaxation=contender.name, variant="Bernoulli", setting="float32"
            )


def problems() -> tuple[Problem, ...]:
    """Return the Bernoulli problem at three places, and one problem with four categories."""
    gates = (_bernoulli(f"a = {a:g}", a) for a in (-1.5, 0.0, 1.0))
    every = list(range(len(_LOGITS)))
    four = Problem(
        "categorical", f"logits {_LOGITS}", _LOGITS, lambda z: distance(z[..., 0, :]), every
    )
    return (*gates, four)


def problem_rows(problem: Problem, surrogate: Surrogate, samples: int) -> Iterator[tuple[str, Row]]:
    """Yield the rows of an estimator, each with a suffix for its setting."""
    hot, gradients = _estimates(problem, surrogate, samples)
    probs = problem.theta.softmax(-1)[0]
    truth = exact.gradient(problem.theta, problem.loss)[0, problem.coordinates]
    at = problem.coordinates[0]
    yield "", sampled("discrete_share", ((hot == 0) | (hot == 1)).all(-1), 1.0)
    yield "", sampled("mean", hot[:, at], probs[at].item())
    for k, estimates, expected in zip(
        problem.coordinates, gradients.T, truth.tolist(), strict=True
    ):
        category = f", category {k + 1}" if len(problem.coordinates) > 1 else ""
        yield category, sampled("gradient", estimates, expected)
    yield "", variance("gradient_variance", gradients)
    error = gradients.std(0) / samples**0.5
    yield "", known("unbiased_z", float(((gradients.mean(0) - truth) / error).abs().max()))


@score_function(name="RELAX", equation="A, III.J", unbiased=False)
def unnormalised(logits: Tensor, f: Loss, streams: Streams, *, tau: float) -> Estimate:
    """Apply RELAX with z̃ conditioned as if the logits were normalised.

    Without log Z, the distribution of z̃ differs from that of z.
    """
    sample = draw(logits, streams)
    at_draw, given_draw = (
        f(softmax(keys / tau))
        for keys in (logits + sample.gumbel, conditional_keys(logits, sample.one_hot, streams))
    )
    loss = f(sample.one_hot)
    score = (log_softmax(logits) * sample.one_hot).sum((-2, -1))
    surrogate = (loss - given_draw).detach() * score + at_draw - given_draw
    return Estimate(sample.one_hot, loss, surrogate)


@score_function(name="RELAX", equation="A, III.J")
def lax(logits: Tensor, f: Loss, streams: Streams, *, tau: float) -> Estimate:
    """Apply LAX, the paper's DLAX, with c(z) = f(softmax(z/τ)).

    The estimate is f(b) ∇ log p(b) − c(z) ∇ log p(z) + ∇c(z).
    """
    sample = draw(logits, streams)
    log_probs = log_softmax(logits)
    keys = log_probs + sample.gumbel
    control, loss = f(softmax(keys / tau)), f(sample.one_hot)
    # log p(z) of independent Gumbels with location log π, for a fixed z.
    gumbel = keys.detach() - log_probs
    log_density = (-gumbel - (-gumbel).exp()).sum((-2, -1))
    score = (log_probs * sample.one_hot).sum((-2, -1))
    return Estimate(sample.one_hot, loss, loss * score - control.detach() * log_density + control)


def learned(problem: Problem, seed: int) -> Estimator:
    """Return RELAX with the control f(softmax(z/τ)) + r_φ(z), after some steps of Adam on φ."""
    streams = Streams.derive([seed], "properties", "control", problem.setting)
    inner = streams.normal_(torch.empty(1, len(problem.logits), _UNITS, dtype=torch.float64))[0]
    offset, outer = torch.zeros(2, _UNITS, dtype=torch.float64)
    parameters = [p.requires_grad_() for p in (inner, offset, outer)]

    def control(z: Tensor) -> Tensor:
        rest: Tensor = torch.tanh(softmax(z) @ inner + offset) @ outer
        return problem.loss(softmax(z / _TAU)) + rest[..., 0]

    relax = relax_with(control, parameters=parameters)
    optimizer = torch.optim.Adam(parameters, lr=_RATE)
    for _ in range(_STEPS):
        estimate = relax.surrogate(problem.theta.expand(1, _BATCH, 1, -1), problem.loss, streams)
        assert estimate.variance_loss is not None
        slopes = torch.autograd.grad(estimate.variance_loss.mean(), parameters)
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.grad = slope
        optimizer.step()
    for parameter in parameters:
        parameter.requires_grad_(False)
    return relax_with(control)


def rescaled(problem: Problem, seed: int) -> Estimator:
    """Return REBAR with the η of least variance.

    For g_η = g_0 + η v, it is −Cov(g_0, v)/Var(v), estimated from other draws.
    """

    def pilot(eta: float) -> Tensor:
        streams = Streams.derive([seed], "properties", "scale", problem.setting)
        return _estimates(
            problem, partial(rebar.surrogate, streams=streams, tau=_TAU, eta=eta), _PILOT
        )[1]

    rebar = get("REBAR")
    plain = pilot(0.0)
    variate = pilot(1.0) - plain
    best = -float(
        ((plain - plain.mean(0)) * variate).sum() / (variate - variate.mean(0)).square().sum()
    )

    @score_function(name="REBAR", equation="A, III.L")
    def rebar_at_best_scale(logits: Tensor, f: Loss, streams: Streams, *, tau: float) -> Estimate:
        """Apply REBAR with η fixed."""
        return rebar.surrogate(logits, f, streams, tau=tau, eta=best)

    return rebar_at_best_scale


CONTENDERS = (
    Contender("REINFORCE", "", lambda problem, seed: get("REINFORCE"), (None,)),
    Contender("REBAR", "", lambda problem, seed: get("REBAR"), TAUS, (("eta", 1.0),)),
    Contender("REBAR", ", best scale", rescaled, (_TAU,)),
    Contender("RELAX", "", lambda problem, seed: get("RELAX"), TAUS),
    Contender("RELAX", ", learned control", learned, (None,)),
    Contender("RELAX", ", LAX", lambda problem, seed: lax, (_TAU,)),
    Contender("RELAX", ", unnormalised", lambda problem, seed: unnormalised, (_TAU,)),
)


def _bernoulli(setting: str, a: float) -> Problem:
    """Return the problem of two categories with logits (0, a), and f = (b − 0.45)²."""
    return Problem("Bernoulli", setting, (0.0, a), lambda z: square(z[..., 0, 1]), [1])


def _estimates(problem: Problem, surrogate: Surrogate, samples: int) -> tuple[Tensor, Tensor]:
    """Return draws D `[N, C]`, and N estimates at the reported coordinates."""
    leaf = problem.theta.expand(1, samples, 1, -1).clone().requires_grad_()
    estimate = surrogate(leaf, problem.loss)
    (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
    return estimate.one_hot[0, :, 0], gradient[0, :, 0, problem.coordinates]


def _slopes(problem: Problem, samples: int, seed: int) -> tuple[Tensor, float]:
    """Return ∂ĝ²/∂φ of single draws, `[N]`, and the slope of ĝ's variance from other draws."""

    def estimate(phi: Tensor, count: int, part: str) -> tuple[Estimate, Tensor]:
        streams = Streams.derive(
            [seed], "properties", "slope", problem.variant, problem.setting, part
        )
        control = relax_with(lambda z: phi * problem.loss(softmax(z / _TAU)), parameters=[phi])
        leaf = problem.theta.expand(1, count, 1, -1).clone().requires_grad_()
        return control.surrogate(leaf, problem.loss, streams), leaf

    def spread(phi: float) -> float:
        whole, leaf = estimate(
            torch.tensor(phi, dtype=torch.float64), _MORE * samples, "differences"
        )
        (found,) = torch.autograd.grad(whole.surrogate.sum(), leaf)
        return float(found[0, :, 0].var(0).sum())

    phi = torch.full((1, samples), _PHI, dtype=torch.float64, requires_grad=True)
    loss = estimate(phi, samples, "draws")[0].variance_loss
    assert loss is not None
    (slopes,) = torch.autograd.grad(loss.sum(), phi)
    return slopes[0], (spread(_PHI + _STEP) - spread(_PHI - _STEP)) / (2 * _STEP)


def _baselines(samples: int, seed: int) -> Iterator[Row]:
    """Measure REBAR's baseline for growing τ: f(½), or f(θ) with Tucker's modified relaxation.

    The latter adds τ/(τ + 1) · logit θ to z/τ. The term is a constant here, because its derivative
    vanishes in the limit.
    """
    problem = _bernoulli(f"p = {_THETA}", math.log(_THETA / (1 - _THETA)))
    half, theta = square(torch.tensor([0.5, _THETA], dtype=torch.float64)).tolist()
    log_probs = log_softmax(problem.theta)

    def modified(tau: float) -> Estimator:
        return relax_with(lambda z: problem.loss(softmax(z / tau + tau / (tau + 1) * log_probs)))

    for tau in _WARM:
        printed = partial(get("REBAR").surrogate, tau=tau, eta=1.0)
        for variant, surrogate, limit in (
            ("Bernoulli", printed, half),
            ("Bernoulli, modified relaxation", modified(tau).surrogate, theta),
        ):
            streams = Streams.derive([seed], "properties", "baseline", variant, tau)
            hot, gradients = _estimates(problem, partial(surrogate, streams=streams), samples)
            baseline = problem.loss(hot[:, None]) - gradients[:, 0] / (hot[:, 1] - _THETA)
            for outcome in (0, 1):
                found = [sampled("baseline", baseline[hot[:, 1] == outcome], limit)]
                setting = f"{problem.setting}, outcome {outcome}, tau {tau:g}"
                yield from labelled(found, relaxation="REBAR", variant=variant, setting=setting)


def _extremes(contender: Contender, seed: int) -> Iterator[Tensor]:
    """Yield losses and gradients in float32 at extreme log-odds and temperatures."""
    problem = _bernoulli("", 0.0)
    for tau in (None,) if contender.taus == (None,) else EXTREME_TAUS:
        leaf = torch.tensor([[[0.0, a]] for a in _EXTREMES], requires_grad=True)
        streams = Streams.derive([seed], "properties", "extremes", contender.name, tau)
        estimate = contender.make(problem, seed).surrogate(
            leaf.expand(1, EXTREME_SAMPLES, -1, -1, -1),
            problem.loss,
            streams,
            **contender.hyper(tau),
        )
        yield from (estimate.loss, *torch.autograd.grad(estimate.surrogate.sum(), leaf))
