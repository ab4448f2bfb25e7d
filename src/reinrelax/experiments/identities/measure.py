"""The paper's identities by enumeration in float64, for random smooth functions of small codes.

F is the number of functions and the batch axis of the logits `[F, L, C]`: each function has its
own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reinrelax.core.numerics import softmax
from reinrelax.core.rng import Streams, derive
from reinrelax.estimators import exact
from reinrelax.estimators.base import Sample, draw
from reinrelax.estimators.gumbel import conditional_gumbels
from reinrelax.estimators.reinmax_family import reinmax, reinmax_rk2, reinmax_rk2_corrected
from reinrelax.estimators.straight_through_family import straight_through

Row = dict[str, object]

# f(s z) is tested for these s: the larger s, the further f is from a quadratic.
SCALES = (0.3, 1.0, 2.0, 4.0)
# α of B, Eq. 23: Heun, Ralston, midpoint, and an extrapolating method.
ALPHAS = {"1": 1.0, "2/3": 2 / 3, "1/2": 1 / 2, "2": 2.0}
SATURATED = 100.0
_LOGIT_SCALE = 1.5
_UNITS, _CUBES, _WAVES, _DRAWS = 16, 4, 4, 100
_STEP = 1 / 32


@dataclass(frozen=True)
class Functions:
    """F random functions of a code z, flattened to D = L·C units.

    f(z) = Σ_h u_h tanh(w_h·z + b_h) + Σ_k c_k (v_k·z)³.

    Attributes:
        inner: w, `[F, D, H]`.
        offset: b, `[F, H]`.
        outer: u, `[F, H]`.
        directions: v, `[F, D, K]`.
        cubes: c, `[F, K]`.
    """

    inner: Tensor
    offset: Tensor
    outer: Tensor
    directions: Tensor
    cubes: Tensor

    @classmethod
    def random(cls, count: int, units: int, generator: torch.Generator) -> "Functions":
        """Draw F = `count` functions with D = `units`: parameters are standard normal, c over 4."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        return cls(
            inner=normal(count, units, _UNITS),
            offset=normal(count, _UNITS),
            outer=normal(count, _UNITS),
            directions=normal(count, units, _CUBES),
            cubes=normal(count, _CUBES) / 4,
        )

    def __call__(self, z: Tensor) -> Tensor:
        """Return f at points `[N, F, L, C]`, `[N, F]`."""
        flat = z.flatten(-2)[..., None, :]  # [N, F, 1, D]
        waves = torch.tanh((flat @ self.inner)[..., 0, :] + self.offset) * self.outer
        return waves.sum(-1) + ((flat @ self.directions)[..., 0, :] ** 3 * self.cubes).sum(-1)


def measure(
    *,
    shapes: Sequence[tuple[int, int]],
    betas: Sequence[float],
    taus: Sequence[float],
    functions: int,
    seed: int = 0,
) -> list[Row]:
    """Compare the two sides of every identity.

    Args:
        shapes: (C, L) of the codes.
        betas: for Theorem 1 and the end-point rule.
        taus: for Eq. 13 and 16.
        functions: F, per shape.
        seed: of all randomness.

    Returns:
        Rows of identity, categories, latents, beta, tau (None if not applicable), functions,
        quantity and value. Quantities:
        deviation_max, deviation_median: over functions, of the norm of the two sides' difference
            over that of the right-hand side; for Eq. 16 over all codes at once.
        cosine_median: over functions, of the cosine between the two sides.
        variance_ratio: the variance of Eq. 16's first term over the second's, median over
            functions.
        order: p of a local error of order h^p, median over functions.
        share: of functions for which the statement holds.
        share_not_finite: of draws Y of Eq. 7 whose softmax contains NaN, in float32, for normal
            logits with standard deviation 100.
    """
    rows = []
    for categories, latents in shapes:
        generator = torch.Generator().manual_seed(derive(seed, "identities", categories, latents))
        case = _Case.random(functions, categories, latents, generator)
        found = [
            *_expectations(case, taus),
            *_equation16(case, taus),
            *_theorem1(case, betas),
            *_half(case),
            *_biases(case),
            *_equation7(case.logits / _LOGIT_SCALE * SATURATED, seed),
        ]
        rows += [{**row, "categories": categories, "latents": latents} for row in found]
    rows += _orders(
        functions, betas, torch.Generator().manual_seed(derive(seed, "identities", "orders"))
    )
    absent = dict.fromkeys(("categories", "latents", "beta", "tau"))
    return [{**absent, **row, "functions": functions} for row in rows]


