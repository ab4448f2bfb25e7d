"""Counts by Gumbel-Softmax, top-k, and the decoupled straight-through estimator.

z-tests allow 5 standard errors (false alarm 6e-7 each); chi-square tests have a false alarm rate of
1e-4.
"""

import itertools
from typing import Any

import pytest
import torch
from scipy.stats import chi2
from torch import Tensor
from torch.distributions import (
    Binomial,
    Distribution,
    Geometric,
    NegativeBinomial,
    Poisson,
    RelaxedOneHotCategorical,
    kl_divergence,
)

from reinrelax.distributions import (
    DecoupledStraightThroughGumbelSoftmax,
    GeneralizedGumbelSoftmax,
    GumbelTopK,
)
from reinrelax.errors import InputError
from reinrelax.estimators.base import softmax_vjp
from tests.helpers.integrals import on_simplex, pathwise_gradients, z_score

N = 40_000
PROBS = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
LAWS: list[Distribution] = [
    Poisson(torch.tensor(3.0, dtype=torch.float64)),
    Geometric(torch.tensor(0.3, dtype=torch.float64)),
    Binomial(7, torch.tensor(0.4, dtype=torch.float64)),
    NegativeBinomial(3, torch.tensor(0.4, dtype=torch.float64)),
]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def chi_square_accepts(counts: Tensor, probs: Tensor) -> bool:
    expected = probs * counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum().item()
    return 0 < statistic < chi2.ppf(1 - 1e-4, len(probs) - 1)


@pytest.mark.parametrize("base", LAWS, ids=lambda base: type(base).__name__)
def test_hardened_counts_have_the_truncated_law(base: Distribution) -> None:
    law = GeneralizedGumbelSoftmax(0.5, base)
    pi = law.discrete().probs
    below = torch.arange(law.n - 1, dtype=torch.float64)
    torch.testing.assert_close(pi[:-1], base.log_prob(below).exp())
    # The last category has what the base has from n − 1 on, and is the first to reach the cdf.
    torch.testing.assert_close(pi[-1], 1 - base.log_prob(below).exp().sum())
    reached = base.log_prob(torch.arange(law.n, dtype=torch.float64)).exp().cumsum(0)
    assert reached[-2] < 0.999 <= reached[-1]
    hard = law.harden(law.draw_noise((N,), generator=seeded())).long()
    assert chi_square_accepts(torch.bincount(hard, minlength=law.n), pi)
    assert z_score(hard.double(), law.discrete_mean) < 5


def test_truncation_is_shared_by_the_batch_and_can_be_given() -> None:
    rates = torch.tensor([0.5, 5.0])
    law = GeneralizedGumbelSoftmax(0.5, Poisson(rates))
    assert law.n == 14
    torch.testing.assert_close(law.discrete_mean, torch.tensor([0.5, 4.9990]), atol=1e-4, rtol=0)
    assert GeneralizedGumbelSoftmax(0.5, Poisson(rates), n=9).rsample((4,)).shape == (4, 2)
    # Two numbers of trials: a count beyond the smaller one's has no mass.
    trials = GeneralizedGumbelSoftmax(0.5, Binomial(torch.tensor([2.0, 9.0]), torch.tensor(0.5)))
    hard = trials.harden(trials.draw_noise((5000,)))
    assert (hard.max(0).values == torch.tensor([2.0, 9.0])).all()
    assert GeneralizedGumbelSoftmax(0.5, Poisson(torch.tensor(1e-6))).n == 2


@pytest.mark.parametrize(("tau", "mean"), [(0.1, 4.008), (0.5, 4.199), (1.0, 5.111), (2.0, 7.789)])
def test_relaxed_mean_drifts_with_temperature(tau: float, mean: float) -> None:
    """Geometric(0.2), whose mean is 4; the numbers are an independent computation's, to
    about 0.02.
    """
    law = GeneralizedGumbelSoftmax(tau, Geometric(torch.tensor(0.2)))
    assert law.n == 31
    assert law.sample((N,), generator=seeded()).mean().item() == pytest.approx(mean, abs=0.1)


