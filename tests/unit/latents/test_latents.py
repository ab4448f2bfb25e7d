"""Latent variables of paper A's VAE: the contract, and each KL and hard code against an exact
reference.
"""

import inspect
import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Dirichlet, MultivariateNormal, kl_divergence

from reinrelax import latents
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions import InvertibleGaussian, LogisticNormal
from reinrelax.distributions.laplace_bridge import to_gaussian
from reinrelax.errors import ConfigError
from reinrelax.latents import CATALOGUE, correlated, counts, gaussian, subsets
from reinrelax.latents.base import Latent
from reinrelax.latents.bernoulli import kl_to_fair
from reinrelax.latents.hyperparameters import HYPERPARAMETERS
from reinrelax.vae.autoencoder import Autoencoder
from reinrelax.vae.relaxed import RelaxedObjective
from tests.helpers.integrals import z_score

NAMES = list(CATALOGUE)
SEEDS = (3, 5)
SHAPES = {"Top-k": LatentShape(6, 1)}
VALUES: dict[str, Any] = {
    "tau": torch.tensor([0.5, 1.0]),
    "tau_forward": torch.tensor([0.1, 1.0]),
    "tau_backward": torch.tensor([1.0, 2.0]),
    "k": 2,
}


def shape_of(name: str) -> LatentShape:
    return SHAPES.get(name, LatentShape(2 if CATALOGUE[name].binary else 5, 3))


def make(name: str, replicas: slice = slice(None)) -> Latent:
    hyper = {key: VALUES[key] for key in CATALOGUE[name].hyperparameters}
    hyper = {key: value if key == "k" else value[replicas] for key, value in hyper.items()}
    return latents.make(name, shape_of(name), SEEDS[replicas], "cpu", **hyper)


def outputs_for(latent: Latent, batch: int = 4) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(len(SEEDS), batch, latent.outputs)


