"""Invertible Gaussian, logistic-normal and the Laplace bridge; z-tests allow 5 standard errors,
6e-7.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence

from reinrelax.distributions import InvertibleGaussian, LogisticNormal
from reinrelax.distributions.laplace_bridge import printed_inverse, to_dirichlet, to_gaussian
from tests.helpers.integrals import on_simplex, pathwise_gradients, z_score

N = 40_000
LOC = torch.tensor([0.4, -0.3], dtype=torch.float64)
SCALE = torch.tensor([0.8, 1.1], dtype=torch.float64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def f(z: Tensor) -> Tensor:
    return torch.sin(2 * z[..., 0]) + z[..., 1] * z[..., 2]


def one(z: Tensor) -> Tensor:
    return torch.ones_like(z[..., 0])


# Each from one vector of parameters.
BUILDERS: dict[str, tuple[Callable[[Tensor], Any], Tensor]] = {
    "softmax++": (
        lambda x: InvertibleGaussian(0.7, x[..., :2], x[..., 2:]),
        torch.cat((LOC, SCALE)),
    ),
    "softmax++, delta 3": (
        lambda x: InvertibleGaussian(0.7, x[..., :2], x[..., 2:], delta=3.0),
        torch.cat((LOC, SCALE)),
    ),
    "stick breaking": (
        lambda x: InvertibleGaussian(0.7, x[..., :2], x[..., 2:], map="stick breaking"),
        torch.cat((LOC, SCALE)),
    ),
    "logistic-normal": (
        lambda x: LogisticNormal(
            x, to_gaussian(torch.tensor([2.0, 1.0, 4.0], dtype=torch.float64))[1]
        ),
        torch.tensor([0.5, 0.2, -0.3], dtype=torch.float64),
    ),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_density_integrates_to_one_and_gives_the_samples_expectations(name: str) -> None:
    build, parameters = BUILDERS[name]
    leaf = parameters.clone().requires_grad_()
    law = build(leaf)
    assert on_simplex(law.log_prob, one).item() == pytest.approx(1, abs=1e-6)
    expectation = on_simplex(law.log_prob, f)
    samples = law.sample((N,), generator=seeded())
    torch.testing.assert_close(samples.sum(-1), torch.ones(N, dtype=torch.float64))
    assert z_score(f(samples), expectation.detach()) < 5
    assert (
        z_score(
            pathwise_gradients(lambda x: f(build(x).rsample()), parameters, N),
            torch.autograd.grad(expectation, leaf)[0],
        )
        < 5
    )


@pytest.mark.parametrize("name", BUILDERS)
def test_kl_is_exact(name: str) -> None:
    build, parameters = BUILDERS[name]
    p, q = build(parameters), build(parameters * 0.7 + 0.4)
    z = p.sample((N,), generator=seeded())
    assert z_score(p.log_prob(z) - q.log_prob(z), kl_divergence(p, q)) < 5


@pytest.mark.parametrize("map", ["softmax++", "stick breaking"])
def test_kl_across_temperatures_and_deltas(map: str) -> None:
    p = InvertibleGaussian(0.7, LOC, SCALE, map=map, delta=2.0)
    q = InvertibleGaussian(0.9, LOC + 0.2, SCALE, map=map)
    z = p.sample((N,), generator=seeded())
    assert z_score(p.log_prob(z) - q.log_prob(z), kl_divergence(p, q)) < 5
    other = "stick breaking" if map == "softmax++" else "softmax++"
    with pytest.raises(NotImplementedError, match="same map"):
        kl_divergence(p, InvertibleGaussian(0.7, LOC, SCALE, map=other))


@pytest.mark.parametrize("map", ["softmax++", "stick breaking"])
def test_maps_are_inverted(map: str) -> None:
    law = InvertibleGaussian(0.7, LOC, SCALE, map=map, delta=2.0)
    x = torch.randn(50, 2, dtype=torch.float64)
    torch.testing.assert_close(law.transform.inv(law.transform(x)), x)


def test_logistic_normal_sees_the_sum_zero_part_only() -> None:
    loc = torch.tensor([0.5, 0.2, -0.3], dtype=torch.float64)
    sigma = to_gaussian(torch.tensor([2.0, 1.0, 4.0], dtype=torch.float64))[1]
    z = LogisticNormal(loc, sigma).sample((20,))
    torch.testing.assert_close(
        LogisticNormal(loc, sigma).log_prob(z), LogisticNormal(loc + 3, sigma + 5.0).log_prob(z)
    )


@pytest.mark.parametrize("K", [2, 3, 5, 20])
def test_bridge_round_trip_by_the_right_inverse_and_not_by_the_printed_one(K: int) -> None:
    torch.manual_seed(K)
    alpha = torch.rand(50, K, dtype=torch.float64) * 9 + 0.2
    mu, sigma = to_gaussian(alpha)
    variance = sigma.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(to_dirichlet(mu, variance), alpha, rtol=1e-12, atol=1e-12)
    assert ((printed_inverse(mu, variance) / alpha - 1).abs().amax(-1) > 0.05).all()
    assert sigma.sum(-1).abs().max() < 1e-12
    torch.testing.assert_close(mu.softmax(-1), alpha / alpha.sum(-1, keepdim=True))


def test_bridge_is_the_mode_and_the_curvature_in_the_logits() -> None:
    """−log Π π_k^{α_k} at μ: no slope, and a Hessian whose pseudo-inverse is Σ."""
    alpha = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
    mu, sigma = to_gaussian(alpha)

    def energy(z: Tensor) -> Tensor:
        return -(alpha * z.log_softmax(-1)).sum()

    slope = torch.autograd.functional.jacobian(energy, mu)
    assert slope.abs().max() < 1e-14
    hessian = torch.autograd.functional.hessian(energy, mu)
    torch.testing.assert_close(torch.linalg.pinv(hessian), sigma)


def test_bridge_approximates_large_concentrations() -> None:
    """KL(Dirichlet ‖ logistic-normal) in closed form, against Monte Carlo, and falling with α as
    1/α.
    """
    base = torch.tensor([8.0, 3.0, 2.0], dtype=torch.float64)
    divergences = []
    for factor in (1, 10, 100):
        dirichlet = Dirichlet(base * factor)
        normal = LogisticNormal(*to_gaussian(base * factor))
        torch.manual_seed(factor)
        z = dirichlet.sample((N,))
        divergence = kl_divergence(dirichlet, normal)
        assert z_score(dirichlet.log_prob(z) - normal.log_prob(z), divergence) < 5
        divergences.append(divergence.item())
    assert divergences[0] == pytest.approx(0.101, abs=2e-3)
    assert divergences[1] < 0.02
    assert divergences[2] < 0.002
    # The diagonal of Σ as a standard deviation, and even as a variance, is far worse.
    mu, sigma = to_gaussian(base)
    diagonal = sigma.diagonal()
    wrong = [LogisticNormal(mu, torch.diag(d)) for d in (diagonal, diagonal**2)]
    assert [kl_divergence(Dirichlet(base), law).item() for law in wrong] == pytest.approx(
        [0.32, 5.2], abs=0.02
    )
