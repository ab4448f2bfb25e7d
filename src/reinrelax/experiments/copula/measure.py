"""Samples of correlated relaxed Bernoullis compared with their distribution (A, III.F, Appendix A).

With normal scores n ~ N(0, R), the log-odds of a gate are logit π + logit Φ(n), so every
expectation is an integral over one or two scores. R is the correlation of the scores; U, relaxed
gates and hard gates are less correlated. Letters: N samples, d gates, P = d (d − 1)/2 pairs i < j.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.special import log_ndtr, ndtri

from reinrelax.core.rng import derive
from reinrelax.distributions.correlated_relaxed_bernoulli import CorrelatedRelaxedBernoulli
from reinrelax.experiments.copula.experiment import Copula

Row = dict[str, object]

_NORMAL_95 = 1.959964
# Samples computed at once, so that temporaries stay small compared with the samples.
_BLOCK = 100_000
# The trapezoid rule over ±9 standard deviations. For τ ≥ 0.02 its error is below that of the
# samples.
_REACH, _POINTS = 9.0, 801


def measure(spec: Copula, *, seed: int = 0) -> dict[str, list[Row]]:
    """Measure moments and correlations of the gates, and compute their values by quadrature.

    Args:
        spec: π, R, τ and the number of samples.
        seed: of all randomness.

    Returns:
        gates: rows of row (of π, from 0), gates i and j (from 0; j only for pairs), quantity,
            value, low, high (95%, by the delta method; correlations on Fisher's scale) and
            expected. Quantities:
            eigenvalue: the i-th smallest of R, with no other columns.
            probability: P(z_i > ½), expected π_i.
            mean: E z_i.
            gate_correlation, relaxed_correlation: Pearson's, of hard and of relaxed gates.
            rank_correlation: Pearson's of U, which is uniform: Spearman's of the relaxed gates;
                expected 6/π asin(R_ij/2).
            score_correlation: Pearson's of Φ⁻¹(U), expected R_ij.
        gate_samples: the first relaxed samples, rows of row, sample, gate and value.
    """
    R = torch.tensor(spec.correlation, dtype=torch.float64)
    eigenvalues = enumerate(torch.linalg.eigvalsh(R).tolist())
    gates: list[Row] = [
        {"i": i, "quantity": "eigenvalue", "value": value} for i, value in eigenvalues
    ]
    samples: list[Row] = []
    for row, given in enumerate(spec.probs):
        probs = torch.tensor(given, dtype=torch.float64)
        law = CorrelatedRelaxedBernoulli(spec.tau, probs=probs, correlation=R)
        generator = torch.Generator().manual_seed(derive(seed, "copula", row))
        noise = law.draw_noise((spec.samples,), generator=generator)
        gates += [{"row": row, **found} for found in _compare(law, probs, R, noise)]
        samples += [
            {"row": row, "sample": sample, "gate": gate, "value": value}
            for sample, values in enumerate(law.from_noise(noise[: spec.shown]).tolist())
            for gate, value in enumerate(values)
        ]
    return {"gates": gates, "gate_samples": samples}


def _compare(
    law: CorrelatedRelaxedBernoulli, probs: Tensor, R: Tensor, noise: Tensor
) -> Iterator[Row]:
    """Compare statistics of the samples made from noise `[N, d]` with the distribution's."""
    means, deviations, products = _relaxed_moments(probs, R, float(law.temperature))
    i, j = torch.triu_indices(len(R), len(R), 1)
    spread = (probs * (1 - probs)).sqrt()

    # Each transform replaces the one before: at a million samples each takes tens of MB.
    values = _in_blocks(law.harden, noise)
    yield from _means("probability", values, probs)
    expected = _orthant_covariance(probs, R)[i, j] / (spread[i] * spread[j])
    yield from _correlations("gate_correlation", values, expected)

    values = _in_blocks(law.from_noise, noise)
    yield from _means("mean", values, means)
    expected = (products - means[i] * means[j]) / (deviations[i] * deviations[j])
    yield from _correlations("relaxed_correlation", values, expected)

    # At τ = 1 and π = ½ a relaxed gate equals U. At small τ it may round to one, which loses U.
    plain = CorrelatedRelaxedBernoulli(1.0, probs=torch.full_like(probs, 0.5), correlation=R)
    values = _in_blocks(plain.from_noise, noise)
    yield from _correlations("rank_correlation", values, 6 / math.pi * (R[i, j] / 2).asin())
    yield from _correlations("score_correlation", ndtri(values), R[i, j])


def _means(quantity: str, values: Tensor, expected: Tensor) -> Iterator[Row]:
    """Yield the mean of values `[N, d]` for each gate, with `expected` `[d]`."""
    error = values.std(0) / len(values) ** 0.5
    mean = values.mean(0)
    ends = (mean, mean - _NORMAL_95 * error, mean + _NORMAL_95 * error, expected)
    for gate, (value, low, high, truth) in enumerate(torch.stack(ends, -1).tolist()):
        yield {
            "i": gate,
            "quantity": quantity,
            "value": value,
            "low": low,
            "high": high,
            "expected": truth,
        }


def _correlations(quantity: str, values: Tensor, expected: Tensor) -> Iterator[Row]:
    """Yield Pearson's correlation of values `[N, d]` for each pair, with `expected` `[P]`.

    The influence of a standardised sample on r is x_i x_j − r (x_i² + x_j²)/2 for any distribution;
    its standard deviation gives the standard error.
    """
    x = (values - values.mean(0)) / values.std(0, correction=0)
    pairs = torch.triu_indices(x.shape[1], x.shape[1], 1).T.tolist()
    for (i, j), truth in zip(pairs, expected.tolist(), strict=True):
        product = x[:, i] * x[:, j]
        r = product.mean()
        influence = product - r * (x[:, i] ** 2 + x[:, j] ** 2) / 2
        half = _NORMAL_95 * influence.std() / len(x) ** 0.5 / (1 - r**2)
        ends = torch.stack((r, (r.atanh() - half).tanh(), (r.atanh() + half).tanh()))
        value, low, high = ends.tolist()
        yield {
            **{"i": i, "j": j, "quantity": quantity},
            **{"value": value, "low": low, "high": high, "expected": truth},
        }


def _relaxed_moments(probs: Tensor, R: Tensor, tau: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return E z_i and the standard deviation of z_i, `[d]`, and E z_i z_j `[P]`, by quadrature."""
    score = torch.linspace(-_REACH, _REACH, _POINTS, dtype=torch.float64)
    weight = (-(score**2) / 2).exp()
    weight = weight / weight.sum()

    def gate(k: int, n: Tensor) -> Tensor:
        return torch.sigmoid((probs[k].logit() + log_ndtr(n) - log_ndtr(-n)) / tau)

    alone = torch.stack([gate(k, score) for k in range(len(probs))])
    means = alone @ weight
    products = []
    for i, j in torch.triu_indices(len(R), len(R), 1).T.tolist():
        other = R[i, j] * score[:, None] + (1 - R[i, j] ** 2).sqrt() * score
        products.append((weight * alone[i]) @ gate(j, other) @ weight)
    # A single gate has no pairs.
    both = torch.stack(products) if products else means[:0]
    return means, ((alone - means[:, None]) ** 2 @ weight).sqrt(), both


def _orthant_covariance(probs: Tensor, R: Tensor) -> Tensor:
    """Return Cov(1{n_i > a_i}, 1{n_j > a_j}) at a = −Φ⁻¹(π), off the diagonal, `[d, d]`.

    The derivative of the orthant probability in the correlation r is the bivariate density at a
    (Plackett, 1954). It is integrated from 0 to R_ij, with r = sin t.
    """
    a = -ndtri(probs)
    t = torch.linspace(0, 1, _POINTS, dtype=torch.float64)[:, None, None] * R.clamp(-1, 1).asin()
    square = a[:, None] ** 2 + a**2 - 2 * a[:, None] * a * t.sin()
    return torch.trapezoid((-square / (2 * t.cos() ** 2)).exp() / (2 * math.pi), t, dim=0)


def _in_blocks(f: Callable[[Tensor], Tensor], noise: Tensor) -> Tensor:
    return torch.cat([f(block) for block in noise.split(_BLOCK)])
