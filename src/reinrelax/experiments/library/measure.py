"""The released library of *Just Relax It!*, asked what the paper says of it and what a law must give."""

import warnings
from collections.abc import Iterator
from types import ModuleType

import torch
from torch.distributions import Dirichlet

from reinrelax.core.rng import derive
from reinrelax.distributions import laplace_bridge
from reinrelax.experiments.library.cases import Case, cases
from reinrelax.experiments.library.checks import Row, drawn, rows, same_law
from reinrelax.experiments.library.experiment import Library
from reinrelax.experiments.library.released import released

# The twelve methods of section III, and what the library's own overview gives for each: part and name.
METHODS = {
    "III.A": ("distributions", "GeneralizedGumbelSoftmax"),
    "III.B": ("distributions", "GaussianRelaxedBernoulli"),
    "III.C": ("distributions", "HardConcrete"),
    "III.D": ("distributions", "StraightThroughBernoulli"),
    "III.E": ("distributions", "StochasticTimesSmooth"),
    "III.F": ("distributions", "CorrelatedRelaxedBernoulli"),
    "III.G": ("distributions", "InvertibleGaussian"),
    "III.H": ("distributions", "GumbelSoftmaxTopK"),
    "III.I": ("distributions.approx", "lognorm_approximation_fn"),
    "III.J": ("rl_benchmarks.algorithms", "RELAX"),
    "III.K": ("distributions", "DecoupledStraightThroughGumbelSoftmax"),
    "III.L": ("distributions", "RebarRelaxation"),
}
# α of the bridge, and the two categories whose log-ratio is compared.
_ALPHA, _RATIO = (2.0, 3.0, 5.0), (0, 2)
_RELAXIT, _OURS = "relaxit", "reinrelax"


def measure(spec: Library, *, seed: int = 0) -> dict[str, list[Row]]:
    """Every class of the library, and this project's law of the same section.

    Args:
        spec: how many samples each.
        seed: of all randomness.

    Returns:
        library: rows of law (the section of the paper), implementation (relaxit or reinrelax), class, check,
            value, low and high (95%, where sampled), expected, and raised, the exception where there was
            one. Checks that are 1 where they hold and 0 where not:
            torch, pyro: is a Distribution of torch; has Pyro's interface.
            validated: can be made with validate_args=True.
            declared: batch_shape and event_shape are those of its parameters and samples.
            rsample: gives finite samples; shape, sample_shape: of the right shape, without and with one.
            expand: the expanded law's sample has the right shape.
            log_prob: of its own sample is finite; log_prob_shape: and one number an element.
            method: the library has what its overview gives for a method; named: share of the names in
                `__all__` that it has.
        Numbers:
            gradient: share of the parameters that a sample passes a gradient to.
            integral: of the density over where the class samples, atoms and points counted.
            above: chance of a first coordinate above ½ by sampling, expected by the density.
            correlation: of two elements of a batch, expected 0.
            mean, variance: of the first coordinate, expected as the class says.
            kl: mean of log p − log q over samples, densities being ours; expected as registered.
            same_law: p-value that both classes draw from the same law.
            ratio_std: standard deviation of log π_1 − log π_3 by the bridge, expected of the Dirichlet.
            round_trip: largest relative error of α through the bridge and back.
    """
    package = released()
    # It registers a KL when it is imported, which the package itself does not do.
    released("distributions.kl")
    found: list[Row] = []
    # The package draws from torch's own generator, and warns of what is counted here.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases(package):
            torch.manual_seed(derive(seed, "library", case.law))
            found += _case(case, spec.samples)
        found += [*_bridge(), *_package(package)]
    return {"library": found}


def _case(case: Case, samples: int) -> Iterator[Row]:
    theirs, ours = (drawn(subject, case, samples) for subject in (case.theirs, case.ours))
    labels = {"law": case.law, "implementation": _RELAXIT, "class": case.theirs.name}
    for row in (*rows(case.theirs, case, theirs), same_law(case, theirs, ours)):
        yield {**labels, **row}
    labels = {"law": case.law, "implementation": _OURS, "class": case.ours.name}
    for row in rows(case.ours, case, ours):
        yield {**labels, **row}


def _bridge() -> Iterator[Row]:
    """The Laplace bridge, from a Dirichlet to the logits' Gaussian and back."""
    alpha = torch.tensor(_ALPHA)
    i, j = _RATIO
    # Of a Dirichlet, log π_i − log π_j is a difference of independent log-gamma variables.
    exact = float(torch.polygamma(1, alpha)[[i, j]].sum().sqrt())
    approx = released("distributions.approx")
    normal = approx.lognorm_approximation_fn(Dirichlet(alpha))
    mu, sigma = laplace_bridge.to_gaussian(alpha)
    ours = (sigma[i, i] + sigma[j, j] - 2 * sigma[i, j]).sqrt()
    for implementation, kind, std, back in (
        (
            *(_RELAXIT, "lognorm_approximation_fn", normal.scale[[i, j]].norm()),
            approx.dirichlet_approximation_fn(normal).concentration,
        ),
        (_OURS, "laplace_bridge", ours, laplace_bridge.to_dirichlet(mu, sigma.diagonal())),
    ):
        labels = {"law": "III.I, bridge", "implementation": implementation, "class": kind}
        error = float(((back - alpha) / alpha).abs().max())
        yield {**labels, "check": "ratio_std", "value": float(std), "expected": exact}
        yield {**labels, "check": "round_trip", "value": error, "expected": 0.0}


def _package(package: ModuleType) -> Iterator[Row]:
    """What is in the package."""
    for law, (part, name) in METHODS.items():
        there = float(hasattr(released(part), name))
        yield {
            **{"law": law, "implementation": _RELAXIT, "class": name},
            **{"check": "method", "value": there, "expected": 1.0},
        }
    names = package.__all__
    share = sum(hasattr(package, name) for name in names) / len(names)
    yield {
        **{"law": "all", "implementation": _RELAXIT, "class": "__all__"},
        **{"check": "named", "value": share, "expected": 1.0},
    }
