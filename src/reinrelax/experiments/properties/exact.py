"""Reference values for the relaxations: exact discrete distributions, and densities by quadrature.

A discrete distribution is a pair of probabilities `[M]` and values `[M, *event]`, differentiable in
its parameters. All are implemented independently here, so that no code is compared with itself.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.special import ndtr, ndtri

from reinrelax.distributions.functions import log_clamped, logit

# Distributions on (0, 1) and on the simplex are functions of a logistic or normal variable s over
# τ. The bound on |s|, by number of axes, leaves at most e^−15 of a logistic's mass on either side.
_WIDTH = {1: 18.0, 2: 15.0}
_POINTS = {1: 3001, 2: 251}
_MIDPOINTS = 10_000
# Cells of a χ² test along each axis, by number of axes, and the smallest expected count of a cell.
_CELLS = {1: 24, 2: 8}
_FEWEST = 10.0
# Points of one-dimensional integrals over a normal distribution, and their range in deviations.
_NODES, _SIDE = 20_001, 10.0


@dataclass(frozen=True)
class Support:
    """The support of a distribution as a quadrature rule: ∫ g = Σ weights · g(points).

    Attributes:
        points: `[M, *event]`.
        weights: `[M]`, for the reference measure of the density.
        coordinates: maps `[n, *event]` to `[n, d]`, where neighbouring points are equally far
            apart.
    """

    points: Tensor
    weights: Tensor
    coordinates: Callable[[Tensor], Tensor]


def interval(tau: float) -> Support:
    """Return (0, 1), with the trapezoid rule in logit z."""
    x, step = _line(1, tau)
    return Support(
        x.sigmoid(), x.sigmoid() * x.neg().sigmoid() * step, lambda z: logit(z)[..., None]
    )


def square(tau: float) -> Support:
    """Return (0, 1)², with the trapezoid rule in logit z."""
    line, step = _line(2, tau)
    x = torch.cartesian_prod(line, line)
    return Support(x.sigmoid(), (x.sigmoid() * x.neg().sigmoid()).prod(-1) * step**2, logit)


def simplex(tau: float) -> Support:
    """Return the simplex of three, with the trapezoid rule in log ratios to the last coordinate.

    The reference measure is the Lebesgue measure of the first two coordinates.
    """
    line, step = _line(2, tau)
    x = torch.cartesian_prod(line, line)
    z = torch.cat((x, torch.zeros_like(x[:, :1])), -1).softmax(-1)

    def ratios(z: Tensor) -> Tensor:
        log_z = log_clamped(z)
        return log_z[..., :-1] - log_z[..., -1:]

    return Support(z, z.prod(-1) * step**2, ratios)


def closed_interval() -> Support:
    """Return [0, 1] with a unit mass at either end, with the midpoint rule."""
    between = (torch.arange(_MIDPOINTS, dtype=torch.float64) + 0.5) / _MIDPOINTS
    end = torch.ones(1, dtype=torch.float64)
    weights = torch.cat((end, torch.full_like(between, 1 / _MIDPOINTS), end))
    return Support(torch.cat((0 * end, between, end)), weights, lambda z: z[..., None])


def listed(points: Tensor) -> Support:
    """Return the points `[M, *event]` themselves, each with weight 1."""

    def nearest(z: Tensor) -> Tensor:
        ours, theirs = (t.detach().double().reshape(len(t), -1) for t in (z, points))
        return torch.cdist(ours, theirs).argmin(-1, keepdim=True).double()

    return Support(points, torch.ones(len(points), dtype=torch.float64), nearest)


def sequences(categories: int, length: int) -> Tensor:
    """Return all ordered choices without repetition, `[M, length]` int64."""
    return torch.tensor(list(itertools.permutations(range(categories), length)))


def bernoulli(a: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distribution of zero and one, for log-odds a."""
    return torch.stack((torch.sigmoid(-a), torch.sigmoid(a))), torch.tensor(
        [0.0, 1.0], dtype=a.dtype
    )