@pytest.mark.parametrize("name", NAMES)
def test_codes_and_terms_have_their_shapes(name: str) -> None:
    latent, streams = make(name), Streams.derive(SEEDS, "test")
    outputs = outputs_for(latent)
    for code, kl in (latent.relaxed(outputs, streams), latent.harden(outputs, streams)):
        assert code.shape == (2, 4, latent.inputs)
        assert kl.shape == (2, 4)
        assert torch.isfinite(code).all()
        assert torch.isfinite(kl).all()
    hard, prior = latent.harden(outputs, streams)[0], latent.prior(7, streams)
    assert prior.shape == (2, 7, latent.inputs)
    for code in (hard, prior):
        assert torch.equal(code, code.round()), "hard codes and the prior are discrete"
    shape = shape_of(name)
    if not CATALOGUE[name].binary and CATALOGUE[name].module != "counts":
        ones = hard.unflatten(-1, (shape.latents, shape.categories)).sum(-1)
        assert (ones == (2 if name == "Top-k" else 1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_the_catalogue_says_is_what_is_taken(name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.variant_of is None or entry.variant_of in CATALOGUE
    assert set(entry.hyperparameters) <= set(HYPERPARAMETERS)
    function = getattr(
        __import__(f"reinrelax.latents.{entry.module}", fromlist=["x"]), entry.function
    )
    needed = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    ]
    assert tuple(needed) == entry.hyperparameters


def objective(name: str, replicas: slice = slice(None)) -> RelaxedObjective:
    latent = make(name, replicas)
    return RelaxedObjective(
        Autoencoder((8,), latent.outputs, latent.inputs, SEEDS[replicas]), latent
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_replica_alone_equals_itself_in_company(name: str) -> None:
    images = torch.rand(2, 5, 784, generator=torch.Generator().manual_seed(0))
    together, alone = objective(name), objective(name, slice(1, 2))
    for _ in range(2):
        terms = torch.stack(list(together.step(images, Streams.derive(SEEDS, "noise"))))
        own = torch.stack(list(alone.step(images[1:], Streams.derive(SEEDS[1:], "noise"))))
        torch.testing.assert_close(terms[:, 1:], own, rtol=1e-4, atol=1e-4)
        for ours, theirs in zip(together.grads, alone.grads, strict=True):
            torch.testing.assert_close(ours[1:], theirs, rtol=1e-3, atol=1e-4)
    found = torch.stack(list(together.evaluate(images, Streams.derive(SEEDS, "test"))))
    own = torch.stack(list(alone.evaluate(images[1:], Streams.derive(SEEDS[1:], "test"))))
    torch.testing.assert_close(found[:, 1:], own, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["REBAR", "RELAX", "REBAR-categorical", "RELAX-categorical"])
def test_a_control_variate_leaves_the_decoders_gradient_alone(name: str) -> None:
    images = torch.rand(2, 5, 784, generator=torch.Generator().manual_seed(0))
    ours = objective(name)
    base = "REINFORCE-categorical" if "categorical" in name else "REINFORCE"
    plain = objective(base)
    for one in (ours, plain):
        one.step(images, Streams.derive(SEEDS, "noise"))
    # The draw comes first in either, so both decoders see the same code.
    for layer, other in zip(ours.model.stack.layers[2:], plain.model.stack.layers[2:], strict=True):
        torch.testing.assert_close(layer.weight_grad, other.weight_grad, rtol=1e-4, atol=1e-5)
    assert any(
        leaf.grad is not None and (leaf.grad != 0).any() for leaf in ours.latent.learned.values()
    )


@pytest.mark.parametrize("name", ["poisson", "geometric", "binomial", "negative_binomial"])
def test_kl_of_counts_tends_to_that_of_whole_laws(name: str) -> None:
    latent = getattr(counts, name)(LatentShape(40, 2), (0,), "cpu", tau=torch.ones(1))
    outputs = torch.tensor([[[0.7, -0.4]]])
    kl = latent.relaxed(outputs, Streams.derive((0,), "test"))[1]
    at = [latent._law(x, 40) for x in (outputs, torch.zeros_like(outputs))]
    n = torch.arange(300 if name != "binomial" else 40.0, dtype=torch.float64)[:, None, None, None]
    p, q = (law.log_prob(n).double() for law in at)
    torch.testing.assert_close(kl.double(), (p.exp() * (p - q)).sum((0, -1)), rtol=1e-3, atol=1e-4)


def test_a_cut_prior_of_counts_is_what_is_drawn() -> None:
    latent = counts.poisson(LatentShape(4, 1), (0,), "cpu", tau=torch.ones(1))
    drawn = latent.prior(200_000, Streams.derive((0,), "test")).flatten()
    share = torch.stack([(drawn == c).double() for c in range(4)], -1)
    expected = torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64) / math.e
    assert z_score(share, torch.cat((expected, 1 - expected.sum(0, keepdim=True)))) < 5


def test_invertible_gaussians_prior_is_uniform_and_its_kl_the_registered_one() -> None:
    latent = gaussian.invertible_gaussian(LatentShape(5, 1), (0,), "cpu", tau=torch.ones(1))
    mean, std = latent.scores(torch.zeros(1, 1, latent.outputs))
    every = torch.arange(5)[:, None, None, None, None]
    log_p = torch.stack([gaussian.log_prob_largest(mean, std, index) for index in every])
    torch.testing.assert_close(log_p.exp().flatten(), torch.full((5,), 0.2), rtol=0.02, atol=0)
    outputs = torch.randn(1, 3, latent.outputs)
    posterior = latent.relaxation(outputs)
    prior = InvertibleGaussian(1.0, torch.full((4,), latent._prior_mean), torch.ones(4))
    expected = kl_divergence(posterior, prior.expand(posterior.batch_shape)).sum(-1)
    torch.testing.assert_close(latent.kl(outputs), expected, rtol=1e-3, atol=1e-4)


def test_the_logistic_normal_is_the_bridges() -> None:
    latent = gaussian.logistic_normal(LatentShape(4, 1), (0,), "cpu")
    log_alpha = torch.tensor([1.0, 0.2, -0.3, 2.0], dtype=torch.float64)
    outputs = 8 * torch.atanh(log_alpha / 8)[None, None]
    law = LogisticNormal(*to_gaussian(log_alpha.exp()))
    prior = LogisticNormal(*to_gaussian(torch.ones(4, dtype=torch.float64)))
    torch.testing.assert_close(latent.kl(outputs)[0, 0], kl_divergence(law, prior))
    samples = latent.relaxed(outputs.expand(1, 100_000, 4), Streams.derive((0,), "test"))[0][0]
    other = law.sample((100_000,), generator=torch.Generator().manual_seed(0))
    for power in (1, 2):
        gap = samples.pow(power) - other.pow(power)
        assert z_score(gap, 0.0) < 5


@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0], ids="std scattered by e^{}".format)
def test_the_law_of_the_largest_gaussian(spread: float) -> None:
    generator = torch.Generator().manual_seed(0)
    mean, std = torch.randn(2, 200, 10, generator=generator, dtype=torch.float64)
    mean, std = 2 * mean, (spread * std).exp()
    mean[..., -1] = std[..., -1] = 0.0  # as the last category of softmax++ has it
    every = torch.arange(10).expand(200, 10)[..., None]
    log_p = gaussian.log_prob_largest(
        mean[:, None].expand(-1, 10, -1), std[:, None].expand(-1, 10, -1), every
    )
    total = log_p.exp().sum(-1)
    # How far the sum is from one is how far the KL's mean can be off: a share of a nat for each
    # variable.
    assert float((total - 1).abs().mean()) < 5e-3
    assert abs(float((total - 1).mean())) < 2e-3
    drawn = (
        mean + std * torch.randn(20_000, 200, 10, generator=generator, dtype=torch.float64)
    ).argmax(-1)
    share = torch.stack([(drawn == k).double().mean(0) for k in range(10)], -1)
    assert float((log_p.exp() - share).abs().max()) < 0.03