@dataclass(frozen=True)
class _Case:
    """Random functions, with logits for each.

    Attributes:
        f: the functions.
        logits: `[F, L, C]`.
        sample: all N codes, as if drawn, `[N, F, L, C]`.
        weight: π of each code, `[N, F]`.
        slope: f′ at each code, `[N, F, L, C]`.
    """

    f: Functions
    logits: Tensor
    sample: Sample
    weight: Tensor
    slope: Tensor

    @classmethod
    def random(
        cls, count: int, categories: int, latents: int, generator: torch.Generator
    ) -> "_Case":
        f = Functions.random(count, latents * categories, generator)
        shape = (count, latents, categories)
        logits = _LOGIT_SCALE * torch.randn(shape, generator=generator, dtype=torch.float64)
        codes = (
            exact.codes(latents, categories, like=logits)[:, None]
            .repeat(1, count, 1, 1)
            .requires_grad_()
        )
        (slope,) = torch.autograd.grad(f(codes).sum(), codes)
        codes = codes.detach()
        theta = logits.log_softmax(-1).expand_as(codes)
        sample = Sample(theta, torch.full_like(theta, torch.nan), codes, Streams([]))
        return cls(f, logits, sample, (theta * codes).sum((-2, -1)).exp(), slope)

    def variance(self, values: Tensor) -> Tensor:
        """Return the variance of values at all codes `[N, F, L, C]`, summed over entries, `[F]`."""
        weight = self.weight[..., None, None]
        mean = (weight * values).sum(0)
        return (weight * (values - mean).square()).sum((0, -2, -1))


def _expectations(case: _Case, taus: Sequence[float]) -> Iterator[Row]:
    logits, f = case.logits, case.f
    yield from _compare("Eq. 8", _equation8(case), exact.gradient(logits, f))
    straight = exact.mean(straight_through, logits, f, tau=1.0)
    yield from _compare("Eq. 10", straight, exact.first_order(logits, f), tau=1.0)
    second = exact.second_order(logits, f)
    for tau in taus:
        yield from _compare("Eq. 13", exact.mean(reinmax, logits, f, tau=tau), second, tau=tau)


def _equation8(case: _Case) -> Tensor:
    """Return Σ_i Σ_j π_j (f(I_i) − f(I_j)) dπ_i/dθ per variable, mean over others, `[F, L, C]`."""
    probs = case.logits.softmax(-1)
    # E[f | D_l = I_i]: the weight of the others is the joint weight divided by the variable's own.
    own = case.sample.one_hot  # [N, F, L, C]
    others = case.weight[..., None] / (own * probs).sum(-1)  # [N, F, L]
    value = torch.einsum("nf,nfl,nflc->flc", case.f(own), others, own)
    difference = value[..., :, None] - value[..., None, :]
    jacobian = torch.diag_embed(probs) - probs[..., :, None] * probs[..., None, :]  # dπ_i/dθ_k
    return torch.einsum("flj,flij,flik->flk", probs, difference, jacobian)


