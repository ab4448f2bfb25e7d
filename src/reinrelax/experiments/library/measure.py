"""Tests of the released library: the paper's statements, and what callers may expect."""

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

# The twelve methods of section III, and for each the part and name in the library's overview.
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
# α of the bridge, and the two categories whose log ratio is compared.
_ALPHA, _RATIO = (2.0, 3.0, 5.0), (0, 2)
_RELAXIT, _OURS = "relaxit", "reinrelax"


def measure(spec: Library, *, seed: int = 0) -> dict[str, list[Row]]:
    """Test every class of the library, and this project's distribution of the same section.

    Args:
        spec: the number of samples per class.
        seed: of all randomness.

    Returns:
        library: rows of law (the section of the paper), implementation (relaxit or reinrelax),
            class, check, value, low and high (95%, if sampled), expected, and raised (the
            exception, if any). Checks that are 1 if they hold and 0 otherwise:
            torch, pyro: is a Distribution of torch; has Pyro's interface.
            validated: can be built with validate_args=True.
            declared: batch_shape and event_shape match its parameters and samples.
            rsample: returns finite samples.
            shape, sample_shape: samples have the correct shape, without and with a sample shape.
            expand: a sample of the expanded distribution has the correct shape.
            log_prob: is finite at the class's own sample.
            log_prob_shape: there is one number per element.
            method: the library contains the name that its overview gives for a method.
            named: the share of the names in `__all__` that exist.
        Numbers:
            gradient: the share of the parameters that receive a gradient from samples.
            integral: of the density over the sampled set, including atoms.
            above: P(first coordinate > ½) by sampling; expected by the density.
            correlation: of two elements of a batch; expected 0.
            mean, variance: of the first coordinate; expected as the class returns them.
            kl: the mean of log p − log q over samples, with our densities; expected as registered.
            same_law: the p-value of the hypothesis that both classes have the same distribution.
            ratio_std: the standard deviation of log π_1 − log π_3 by the bridge; expected: the
                Dirichlet's.
            round_trip: the largest relative error of α through the bridge and back.
    """
    package = released()
    # Importing this module registers a KL; the package does not import it.
    released("distributions.kl")
    found: list[Row] = []
    # The package draws from torch's global generator, and warns of faults that are counted here.
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
    """Test the Laplace bridge, from a Dirichlet to the Gaussian of the logits and back."""
    alpha = torch.tensor(_ALPHA)
    i, j = _RATIO
    # For a Dirichlet, log π_i − log π_j is a difference of independent log-gamma variables.
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
    """Check the contents of the package."""
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
