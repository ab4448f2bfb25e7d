"""Relaxed Bernoulli, hard concrete, straight-through and stochastic times smooth.

z-tests allow 5 standard errors (false alarm 6e-7 each), Kolmogorov–Smirnov tests a p-value of 1e-4.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import integrate
from scipy.stats import kstest
from torch import Tensor
from torch.distributions import kl_divergence
from torch.distributions.relaxed_bernoulli import LogitRelaxedBernoulli

from reinrelax.distributions import (
    HardConcrete,
    RelaxedBernoulli,
    StochasticTimesSmooth,
    StraightThroughBernoulli,
)
from reinrelax.distributions.relaxed_bernoulli import logistic_kl
from reinrelax.errors import InputError
from tests.helpers.integrals import on_interval, pathwise_gradients, z_score

N = 40_000
A = torch.tensor(0.8, dtype=torch.float64)
PLACES = [-1.5, 0.0, 1.0]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def curve(z: Tensor) -> Tensor:
    """A function far from linear."""
    return torch.sin(3 * z) + z**2


@pytest.mark.parametrize("tau", [0.5, 1.0, 3.0])
def test_relaxed_bernoulli_has_the_law_that_it_states(tau: float) -> None:
    law = RelaxedBernoulli(tau, logits=A)
    samples = law.sample((N,), generator=seeded())
    assert kstest(samples.numpy(), lambda z: law.cdf(torch.as_tensor(z)).numpy()).pvalue > 1e-4
    assert on_interval(law.log_prob, torch.ones_like).item() == pytest.approx(1, abs=1e-6)
    assert z_score((samples > 0.5).double(), law.probs) < 5
    grads = pathwise_gradients(lambda a: curve(RelaxedBernoulli(tau, logits=a).rsample()), A, N)
    leaf = A.clone().requires_grad_()
    (truth,) = torch.autograd.grad(
        on_interval(RelaxedBernoulli(tau, logits=leaf).log_prob, curve), leaf
    )
    assert z_score(grads, truth) < 5


def test_relaxed_bernoulli_density_is_torchs_where_that_is_finite() -> None:
    x = torch.linspace(-20, 20, 41, dtype=torch.float64)
    z = x.sigmoid()
    theirs = LogitRelaxedBernoulli(torch.tensor(0.7, dtype=torch.float64), logits=A).log_prob(x)
    torch.testing.assert_close(
        RelaxedBernoulli(0.7, logits=A).log_prob(z), theirs - (z * (1 - z)).log()
    )
    assert RelaxedBernoulli(0.01, logits=torch.tensor(100.0)).log_prob(torch.tensor(0.5)).isfinite()


def test_relaxed_bernoulli_kl_is_exact_at_equal_temperatures_only() -> None:
    p = RelaxedBernoulli(0.6, logits=A)
    for shift in (1e-3, 0.2, 1.0, 4.0):
        q = RelaxedBernoulli(0.6, logits=A + shift)
        z = p.sample((N,), generator=seeded())
        assert z_score(p.log_prob(z) - q.log_prob(z), kl_divergence(p, q)) < 5
        assert kl_divergence(p, q).item() == pytest.approx(kl_divergence(q, p).item(), rel=1e-9)
    near = [
        kl_divergence(p, RelaxedBernoulli(0.6, logits=A + d)).item()
        for d in (0.25 - 1e-9, 0.25 + 1e-9)
    ]
    assert near[0] == pytest.approx(near[1], rel=1e-7)
    assert kl_divergence(p, p) == 0
    with pytest.raises(NotImplementedError, match="equal temperatures"):
        kl_divergence(p, RelaxedBernoulli(0.5, logits=A))


@pytest.mark.parametrize("beta", [0.2, 2 / 3, 2.0])
def test_hard_concrete_mixes_two_atoms_and_a_density(beta: float) -> None:
    law = HardConcrete(beta, logits=A)
    ends = law.log_prob(torch.tensor([0.0, 1.0], dtype=torch.float64)).exp()
    between = on_interval(law.log_prob, torch.ones_like, width=36, points=20_001)
    assert (ends.sum() + between).item() == pytest.approx(1, abs=1e-4)
    samples = law.sample((N,), generator=seeded())
    for end, probability in zip((0, 1), ends, strict=True):
        assert z_score((samples == end).double(), probability) < 5
    assert z_score((samples != 0).double(), law.l0_penalty) < 5
    inside = samples[(samples > 0) & (samples < 1)].numpy()
    assert (
        kstest(
            inside, lambda z: ((law.cdf(torch.as_tensor(z)) - ends[0]) / (1 - ends.sum())).numpy()
        ).pvalue
        > 1e-4
    )
    assert z_score(samples, law.mean) < 5
    assert z_score((samples - law.mean) ** 2, law.variance) < 5
    assert law.mean.item() == pytest.approx(
        (ends[1] + on_interval(law.log_prob, lambda z: z, width=36, points=20_001)).item(), abs=1e-4
    )


@pytest.mark.parametrize("tau", [1e-4, 0.05, 0.5, 1.0, 3.0, 100.0])
def test_relaxed_bernoulli_moments_are_those_of_its_quantiles(tau: float) -> None:
    """Against the midpoint rule over U(0, 1), in both precisions, with far logits."""
    logits = torch.tensor([-80.0, -9.0, -1.0, 0.0, 0.3, 20.0], dtype=torch.float64)
    law = RelaxedBernoulli(tau, logits=logits)
    count = 2_000_000
    u = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    z = torch.sigmoid((logits[:, None] + u.log() - (-u).log1p()) / tau)
    for found, plain in ((law.mean, z.mean(1)), (law.variance, z.var(1, correction=0))):
        torch.testing.assert_close(found, plain, rtol=0, atol=2 / count)
    single = RelaxedBernoulli(torch.tensor(tau), logits=logits.float())
    torch.testing.assert_close(single.mean.double(), law.mean, rtol=0, atol=2e-6)
    torch.testing.assert_close(single.variance.double(), law.variance, rtol=0, atol=2e-6)
    assert (law.mean[1:] > 0).all()
    assert law.mean[3].item() == pytest.approx(0.5, abs=1e-15)


def test_relaxed_bernoulli_moments_have_gradients_in_both_parameters() -> None:
    logits = torch.tensor([-2.0, 0.3], dtype=torch.float64, requires_grad=True)
    tau = torch.tensor([0.4, 3.0], dtype=torch.float64, requires_grad=True)
    for moment in ("mean", "variance"):
        torch.autograd.gradcheck(
            lambda a, b, m=moment: getattr(RelaxedBernoulli(b, logits=a), m), (logits, tau)
        )


@pytest.mark.parametrize("beta", [0.01, 10.0, 100.0])
def test_hard_concrete_moments_at_extreme_temperatures(beta: float) -> None:
    law = HardConcrete(beta, logits=A)
    samples = law.sample((N,), generator=seeded())
    assert z_score(samples, law.mean) < 5
    assert z_score((samples - law.mean) ** 2, law.variance) < 5


def expectation(law: HardConcrete, f: Callable[[Tensor], Tensor]) -> Tensor:
    """E f(z): two atoms, and Gauss–Legendre between them."""
    atoms = torch.tensor([0.0, 1.0], dtype=torch.float64)
    nodes, weights = (torch.as_tensor(a) for a in np.polynomial.legendre.leggauss(200))
    points, masses = torch.cat((atoms, (nodes + 1) / 2)), torch.cat((torch.ones(2), weights / 2))
    return (masses * f(points) * law.log_prob(points).exp()).sum()


def test_hard_concrete_gradient_is_that_of_the_mixed_law() -> None:
    leaf = A.clone().requires_grad_()
    for f in (curve, torch.clone):
        grads = pathwise_gradients(lambda a, f=f: f(HardConcrete(0.7, logits=a).rsample()), A, N)  # type: ignore[misc]
        (truth,) = torch.autograd.grad(expectation(HardConcrete(0.7, logits=leaf), f), leaf)
        assert z_score(grads, truth) < 5
    torch.testing.assert_close(
        torch.autograd.grad(HardConcrete(0.7, logits=leaf).mean, leaf)[0], truth
    )


def test_hard_concrete_by_the_papers_numbers() -> None:
    """α is the odds; at deployment the gate is between 0 and 1 unless log α is large."""
    alpha = torch.tensor([1.0, 0.5, 3.0], dtype=torch.float64)
    law = HardConcrete(0.5, logits=alpha.log())
    torch.testing.assert_close(law.discrete().mean, alpha / (1 + alpha))
    torch.testing.assert_close(law.deployed, torch.tensor([0.5, 0.3, 0.8], dtype=torch.float64))
    assert HardConcrete(0.5, logits=3.0).deployed == 1
    assert HardConcrete(0.5, logits=-3.0).deployed == 0


GATES = [
    ({}, {}),
    ({"temperature": 0.05}, {}),
    ({"temperature": 100.0}, {}),
    ({"temperature": 0.5, "gamma": -0.3}, {"temperature": 0.9, "zeta": 1.02}),
    ({"gamma": -1e-3, "zeta": 1.001}, {"gamma": -2.0}),
]


@pytest.mark.parametrize(("at_p", "at_q"), GATES)
@pytest.mark.parametrize("shift", [-1.3, 6.0, 0.0])
def test_hard_concrete_kl_is_exact(
    at_p: dict[str, float], at_q: dict[str, float], shift: float
) -> None:
    """By Simpson's rule in the log-odds of z, and less than that before clipping, of which there is
    more.
    """
    p = HardConcrete(**{"temperature": 0.7, "logits": A} | at_p)
    q = HardConcrete(**{"temperature": 0.7, "logits": A + shift} | at_p | at_q)
    x = torch.linspace(-36, 36, 400_001, dtype=torch.float64)
    z = x.sigmoid()
    log_p, log_q = p.log_prob(z), q.log_prob(z)
    inside = (z > 0) & (z < 1)
    slope = (log_p.exp() * (log_p - log_q) * z * torch.sigmoid(-x)).masked_fill(~inside, 0.0)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    atoms = p.log_prob(ends).exp() * (p.log_prob(ends) - q.log_prob(ends))
    expected = integrate.simpson(slope.numpy(), x=x.numpy()) + atoms.sum().item()
    assert kl_divergence(p, q).item() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    if not at_q:
        assert kl_divergence(p, q) <= logistic_kl(p.logits - q.logits)
        assert (kl_divergence(p, q) == 0) == (shift == 0)


def test_hard_concrete_kl_has_the_gradient_of_its_integral() -> None:
    leaves = [
        torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.4, 0.7, -0.1, 1.1)
    ]

    def divergence(a: Tensor, t: Tensor, g: Tensor, z: Tensor) -> Tensor:
        return kl_divergence(
            HardConcrete(t, logits=a, gamma=g, zeta=z), HardConcrete(0.9, logits=A)
        )

    assert torch.autograd.gradcheck(divergence, leaves)


@pytest.mark.parametrize("law", [RelaxedBernoulli(0.6, logits=A), HardConcrete(0.6, logits=A)])
def test_quantiles_are_the_inverse_of_the_cdf(law: RelaxedBernoulli | HardConcrete) -> None:
    u = torch.linspace(0, 1, 101, dtype=torch.float64)
    z = law.icdf(u)
    assert (z[0], z[-1]) == (0, 1)
    assert (z.diff() >= 0).all()
    inside = (z > 0) & (z < 1)
    torch.testing.assert_close(law.cdf(z)[inside], u[inside])
    assert (law.cdf(z)[1:] >= u[1:] - 1e-12).all()
    ends = torch.tensor([-1.0, -1e-9, 1.0, 2.0], dtype=torch.float64)
    assert law.cdf(ends).tolist() == [0, 0, 1, 1]
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="value must satisfy"):
            law.icdf(torch.tensor(bad))


def test_relaxed_bernoulli_has_no_mass_at_zero() -> None:
    """At a low temperature P(z ≤ tiny) is large, and P(z ≤ 0) is none; denormals may be flushed."""
    law = RelaxedBernoulli(0.01, logits=torch.tensor(0.0))
    assert law.cdf(torch.tensor([0.0, 2e-38])).tolist() == [0, pytest.approx(0.3, abs=0.02)]


@pytest.mark.parametrize("a", PLACES)
def test_straight_through_is_exact_for_linear_losses_and_biased_for_others(a: float) -> None:
    """The gradient of a straight-through gate is known given h, so its mean is a sum of two."""
    logits = torch.tensor(a, dtype=torch.float64)
    p = logits.sigmoid()

    def mean_gradient(f: type[Tensor] | object, backward: str) -> Tensor:
        def value(leaf: Tensor) -> Tensor:
            return f(StraightThroughBernoulli(logits=leaf, backward=backward).from_noise(noise))  # type: ignore[operator]

        noise = torch.stack((p / 2, (1 + p) / 2))  # one, zero
        grads = pathwise_gradients(value, logits, 2)
        return p * grads[0] + (1 - p) * grads[1]

    slope = p * (1 - p)
    torch.testing.assert_close(mean_gradient(lambda h: 2 * h, "sigmoid"), 2 * slope)
    torch.testing.assert_close(mean_gradient(lambda h: 2 * h, "copy"), torch.full_like(p, 2.0))
    # For (h − 0.45)² the exact derivative is 0.1 σ′, straight-through's 2 (p − 0.45) σ′.
    biased = mean_gradient(lambda h: (h - 0.45) ** 2, "sigmoid")
    torch.testing.assert_close(biased, 2 * (p - 0.45) * slope)
    assert torch.isclose(biased, 0.1 * slope) == (a == 0.0)


def test_straight_through_law() -> None:
    law = StraightThroughBernoulli(logits=torch.tensor([-1.0, 0.5], dtype=torch.float64))
    samples = law.sample((N,), generator=seeded())
    assert set(samples.unique().tolist()) == {0.0, 1.0}
    assert z_score(samples, law.mean) < 5
    assert z_score((samples - law.mean) ** 2, law.variance) < 5
    torch.testing.assert_close(law.log_prob(torch.ones(2, dtype=torch.float64)).exp(), law.mean)
    other = StraightThroughBernoulli(probs=torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert z_score(law.log_prob(samples) - other.log_prob(samples), kl_divergence(law, other)) < 5


@pytest.mark.parametrize("a", PLACES)
def test_stochastic_times_smooth_gives_half_of_a_linear_losss_gradient(a: float) -> None:
    logits = torch.tensor(a, dtype=torch.float64)
    law = StochasticTimesSmooth(logits=logits)
    p, root = law.mean, law.root
    samples = law.sample((N,), generator=seeded())
    assert z_score(samples, p) < 5
    assert z_score((samples - p) ** 2, law.variance) < 5
    masses = law.log_prob(torch.stack((torch.zeros_like(root), root))).exp()
    torch.testing.assert_close(masses, torch.stack((1 - root, root)))
    assert law.log_prob(root / 2) == -torch.inf

    noise = torch.stack((root / 2, (1 + root) / 2))  # on, off
    means = {}
    for backward in ("pathwise", "straight-through"):
        grads = pathwise_gradients(
            lambda leaf, backward=backward: StochasticTimesSmooth(
                logits=leaf, backward=backward
            ).from_noise(noise),  # type: ignore[misc]
            logits,
            2,
        )
        means[backward] = root * grads[0] + (1 - root) * grads[1]
    exact = p * (1 - p)
    torch.testing.assert_close(means["pathwise"], exact / 2)
    torch.testing.assert_close(means["straight-through"], exact)


def test_stochastic_times_smooth_exact_derivative_is_as_stated() -> None:
    leaf = A.clone().requires_grad_()
    root = StochasticTimesSmooth(logits=leaf).root
    zero = torch.zeros_like(root)
    (exact,) = torch.autograd.grad(root * curve(root) + (1 - root) * curve(zero), leaf)
    fixed = root.detach().requires_grad_()
    (slope,) = torch.autograd.grad(curve(fixed), fixed)
    change = fixed * (1 - fixed**2) / 2
    torch.testing.assert_close(exact, change * (fixed * slope + curve(fixed) - curve(zero)))