def _equation16(case: _Case, taus: Sequence[float]) -> Iterator[Row]:
    """Compare 2 ST(D, θ_D) − ½ ST(D, θ) with Eq. 12 per draw.

    The first term is at τ, as printed, or at 1. Its variance is compared with that of the second.
    """
    sample, slope = case.sample, case.slope
    second = straight_through.function(slope, sample, tau=1.0) / 2
    for tau in taus:
        middle = ((sample.tempered(tau) + sample.one_hot) / 2).log()
        moved = Sample(middle, sample.gumbel, sample.one_hot, sample.streams)
        right = reinmax.function(slope, sample, tau=tau)
        for name, first_tau in (("as printed", tau), ("tau = 1 in the first term", 1.0)):
            first = 2 * straight_through.function(slope, moved, tau=first_tau)
            left = first - second
            yield from _compare(f"Eq. 16, {name}", left.movedim(1, 0), right.movedim(1, 0), tau=tau)
            ratio = float((case.variance(first) / case.variance(second)).median())
            yield {
                "identity": f"Eq. 16, {name}",
                "tau": tau,
                "quantity": "variance_ratio",
                "value": ratio,
            }


def _theorem1(case: _Case, betas: Sequence[float]) -> Iterator[Row]:
    """Compare E[Eq. 27] with Eq. 26, and with Eq. 26 plus the term that the proof drops.

    Also compare the corrected estimator with Eq. 26. The term is (2β − 1) π_l,k E[f′_l(D)(D_l −
    π_l)]; for one variable the mean is Σ_i π_i f′(I_i)(I_i − π). The proof has two halves, which
    meet in the same line (Eq. 32 and 37).
    """
    logits, f = case.logits, case.f
    probs = logits.softmax(-1)
    inner = (case.slope * (case.sample.one_hot - probs)).sum(-1, keepdim=True)  # [N, F, L, 1]
    dropped = probs * (case.weight[..., None, None] * inner).sum(0)
    for beta in betas:
        printed = exact.mean(reinmax_rk2, logits, f, beta=beta)
        right = exact.rk2(logits, f, beta=beta)
        yield from _compare("Theorem 1", printed, right, beta=beta, cosine=True)
        met = _equation32(case, beta)
        yield from _compare("Theorem 1, Eq. 27 to 32", printed, met, beta=beta)
        yield from _compare("Theorem 1, Eq. 26 to 37", right, met, beta=beta)
        term = (2 * beta - 1) * dropped
        yield from _compare("Theorem 1, corrected term", printed, right + term, beta=beta)
        corrected = exact.mean(reinmax_rk2_corrected, logits, f, beta=beta)
        yield from _compare("Theorem 1, corrected estimator", corrected, right, beta=beta)


def _equation32(case: _Case, beta: float) -> Tensor:
    """Return (1 − β) E[π_k f′(D)(I_k − D)] + β E[f′(D) δ_{D I_k} (D − π)], `[F, L, C]`."""
    probs, hot, slope = case.logits.softmax(-1), case.sample.one_hot, case.slope
    at_hot, at_probs = ((slope * weights).sum(-1, keepdim=True) for weights in (hot, probs))
    terms = (1 - beta) * probs * (slope - at_hot) + beta * hot * (at_hot - at_probs)
    return (case.weight[..., None, None] * terms).sum(0)


def _half(case: _Case) -> Iterator[Row]:
    """Compare Eq. 27 at β = ½ with Eq. 12 at τ = 1, per draw."""
    left = reinmax_rk2.function(case.slope, case.sample, beta=0.5)
    right = reinmax.function(case.slope, case.sample, tau=1.0)
    name = "Eq. 27 at beta = 1/2 and Eq. 12"
    yield from _compare(name, left.movedim(1, 0), right.movedim(1, 0), beta=0.5, tau=1.0)


def _biases(case: _Case) -> Iterator[Row]:
    """Yield how often ReinMax's mean at τ = 1 is closer to the exact gradient than ST's."""
    for scale in SCALES:

        def f(z: Tensor, scale: float = scale) -> Tensor:
            return case.f(scale * z)

        true = exact.gradient(case.logits, f)
        straight, heun = (
            (exact.mean(estimator, case.logits, f, tau=1.0) - true).flatten(1).norm(dim=-1)
            for estimator in (straight_through, reinmax)
        )
        identity = f"bias of ReinMax below ST, f scaled by {scale:g}"
        yield {
            "identity": identity,
            "tau": 1.0,
            "quantity": "share",
            "value": _mean(heun < straight),
        }


