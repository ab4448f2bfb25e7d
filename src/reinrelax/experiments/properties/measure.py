"""Measurements of the stated and the expected properties of every relaxation of paper A."""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from reinrelax import distributions
from reinrelax.core.rng import derive
from reinrelax.experiments.properties import estimators
from reinrelax.experiments.properties.cases import GAMMA, PICKS, ZETA, cases
from reinrelax.experiments.properties.exact import (
    divergence,
    fit_p_value,
    hard_concrete_deployed,
    hard_concrete_masses,
    listed,
)
from reinrelax.experiments.properties.experiment import Properties
from reinrelax.experiments.properties.problem import EXTREME_SAMPLES, EXTREME_TAUS, Case, Density
from reinrelax.experiments.properties.rows import Row, finite, known, labelled, sampled, variance

TAUS = (0.1, 0.5, 1.0, 2.0)
# The smallest τ at which densities are integrated. Below it, too much of a gate's mass is closer to
# one than floats can represent.
_INTEGRABLE = 0.5
# The number of samples differentiated at once.
_BLOCK = 20_000


def measure(spec: Properties, *, seed: int = 0) -> dict[str, list[Row]]:
    """Measure the properties of all twelve methods of paper A, and of REINFORCE.

    Args:
        spec: the number of samples.
        seed: of all randomness.

    Returns:
        properties: rows of relaxation, variant, property, setting, value, low and high (a 95%
        interval, if sampled), and expected (by enumeration or quadrature, if available). Gradients
        are with respect to the first logit or location, or the logarithm of a rate. Properties:

        discrete_share: share of forward samples that are exactly 0 or 1, one-hot, k-hot or integer.
            At low τ that of a continuous distribution is not zero, because of rounding to float64.
        hardened_p_value: of hardened samples and the discrete distribution, by a χ² test.
        distance_to_hard: mean distance of forward samples to their hardened ones, over coordinates.
        mean: of the forward sample's first coordinate; expected: that of the discrete variable.
        gradient: mean estimate of dE f; expected: the derivative of the discrete expectation.
        relaxed_gradient: the same; expected: the derivative of the forward sample's own
            expectation.
        linear_gradient_ratio: the mean estimate over the exact derivative, if f is the first
            coordinate.
        gradient_variance: the variance of one estimate.
        density_integral: the total mass of exp(log_prob).
        fit_p_value: of samples and exp(log_prob), by a χ² test.
        kl_error: the absolute difference of the registered KL and the integral.
        finite_share: share of finite numbers among samples, gradients and log_prob in float32 at
            extremes.
        threshold_probability: P(z > ½) of the first gate; expected: P(b = 1).
        mass_at_zero, mass_at_one, between, deployed: the hard concrete gate, sampled and without
            noise.
        first_pick: how often each category is the first of top-k.
        inverse_error: the largest error of y recovered from z, for the invertible Gaussian.
        unbiased_z, variance_slope, baseline: as in `properties.estimators`.
    """
    generator = torch.Generator().manual_seed(derive(seed, "properties"))
    rows: list[Row] = []
    for case in cases():
        rows += relaxation_rows(case, spec.samples, generator)
    rows += _hard_concrete(spec.samples, generator)
    rows += _first_picks(spec.samples, generator)
    rows += _inverses(spec.samples, generator)
    rows += estimators.estimator_rows(spec.samples, seed)
    return {"properties": rows}


def relaxation_rows(case: Case, samples: int, generator: torch.Generator) -> Iterator[Row]:
    """Yield all measurements of one relaxation."""
    name = {"relaxation": case.relaxation, "variant": case.variant}
    for (place, t), tau in product(case.places.items(), TAUS if case.tempered else (1.0,)):
        found = [*_forward_and_backward(case, t, tau, samples, generator)]
        if case.density is not None and tau >= _INTEGRABLE:
            found += _law(case, case.density, t, tau, samples, generator)
        yield from labelled(
            found, **name, setting=f"{place}, tau {tau:g}" if case.tempered else place
        )
    yield from labelled([finite(_extremes(case, generator))], **name, setting="float32")


def _forward_and_backward(
    case: Case, t: float, tau: float, samples: int, generator: torch.Generator
) -> Iterator[Row]:
    """Yield the measurements of forward samples and their gradients."""
    leaf = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    chances, values = case.outcomes(leaf, tau)
    mean = (chances * _first(values)).sum()
    exact = _slope((chances * case.loss(values)).sum(), leaf, keep=True)
    z, hard, gradients, linear = _draw(case, t, tau, samples, generator)

    discrete = (z == z.round()).reshape(samples, -1).all(-1)
    yield sampled("discrete_share", discrete, case.discrete_share(t, tau))
    if case.hardens:
        yield known("hardened_p_value", fit_p_value(listed(values), chances.detach(), hard))
        yield sampled("distance_to_hard", (z - hard).abs().reshape(samples, -1).mean(-1))
    yield sampled("mean", _first(z), mean.item())
    if case.threshold:
        yield sampled("threshold_probability", _first(z) > 0.5, mean.item())
    yield sampled("gradient", gradients, exact.item())
    yield variance("gradient_variance", gradients)
    ratio = None if case.linear_ratio is None else case.linear_ratio(t)
    yield sampled("linear_gradient_ratio", linear / _slope(mean, leaf), ratio)
    if case.density is not None and case.density.sample is not None and tau >= _INTEGRABLE:
        own = _relaxed_slope(case, case.density, leaf, tau)
        yield sampled("relaxed_gradient", gradients, own)