@pytest.mark.parametrize("tau", [0.6, 1.5])
def test_density_of_the_weights(tau: float) -> None:
    rate = torch.tensor(0.9, dtype=torch.float64)

    def build(r: Tensor) -> Any:
        return GeneralizedGumbelSoftmax(tau, Poisson(r), n=3)

    def f(w: Tensor) -> Tensor:
        return torch.sin(2 * w[..., 0]) + w[..., 1] * w[..., 2]

    leaf = rate.clone().requires_grad_()
    law = build(leaf)
    width = 40 / max(tau, 1.0)
    density = law.log_prob_weights
    assert on_simplex(
        density, lambda w: torch.ones_like(w[..., 0]), width=width
    ).item() == pytest.approx(1, abs=1e-4)
    w = law.weights(law.draw_noise((100,), generator=seeded())).detach()
    torch.testing.assert_close(
        density(w),
        RelaxedOneHotCategorical(
            torch.tensor(tau, dtype=torch.float64), logits=law.logits
        ).log_prob(w),
    )
    expectation = on_simplex(density, f, width=width)

    def value(r: Tensor) -> Tensor:
        one = build(r)
        return f(one.weights(one.draw_noise()))

    assert z_score(value(rate.expand(N)), expectation.detach()) < 5
    (truth,) = torch.autograd.grad(expectation, leaf)
    assert z_score(pathwise_gradients(value, rate, N), truth) < 5


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_ordered_samples_have_the_probabilities_of_drawing_without_replacement(k: int) -> None:
    law = GumbelTopK(0.5, k, probs=PROBS)
    sequences = torch.tensor(list(itertools.permutations(range(4), k)))
    probs = law.log_prob(sequences).exp()
    assert probs.sum().item() == pytest.approx(1, abs=1e-12)
    for sequence, probability in zip(sequences.tolist(), probs.tolist(), strict=True):
        expected, left = 1.0, 1.0
        for i in sequence:
            expected *= PROBS[i].item() / left
            left -= PROBS[i].item()
        assert probability == pytest.approx(expected, rel=1e-9)
    drawn = law.indices(law.draw_noise((N,), generator=seeded()))
    base = 4 ** torch.arange(k)
    codes, found = sequences @ base, drawn @ base
    counts = (found[:, None] == codes).sum(0)
    assert counts.sum() == N
    assert chi_square_accepts(counts, probs)
    if k > 1:
        assert law.log_prob(torch.zeros(k, dtype=torch.int64)) == -torch.inf


def test_indices_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"value must satisfy .*; got 4"):
        GumbelTopK(0.5, 2, probs=PROBS).log_prob(torch.tensor([1, 4]))


def test_relaxed_k_hot() -> None:
    for tau in (0.05, 1.0, 50.0):
        law = GumbelTopK(tau, 3, logits=torch.randn(5, 8))
        z = law.sample((50,))
        torch.testing.assert_close(z.sum(-1), torch.full((50, 5), 3.0))
        assert (z >= 0).all()
    hard = GumbelTopK(1.0, 3, logits=torch.randn(5, 8), straight_through=True)
    noise = hard.draw_noise((50,))
    assert torch.equal(hard.from_noise(noise), hard.harden(noise))
    assert (hard.harden(noise).sum(-1) == 3).all()


def test_relaxed_k_hot_masks_whatever_the_gap() -> None:
    """A float32 1 − w is zero for the first of these; by the sum of the others, the second is still
    found.
    """
    law = GumbelTopK(0.01, 2, logits=torch.tensor([300.0, -200.0, -500.0]))
    torch.testing.assert_close(law.sample((10,)), torch.tensor([1.0, 1.0, 0.0]).expand(10, 3))


def test_decoupled_forward_temperature_is_inert() -> None:
    leaves = [PROBS.log().clone().requires_grad_() for _ in range(3)]
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    laws = [
        DecoupledStraightThroughGumbelSoftmax(0.8, logits=leaf, temperature_forward=tau)
        for leaf, tau in zip(leaves, (0.01, 1.0, 100.0), strict=True)
    ]
    noise = laws[0].draw_noise((N,), generator=seeded())
    samples = [law.from_noise(noise) for law in laws]
    for sample in samples:
        (sample @ weights).sum().backward()
    for leaf, sample in zip(leaves[1:], samples[1:], strict=True):
        assert torch.equal(sample, samples[0])
        assert torch.equal(leaf.grad, leaves[0].grad)  # type: ignore[arg-type]
    assert chi_square_accepts(samples[0].sum(0), PROBS)
    soft = ((PROBS.log() - (-noise.log()).log()) / 0.8).softmax(-1)
    expected = (softmax_vjp(soft, weights.expand_as(soft)) / 0.8).sum(0)
    # The logits are normalised first, which takes the mean of the gradient off: it has none.
    torch.testing.assert_close(leaves[0].grad, expected)


def test_decoupled_law() -> None:
    law = DecoupledStraightThroughGumbelSoftmax(0.8, probs=PROBS)
    other = DecoupledStraightThroughGumbelSoftmax(0.8, probs=PROBS.flip(0))
    samples = law.sample((N,), generator=seeded())
    assert z_score(samples, law.mean) < 5
    assert z_score((samples - law.mean) ** 2, law.variance) < 5
    torch.testing.assert_close(law.log_prob(torch.eye(4, dtype=torch.float64)).exp(), PROBS)
    assert z_score(law.log_prob(samples) - other.log_prob(samples), kl_divergence(law, other)) < 5