def categorical(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distribution of one-hot vectors, for logits `[C]`."""
    return logits.softmax(-1), torch.eye(len(logits), dtype=logits.dtype)


def truncated(base: Distribution, n: int) -> tuple[Tensor, Tensor]:
    """Return counts 0 … n − 1; the last has the remaining mass 1 − Σ_{k<n} π_k (A, III.A)."""
    values = torch.arange(n, dtype=base.mean.dtype)
    kept = base.log_prob(values[:-1]).exp()
    return torch.cat((kept, 1 - kept.sum()[None])), values


def without_replacement(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return two-hot vectors, one per order of two picks: p_i p_j/(1 − p_i) (A, III.H)."""
    p = logits.softmax(-1)
    chosen = sequences(len(logits), 2)
    i, j = chosen.unbind(-1)
    hot = torch.zeros(len(chosen), len(logits), dtype=logits.dtype).scatter_(-1, chosen, 1.0)
    return p[i] * p[j] / (1 - p[i]), hot


def copula(logits: Tensor, rho: float) -> tuple[Tensor, Tensor]:
    """Return two gates whose normal scores have correlation ρ, for log-odds `[2]` (A, III.F).

    P(1, 1) is an orthant probability of the scores; the second score is integrated out.
    """
    p, q = logits.sigmoid()
    # Limits of the integral must not depend on the first logit, which is differentiated.
    x, weight = _normal_nodes(-ndtri(q).item(), _SIDE)
    both = (weight * ndtr((ndtri(p) + rho * x) / math.sqrt(1 - rho**2))).sum()
    values = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=logits.dtype)
    return torch.stack((1 - p - q + both, q - both, p - both, both)), values


def largest(loc: Tensor, scale: Tensor, floor: float | None = None) -> tuple[Tensor, Tensor]:
    """Return the one-hot of the largest of independent normal scores, with loc and scale `[n]`.

    If given, `floor` is a constant last score. P(k) = ∫ φ_k(y) Π_{j≠k} Φ_j(y) dy above the floor,
    and Π_j Φ_j(floor) for the floor itself.
    """
    y = torch.linspace(-_SIDE if floor is None else floor, _SIDE, _NODES, dtype=loc.dtype)
    at = (y[:, None] - loc) / scale
    density, below = (-at.square() / 2).exp() / (scale * math.sqrt(2 * math.pi)), ndtr(at)
    others = [below[:, torch.arange(len(loc)) != k].prod(-1) for k in range(len(loc))]
    chances = torch.trapezoid(density * torch.stack(others, -1), y, dim=0)
    if floor is not None:
        chances = torch.cat((chances, below[0].prod()[None]))
    return chances, torch.eye(len(chances), dtype=loc.dtype)