def _draw(
    case: Case, t: float, tau: float, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw samples and hardened samples `[N, *event]`.

    Also return the gradients of f and of the first coordinate, `[N]`.
    """
    blocks = []
    for block in torch.full((samples,), t, dtype=torch.float64).split(_BLOCK):
        leaf = block.clone().requires_grad_()
        law = case.build(leaf, tau)
        noise = law.draw_noise(generator=generator)
        z = law.from_noise(noise)
        gradients = _slope(case.loss(z).sum(), leaf, keep=True)
        blocks.append(
            (z.detach(), law.harden(noise).detach(), gradients, _slope(_first(z).sum(), leaf))
        )
    z, hard, gradients, linear = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    return z, hard, gradients, linear


def _relaxed_slope(case: Case, density: Density, leaf: Tensor, tau: float) -> float:
    """Return the derivative of ∫ f(z) p(z) dz through the density, not along samples."""
    assert density.sample is not None
    support = density.support(leaf, tau)
    mass = support.weights * density.log_prob(case.build(leaf, tau), support.points).exp()
    return _slope((mass * case.loss(density.sample(support.points))).sum(), leaf).item()


def _law(
    case: Case, density: Density, t: float, tau: float, samples: int, generator: torch.Generator
) -> Iterator[Row]:
    """Yield the measurements of the density."""
    place = torch.tensor(t, dtype=torch.float64)
    law, support = case.build(place, tau), density.support(place, tau)
    log_p = density.log_prob(law, support.points)
    mass = support.weights * log_p.exp()
    drawn = density.draw(law, law.draw_noise((samples,), generator=generator))
    yield known("density_integral", float(mass.sum()), 1.0)
    yield known("fit_p_value", fit_p_value(support, mass, drawn))
    if density.other is not None:
        other = density.other(place, tau)
        integral = divergence(mass, log_p, density.log_prob(other, support.points))
        yield known("kl_error", abs(float(kl_divergence(law, other)) - integral), 0.0)


def _extremes(case: Case, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield samples, gradients and log_prob in float32, at extreme parameters and temperatures."""
    for tau in EXTREME_TAUS if case.tempered else (1.0,):
        leaf = torch.tensor(case.extremes, requires_grad=True)
        law = case.build(leaf, tau)
        noise = law.draw_noise((EXTREME_SAMPLES,), generator=generator)
        z = law.from_noise(noise)
        yield from (z, _slope(z.square().sum(), leaf, keep=True))
        if case.density is not None:
            log_prob = case.density.log_prob(law, case.density.draw(law, noise).detach())
            yield from (log_prob, _slope(log_prob.sum(), leaf))


def _hard_concrete(samples: int, generator: torch.Generator) -> Iterator[Row]:
    """Yield the masses of the hard concrete gate in training, and its value without noise."""
    (case,) = (case for case in cases() if case.relaxation == "HardConcrete")
    name = {"relaxation": case.relaxation, "variant": case.variant}
    for place, t in case.places.items():
        a = torch.tensor(t, dtype=torch.float64)
        for tau in TAUS:
            law = case.build(a, tau)
            z = law.sample((samples,), generator=generator)
            zero, one = hard_concrete_masses(t, tau, GAMMA, ZETA)
            found = [
                sampled("mass_at_zero", z == 0, zero),
                sampled("mass_at_one", z == 1, one),
                sampled("between", (z > 0) & (z < 1), 1 - zero - one),
            ]
            yield from labelled(found, **name, setting=f"{place}, tau {tau:g}")
        gate, expected = float(case.build(a, 1.0).deployed), hard_concrete_deployed(t, GAMMA, ZETA)
        found = [
            known("deployed", gate, expected),
            known("between", float(0 < gate < 1), float(0 < expected < 1)),
        ]
        yield from labelled(found, **name, setting=f"{place}, deployment")


def _first_picks(samples: int, generator: torch.Generator) -> Iterator[Row]:
    """Yield frequencies of the first of the top two, given p, and with p mistaken for logits."""
    p = torch.tensor(PICKS, dtype=torch.float64)
    for variant, logits in (("", p.log()), ("probabilities as logits", p)):
        law = distributions.GumbelTopK(1.0, 2, logits=logits)
        drawn = law.indices(law.draw_noise((samples,), generator=generator))[..., 0]
        for k, expected in enumerate(logits.softmax(-1).tolist()):
            found = [sampled("first_pick", drawn == k, expected)]
            yield from labelled(
                found,
                relaxation="GumbelTopK",
                variant=variant,
                setting=f"p = {PICKS}, category {k + 1}",
            )


def _inverses(samples: int, generator: torch.Generator) -> Iterator[Row]:
    """Yield errors of the inverse map from the simplex, at τ where z does not round to its edge."""
    for case in cases():
        if case.relaxation != "InvertibleGaussian":
            continue
        for (place, t), tau in product(case.places.items(), TAUS):
            if tau < _INTEGRABLE:
                continue
            law = case.build(torch.tensor(t, dtype=torch.float64), tau)
            noise = law.draw_noise((samples,), generator=generator)
            y = law.loc + law.scale * noise
            error = (tau * law.transform.inv(law.from_noise(noise)) - y).abs().max()
            found = [known("inverse_error", float(error), 0.0)]
            yield from labelled(
                found,
                relaxation=case.relaxation,
                variant=case.variant,
                setting=f"{place}, tau {tau:g}",
            )


def _first(z: Tensor) -> Tensor:
    """Return the first coordinate of samples `[n]` or `[n, K]`, `[n]`."""
    return z if z.ndim == 1 else z[..., 0]


def _slope(value: Tensor, leaf: Tensor, *, keep: bool = False) -> Tensor:
    (out,) = torch.autograd.grad(value, leaf, retain_graph=keep)
    return out
