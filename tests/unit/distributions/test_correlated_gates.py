"""The Gaussian copula of relaxed gates; z-tests allow 5 standard errors, false alarm 6e-7 each."""

import pytest
import torch
from scipy.stats import kstest, multivariate_normal, norm, spearmanr
from torch import Tensor
from torch.distributions import kl_divergence

from reinrelax.distributions import CorrelatedRelaxedBernoulli, RelaxedBernoulli
from tests.helpers.integrals import on_square, pathwise_gradients, z_score

N = 40_000
P = torch.tensor([0.3, 0.6], dtype=torch.float64)


def matrix(rho: float) -> Tensor:
    return torch.tensor([[1.0, rho], [rho, 1.0]], dtype=torch.float64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def interaction(z: Tensor) -> Tensor:
    return torch.sin(2 * z[..., 0]) * z[..., 1] + z[..., 1] ** 2


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.5])
def test_marginals_and_correlations_of_the_gates(rho: float) -> None:
    law = CorrelatedRelaxedBernoulli(0.8, probs=P, correlation=matrix(rho))
    samples = law.sample((N,), generator=seeded())
    for k in (0, 1):
        one = RelaxedBernoulli(0.8, probs=P[k])
        assert (
            kstest(
                samples[:, k].numpy(), lambda z, one=one: one.cdf(torch.as_tensor(z)).numpy()
            ).pvalue
            > 1e-4
        )
    both = (samples > 0.5).all(-1).double()
    orthant = multivariate_normal(cov=matrix(rho).numpy()).cdf(norm.ppf(P.numpy()))
    assert z_score(both, orthant) < 5
    # Spearman's correlation of the relaxed gates is that of U, 6/π asin(ρ/2), and not ρ; standard
    # error 1/√N.
    expected = 6 / torch.pi * torch.asin(torch.tensor(rho / 2)).item()
    assert spearmanr(samples.numpy()).statistic == pytest.approx(expected, abs=5 / N**0.5)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_joint_density_integrates_to_one_and_gives_the_samples_expectations(tau: float) -> None:
    def build(logits: Tensor, rho: Tensor) -> CorrelatedRelaxedBernoulli:
        one = torch.ones_like(rho)
        R = torch.stack((torch.stack((one, rho), -1), torch.stack((rho, one), -1)), -2)
        law: CorrelatedRelaxedBernoulli = CorrelatedRelaxedBernoulli(
            tau, logits=logits, correlation=R
        )
        return law

    parameters = torch.cat((P.logit(), torch.tensor([0.4], dtype=torch.float64)))
    leaf = parameters.clone().requires_grad_()
    law = build(leaf[:2], leaf[2])
    width = 30 / max(tau, 1.0)
    assert on_square(
        law.log_prob, lambda z: torch.ones_like(z[..., 0]), width=width
    ).item() == pytest.approx(1, abs=1e-4)
    expectation = on_square(law.log_prob, interaction, width=width)
    samples = law.sample((N,), generator=seeded())
    assert z_score(interaction(samples), expectation.detach()) < 5
    (truth,) = torch.autograd.grad(expectation, leaf)
    grads = pathwise_gradients(
        lambda x: interaction(build(x[:, :2], x[:, 2]).rsample()), parameters, N
    )
    assert z_score(grads, truth) < 5


def test_without_correlation_it_is_independent_gates() -> None:
    law = CorrelatedRelaxedBernoulli(0.7, probs=P, cholesky=torch.eye(2, dtype=torch.float64))
    z = law.sample((100,))
    torch.testing.assert_close(law.log_prob(z), RelaxedBernoulli(0.7, probs=P).log_prob(z).sum(-1))


def test_kl_is_exact_where_only_the_correlation_differs() -> None:
    p = CorrelatedRelaxedBernoulli(0.7, probs=P, correlation=matrix(0.6))
    q = CorrelatedRelaxedBernoulli(0.7, probs=P, correlation=matrix(-0.2))
    z = p.sample((N,), generator=seeded())
    assert z_score(p.log_prob(z) - q.log_prob(z), kl_divergence(p, q)) < 5
    with pytest.raises(NotImplementedError, match="no more than R"):
        kl_divergence(p, CorrelatedRelaxedBernoulli(0.6, probs=P, correlation=matrix(0.6)))


def test_twelve_standard_deviations_are_finite_in_float32() -> None:
    law = CorrelatedRelaxedBernoulli(0.5, probs=P.float(), correlation=matrix(0.5).float())
    noise = torch.tensor([[12.0, -12.0], [-12.0, 12.0], [6.0, 6.0]], requires_grad=True)
    z = law.from_noise(noise)
    z.sum().backward()
    assert z.isfinite().all()
    assert noise.grad is not None
    assert noise.grad.isfinite().all()
    assert law.log_prob(z).isfinite().all()
    # Φ(6) in float32 is one, and would move the gate; its log-odds here are those of float64.
    torch.testing.assert_close(
        law.from_noise(noise.detach())[2].double(),
        CorrelatedRelaxedBernoulli(0.5, probs=P, correlation=matrix(0.5)).from_noise(
            noise.detach()[2].double()
        ),
        rtol=1e-6,
        atol=0,
    )