def _equation7(logits: Tensor, seed: int) -> Iterator[Row]:
    """Test Y = θ + G given D in float32: with exp(θ) and Z(θ) as printed, and with normalised θ."""
    theta = logits.float()
    streams = [
        Streams.derive(range(len(theta)), seed, "identities", name) for name in ("D", "Y", "Y")
    ]
    sample = draw(theta, streams[0])
    printed = _printed_equation7(theta, sample.one_hot, streams[1])
    normalised = conditional_gumbels(sample.probs, sample.one_hot, _DRAWS, streams[2])
    for name, y in (("as printed", printed), ("normalised", normalised)):
        broken = softmax(y.mT).isnan().any(-1)
        yield {"identity": f"Eq. 7, {name}", "quantity": "share_not_finite", "value": _mean(broken)}


def _printed_equation7(theta: Tensor, one_hot: Tensor, streams: Streams) -> Tensor:
    """Draw Y K times as printed, `[F, L, C, K]`."""
    noise = streams.exponential_(theta.new_empty((*theta.shape, _DRAWS)))
    hot = one_hot[..., None]
    weights = theta.exp()[..., None]
    normaliser = weights.sum(-2, keepdim=True)
    winner = (noise * hot).sum(-2, keepdim=True)
    own = -noise.log() + normaliser.log()
    return torch.where(hot > 0, own, -(noise / weights + winner / normaliser).log())


def _orders(count: int, betas: Sequence[float], generator: torch.Generator) -> Iterator[Row]:
    """Yield local orders of rules for g(t + h) − g(t), from the errors at a step and at half of it.

    g′ is a random sum of sine waves. As an ODE, λ(t, y) = g′(t), so Eq. 23 evaluates g′(αh), not
    g′(h).
    """
    frequency = 1 + 2 * torch.rand(count, _WAVES, generator=generator, dtype=torch.float64)
    phase = 2 * torch.pi * torch.rand(count, _WAVES, generator=generator, dtype=torch.float64)

    def slope(t: float) -> Tensor:
        return torch.sin(frequency * t + phase).sum(-1)

    def error(near: float, place: float, h: float) -> Tensor:
        rule = near * slope(0.0) + (1 - near) * slope(place * h)
        # cos a − cos b = 2 sin((a + b)/2) sin((b − a)/2), which avoids cancellation.
        waves = 2 * torch.sin(frequency * h / 2 + phase) * torch.sin(frequency * h / 2) / frequency
        return (h * rule - waves.sum(-1)).abs()

    def row(identity: str, near: float, place: float, beta: float | None = None) -> Row:
        order = (error(near, place, _STEP) / error(near, place, _STEP / 2)).log2().median()
        return {"identity": identity, "beta": beta, "quantity": "order", "value": float(order)}

    for name, alpha in ALPHAS.items():
        yield row(f"Eq. 23, alpha = {name}", 1 - 1 / (2 * alpha), alpha)
    for beta in betas:
        yield row("Eq. 23 to 24", beta, 1.0, beta)


def _compare(
    identity: str,
    left: Tensor,
    right: Tensor,
    *,
    beta: float | None = None,
    tau: float | None = None,
    cosine: bool = False,
) -> Iterator[Row]:
    """Yield the rows that compare two sides `[F, ...]`."""
    left, right = left.flatten(1), right.flatten(1)
    deviation = (left - right).norm(dim=-1) / right.norm(dim=-1)
    quantities = {"deviation_max": deviation.max(), "deviation_median": deviation.median()}
    if cosine:
        quantities["cosine_median"] = torch.cosine_similarity(left, right).median()
    for name, value in quantities.items():
        yield {
            "identity": identity,
            "beta": beta,
            "tau": tau,
            "quantity": name,
            "value": float(value),
        }


def _mean(flags: Tensor) -> float:
    return float(flags.double().mean())