def test_an_unlikely_largest_gaussian_keeps_its_probability() -> None:
    mean = torch.tensor([[-6.0, 0.0], [-3.0, 0.0]], dtype=torch.float64)
    std = torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=torch.float64)
    found = gaussian.log_prob_largest(mean, std, torch.zeros(2, 1, dtype=torch.long))
    exact = torch.special.log_ndtr(torch.tensor([-6.0, -3 / 5**0.5], dtype=torch.float64))
    torch.testing.assert_close(found, exact, rtol=1e-3, atol=0)


def ordered_kl(logits: Tensor, k: int) -> Tensor:
    """KL of the ordered sample to the uniform one, by enumeration."""
    n, total = logits.shape[-1], torch.zeros((), dtype=logits.dtype)
    for sequence in itertools.permutations(range(n), k):
        left, log_q = logits.clone(), torch.zeros((), dtype=logits.dtype)
        for pick in sequence:
            log_q = log_q + left.log_softmax(-1)[pick]
            left = left.masked_fill(torch.arange(n) == pick, -1e9)
        total = total + log_q.exp() * (log_q + math.lgamma(n + 1) - math.lgamma(n - k + 1))
    return total


def test_the_ordered_kl_and_its_gradient_are_unbiased() -> None:
    logits = torch.tensor([0.5, -1.0, 1.2, 0.1], dtype=torch.float64, requires_grad=True)
    latent = subsets.top_k(LatentShape(4, 1), (0,), "cpu", tau=torch.ones(1), k=2)
    exact = ordered_kl(logits, 2)
    (gradient,) = torch.autograd.grad(exact, logits)
    leaf = logits.detach().expand(1, 100_000, 4).clone().requires_grad_()
    kl = latent.harden(leaf, Streams.derive((0,), "test"))[1]
    kl.sum().backward()
    assert leaf.grad is not None
    assert z_score(kl[0].detach()[:, None], exact.item()) < 5
    assert z_score(leaf.grad[0], gradient) < 5