def largest_piece(loc: Tensor, scale: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """Return the one-hot of the largest piece of a stick that is broken twice.

    It breaks at s = σ(y_1/τ − log 2), and the rest at v = σ(y_2/τ), so the pieces are s, (1 − s) v
    and (1 − s)(1 − v). y_1 is integrated out: with r = s/(1 − s), the first piece is the largest if
    both v and 1 − v are below r. `loc` and `scale`, `[2]`, are those of y.
    """
    low, high = ((loc[0] + side * _SIDE * scale[0]).item() for side in (-1, 1))
    y, weight = _normal_nodes(low, high, loc[0], scale[0])
    edge = ((y / tau).exp() / 2).clamp(0.5, 1).logit() * tau
    lower, upper = (ndtr((side * edge - loc[1]) / scale[1]) for side in (-1, 1))
    chances = torch.stack((upper - lower, 1 - upper, lower), -1)
    return (weight[:, None] * chances).sum(0), torch.eye(3, dtype=loc.dtype)


def hard_concrete_masses(a: float, beta: float, gamma: float, zeta: float) -> tuple[float, float]:
    """Return P(z = 0) and P(z = 1), the mass of the stretched gate outside [0, 1] (A, III.C)."""
    zero, one = (beta * math.log((end - gamma) / (zeta - end)) - a for end in (0.0, 1.0))
    return 1 / (1 + math.exp(-zero)), 1 / (1 + math.exp(one))


def hard_concrete_deployed(a: float, gamma: float, zeta: float) -> float:
    """Return the gate without noise, clip(σ(log α)(ζ − γ) + γ) (Louizos et al., 2018)."""
    return min(1.0, max(0.0, (zeta - gamma) / (1 + math.exp(-a)) + gamma))


def fit_p_value(support: Support, mass: Tensor, samples: Tensor) -> float:
    """Return the p-value of a χ² test of samples `[N, *event]` against the points' masses `[M]`.

    Cell bounds lie half-way between neighbouring points, so that cells are about equally likely
    along each axis. With too few samples for two cells, the p-value is 1.
    """
    grid, found = support.coordinates(support.points), support.coordinates(samples)
    axes = grid.shape[-1]
    cells = min(_CELLS[axes], max(2, int((len(samples) / (2 * _FEWEST)) ** (1 / axes))))
    cell, drawn = (torch.zeros(len(x), dtype=torch.int64) for x in (grid, found))
    count = 1
    for axis in range(axes):
        edges = _edges(grid[:, axis], mass, cells)
        count *= len(edges) + 1
        cell = cell * (len(edges) + 1) + torch.bucketize(grid[:, axis].contiguous(), edges)
        drawn = drawn * (len(edges) + 1) + torch.bucketize(found[:, axis].contiguous(), edges)
    expected = torch.zeros(count, dtype=torch.float64).index_add(0, cell, mass) * len(samples)
    counts = torch.bincount(drawn, minlength=count).double()
    # Pool cells with small expected counts into the largest one: their χ² approximation fails.
    full, rare = expected.argmax(), expected < _FEWEST
    for held in (expected, counts):
        held[full] += held[rare].sum()
    statistic: Tensor = ((counts - expected).square() / expected)[~rare].sum()
    freedom = (~rare).sum() - 1
    return float(torch.special.gammaincc(freedom / 2, statistic / 2)) if freedom > 0 else 1.0


def divergence(mass: Tensor, log_p: Tensor, log_q: Tensor) -> float:
    """Return KL(p ‖ q) = Σ mass (log p − log q), each `[M]`, over points with positive mass."""
    return float((mass * (log_p - log_q))[mass > 0].sum())


def _line(axes: int, tau: float) -> tuple[Tensor, float]:
    """Return points s/τ along an axis, `[n]`, and their distance."""
    x = torch.linspace(-_WIDTH[axes], _WIDTH[axes], _POINTS[axes], dtype=torch.float64) / tau
    return x, float(x[1] - x[0])


def _edges(column: Tensor, mass: Tensor, cells: int) -> Tensor:
    """Return bounds of about equally likely cells along one axis, half-way between points."""
    # Round, because equal coordinates of two points may differ in their last bits.
    values, index = column.round(decimals=6).unique(return_inverse=True)
    below = torch.zeros(len(values), dtype=mass.dtype).index_add(0, index, mass).cumsum(0)
    wanted = below[-1] * torch.arange(1, cells, dtype=mass.dtype) / cells
    at = torch.searchsorted(below, wanted).unique()
    at = at[at < len(values) - 1]
    between: Tensor = (values[at] + values[at + 1]) / 2
    return between


def _normal_nodes(
    low: float, high: float, loc: Tensor | float = 0.0, scale: Tensor | float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return points of [low, high] and their weights under N(loc, scale²): the trapezoid rule."""
    x = torch.linspace(low, high, _NODES, dtype=torch.float64)
    density: Tensor = (-(((x - loc) / scale) ** 2) / 2).exp() / (scale * math.sqrt(2 * math.pi))
    step = torch.where((x == low) | (x == high), 0.5, 1.0) * (x[1] - x[0])
    return x, density * step