def test_the_correlated_bound_lies_above_the_kl_and_close_to_it() -> None:
    latent = correlated.correlated(LatentShape(2, 3), (0,), "cpu", tau=torch.tensor([0.5]))
    rows = torch.tensor([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [-0.6, 1.1, 0.0]])
    latent.learned["rows"].data[0] = rows
    outputs = torch.tensor([0.3, -0.9, 0.6])
    code, kl = latent.harden(outputs.expand(1, 100_000, 3), Streams.derive((0,), "test"))
    index = (code[0] @ torch.tensor([4.0, 2.0, 1.0])).long()
    share = torch.bincount(index, minlength=8).double() / len(index)
    exact = (share * (share.log() + 3 * math.log(2))).sum()  # biased by 8 / 200,000 only
    bound = kl[0].double()
    error = bound.std() / len(bound) ** 0.5
    assert exact - 5 * error < bound.mean() < exact + 0.02
    torch.testing.assert_close(code[0].mean(0), outputs.sigmoid(), rtol=0, atol=0.01)
    correlation = latent.facts()["correlation"][0]
    total = -torch.linalg.slogdet(correlation)[1] / 2
    own = latent.relaxed(outputs[None, None], Streams.derive((0,), "test"))[1][0, 0]
    torch.testing.assert_close(own, kl_to_fair(outputs) + total)
    assert own > exact, "the own loss's KL is a bound too"


def test_without_correlation_the_bound_is_the_kl() -> None:
    learned = correlated.correlated(LatentShape(2, 3), (0,), "cpu", tau=torch.tensor([0.5]))
    outputs = torch.tensor([[[0.3, -5.0, 9.0]]])
    kls = [learned.harden(outputs.expand(1, 4000, 3), Streams.derive((0,), "test"))[1].mean()]
    kls.append(kl_to_fair(outputs)[0, 0])
    torch.testing.assert_close(kls[0], kls[1], rtol=0.02, atol=0)


def test_the_learned_factor_is_that_of_a_correlation() -> None:
    latent = correlated.correlated(LatentShape(2, 4), SEEDS, "cpu", tau=torch.ones(2))
    latent.learned["rows"].data.normal_(generator=torch.Generator().manual_seed(0))
    correlation = latent.facts()["correlation"]
    torch.testing.assert_close(correlation.diagonal(dim1=-2, dim2=-1), torch.ones(2, 4))
    MultivariateNormal(torch.zeros(2, 4), correlation)  # checks that it is positive definite


def test_the_dirichlet_of_ones_is_the_logistic_normals_prior() -> None:
    latent = gaussian.logistic_normal(LatentShape(3, 1), (0,), "cpu")
    assert latent.kl(torch.zeros(1, 1, 3)).item() == pytest.approx(0.0, abs=1e-6)
    assert Dirichlet(torch.ones(3)).mean.tolist() == pytest.approx([1 / 3] * 3)


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="known: Poisson"):
        latents.lookup("Nobody")
    with pytest.raises(ConfigError, match="fewer than all categories"):
        subsets.top_k(LatentShape(4, 1), (0,), "cpu", tau=torch.ones(1), k=4)


@pytest.mark.parametrize("name", [name for name in NAMES if CATALOGUE[name].binary])
def test_ones_are_as_frequent_in_hard_codes_as_the_log_odds_say(name: str) -> None:
    """Of 8,000 draws, each within five standard errors: a false alarm in 5e-7 of cases."""
    latent, log_odds = make(name), torch.tensor([-1.5, 0.3, 1.2])
    outputs = torch.zeros(2, 4000, latent.outputs)
    outputs[..., :3] = log_odds
    p = log_odds.sigmoid()
    found = latent.harden(outputs, Streams.derive(SEEDS, "test"))[0].mean((0, 1))
    assert ((found - p).abs() < 5 * (p * (1 - p) / 8000).sqrt()).all(), found
