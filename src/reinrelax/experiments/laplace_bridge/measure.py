"""The accuracy of the Laplace bridge between Dirichlets and Gaussians (A, III.I, Figures 4 to 6).

The Gaussian of the logits is read in three ways: with the full Σ; with its diagonal, as for
independent logits; and with that diagonal as *standard deviations*, as the authors' public code
draws Figure 4. All three are logistic-normal. Letters: A concentrations of one size, K categories,
N points.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.quasirandom import SobolEngine
from torch.special import ndtri

from reinrelax.core.numerics import log_softmax
from reinrelax.core.rng import derive
from reinrelax.distributions.laplace_bridge import printed_inverse, to_dirichlet, to_gaussian
from reinrelax.distributions.logistic_normal import LogisticNormal, sum_zero_basis
from reinrelax.experiments.laplace_bridge.experiment import Bridge

Row = dict[str, object]

# The covariance of each distribution's Gaussian logits, as a function of Σ `[..., K, K]`.
_COVARIANCES: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "logistic-normal": lambda sigma: sigma,
        "diagonal": lambda sigma: torch.diag_embed(_diagonal(sigma)),
        "as drawn": lambda sigma: torch.diag_embed(_diagonal(sigma) ** 2),
    }
)
# α as functions of μ and diag Σ. Two inverses that differ only in the sign of their bracket's
# exponent multiply to 1/Σ_kk².
_INVERSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "right": to_dirichlet,
        "printed": printed_inverse,
        "printed, exponent corrected": lambda mu, variance: (
            1 / (printed_inverse(mu, variance) * variance**2)
        ),
        "printed, factor corrected": lambda mu, variance: (
            1 / (to_dirichlet(mu, variance) * variance**2)
        ),
    }
)
# Gaussians that need not come from a Dirichlet: s², and the number of μ per size.
_VARIANCES = (0.03, 0.1, 0.3, 1.0, 3.0)
_MEANS = 10
# The number of logits computed at once: 16 MB per tensor.
_BLOCK = 2_000_000


def measure(spec: Bridge, *, seed: int = 0) -> dict[str, list[Row]]:
    """Compute densities on the simplex, and the error of each map of the bridge.

    Args:
        spec: concentrations, fineness of the grid, and number of points for expectations.
        seed: of all randomness.

    Returns:
        densities: rows of alpha (text), law (distribution), x = π_1, y = π_2 and density, with
            respect to the Lebesgue measure of x and y, on a triangular lattice in the simplex whose
            points represent an area of 1/steps² each. Distributions: Dirichlet; logistic-normal,
            diagonal and as drawn, the three readings of Σ; `Dirichlet back` and `Dirichlet back,
            printed`, by the correct and the printed inverse of μ and diag Σ.
        bridge: rows of family, alpha, size (K), total (Σ α), law, quantity and value. Families:
            shown, random: from α to the Gaussian, and back.
            scaled: the same, where alpha is the shape that is scaled to the total.
            gaussian: from N(μ, s² (I − 11ᵀ/K)), which comes from a Dirichlet only if μ = 0, to a
                Dirichlet of that total; alpha contains s² and μ.
            jacobian: determinants of ∂π/∂z at α/Σα, which transform the density.
            Quantities, with KLs in nats and expectations of logistic-normals over Sobol' points:
            kl_to_law, kl_from_law: KL(Dirichlet ‖ law), exact, and KL(law ‖ Dirichlet).
            mean_error: max_k |E π_k − α_k/Σα|.
            std_ratio: mean over k of the standard deviation of π_k over the Dirichlet's.
            mode_error: max_k |π_k(μ) − α_k/Σα|, μ's distance from the mode of the density of z.
            curvature_error: max |Σ − H⁺|/max |Σ|, where −H is the Hessian of z's log-density at μ.
            round_trip_error: max_k |α′_k − α_k|/α_k, the inverse after the forward map.
            kl_from_gaussian: KL(logistic-normal ‖ Dirichlet).
            determinant_over_product: determinant over the printed Π_k π_k.
    """
    shown = torch.tensor(spec.shown, dtype=torch.float64)
    generator = torch.Generator().manual_seed(derive(seed, "bridge"))
    bridge: list[Row] = []
    for family in _families(spec, generator):
        points = _normal_points(spec.samples, family.alpha.shape[-1], seed)
        bridge += [*_forward(family, points), *_definition(family), *_round_trip(family)]
    for K in spec.sizes:
        bridge += _from_gaussian(K, _normal_points(spec.samples, K, seed), generator)
    for alpha in shown:
        bridge += _jacobian(alpha)
    return {
        "densities": [row for alpha in shown for row in _densities(alpha, spec.steps)],
        "bridge": bridge,
    }


@dataclass(frozen=True)
class _Family:
    """Concentrations `[A, K]` of one size, each with a text that identifies it."""

    name: str
    alpha: Tensor
    texts: tuple[str, ...]

    def rows(self, law: str, quantity: str, values: Tensor) -> Iterator[Row]:
        """Yield the rows of the values `[A]` of a quantity."""
        size, totals = self.alpha.shape[-1], self.alpha.sum(-1).tolist()
        for text, total, value in zip(self.texts, totals, values.tolist(), strict=True):
            yield {
                **{"family": self.name, "alpha": text, "size": size, "total": round(total, 9)},
                **{"law": law, "quantity": quantity, "value": value},
            }


def _families(spec: Bridge, generator: torch.Generator) -> Iterator[_Family]:
    shown = torch.tensor(spec.shown, dtype=torch.float64)
    yield _Family("shown", shown, tuple(map(_text, spec.shown)))
    for K in spec.sizes:
        alpha = torch.randint(1, 10, (spec.random, K), generator=generator).double()
        yield _Family("random", alpha, tuple(map(_text, alpha.tolist())))
    totals = torch.tensor(spec.totals, dtype=torch.float64)[:, None]
    for shape in dict.fromkeys((*spec.shown, (1.0,) * shown.shape[-1])):
        share = torch.tensor(shape, dtype=torch.float64) / sum(shape)
        yield _Family("scaled", totals * share, (_text(shape),) * len(totals))


def _densities(alpha: Tensor, steps: int) -> Iterator[Row]:
    """Yield densities at the centres of the upright triangles into which the simplex is cut."""
    i, j = torch.triu_indices(steps, steps).double()
    x, y = (i + 1 / 3) / steps, (j - i + 1 / 3) / steps
    points = torch.stack((x, y, 1 - x - y), -1)
    mu, sigma = to_gaussian(alpha)
    laws = {"Dirichlet": Dirichlet(alpha)} | {
        name: LogisticNormal(mu, covariance(sigma)) for name, covariance in _COVARIANCES.items()
    }
    laws["Dirichlet back"] = Dirichlet(to_dirichlet(mu, _diagonal(sigma)))
    laws["Dirichlet back, printed"] = Dirichlet(printed_inverse(mu, _diagonal(sigma)))
    text = _text(alpha.tolist())
    for name, law in laws.items():
        values = torch.cat((points[:, :2], law.log_prob(points).exp()[:, None]), -1)
        for at, up, density in values.tolist():
            yield {"alpha": text, "law": name, "x": at, "y": up, "density": density}


def _forward(family: _Family, points: Tensor) -> Iterator[Row]:
    """Compare each reading of the Gaussian with its Dirichlet."""
    mu, sigma = to_gaussian(family.alpha)
    dirichlet = Dirichlet(family.alpha)
    for name, covariance in _COVARIANCES.items():
        law = LogisticNormal(mu, covariance(sigma))
        mean, std, divergence = _expectations(law, family.alpha, points)
        quantities = {
            "kl_to_law": kl_divergence(dirichlet, law),
            "kl_from_law": divergence,
            "mean_error": (mean - dirichlet.mean).abs().amax(-1),
            "std_ratio": (std / dirichlet.stddev).mean(-1),
        }
        for quantity, values in quantities.items():
            yield from family.rows(name, quantity, values)


def _definition(family: _Family) -> Iterator[Row]:
    """Compare μ and Σ with the Laplace approximation: the mode, and the inverse curvature there."""
    mu, sigma = to_gaussian(family.alpha)
    mode = family.alpha / family.alpha.sum(-1, keepdim=True)
    yield from family.rows("logistic-normal", "mode_error", (mu.softmax(-1) - mode).abs().amax(-1))
    errors = []
    for alpha, at, covariance in zip(family.alpha, mu, sigma, strict=True):
        hessian = torch.autograd.functional.hessian(
            lambda z, a=alpha: (a * z.log_softmax(-1)).sum(), at
        )
        inverse = torch.linalg.pinv(-hessian, hermitian=True, rtol=1e-9)
        errors.append((covariance - inverse).abs().max() / covariance.abs().max())
    yield from family.rows("logistic-normal", "curvature_error", torch.stack(errors))


def _round_trip(family: _Family) -> Iterator[Row]:
    mu, sigma = to_gaussian(family.alpha)
    for name, inverse in _INVERSES.items():
        error = (inverse(mu, _diagonal(sigma)) / family.alpha - 1).abs().amax(-1)
        yield from family.rows(name, "round_trip_error", error)


def _from_gaussian(K: int, points: Tensor, generator: torch.Generator) -> Iterator[Row]:
    """Map Gaussians to Dirichlets: standard normal μ, the same for every s², and μ = 0.

    A Gaussian with μ = 0 comes from a Dirichlet with equal concentrations.
    """
    mu = torch.randn(_MEANS, K, generator=generator, dtype=torch.float64)
    mu[0] = 0
    mu = mu - mu.mean(-1, keepdim=True)
    centring = torch.eye(K, dtype=torch.float64) - 1 / K
    for variance in _VARIANCES:
        law = LogisticNormal(mu, (variance * centring).expand(_MEANS, K, K))
        # Adding zero removes the sign of a rounded −0.
        texts = tuple(
            f"s² = {variance:g}, μ = {_text(m)}" for m in (mu.round(decimals=2) + 0.0).tolist()
        )
        for name in ("right", "printed"):
            alpha = _INVERSES[name](mu, _diagonal(law.covariance_matrix))
            mean, _, divergence = _expectations(law, alpha, points)
            family = _Family("gaussian", alpha, texts)
            yield from family.rows(name, "kl_from_gaussian", divergence)
            yield from family.rows(
                name, "mean_error", (mean - Dirichlet(alpha).mean).abs().amax(-1)
            )


def _jacobian(alpha: Tensor) -> Iterator[Row]:
    """Yield determinants of ∂π/∂z: of all K × K, with z_K fixed, and on the space of zero sum."""
    pi = alpha / alpha.sum()
    softmax = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), pi.log())
    basis = sum_zero_basis(len(pi), like=pi)
    matrices = {
        "full softmax": softmax,
        "reduced map": softmax[:-1, :-1],
        "sum-zero": basis.mT @ softmax @ basis,
    }
    family = _Family("jacobian", alpha[None], (_text(alpha.tolist()),))
    for name, matrix in matrices.items():
        ratio = torch.linalg.det(matrix) / pi.prod()
        yield from family.rows(name, "determinant_over_product", ratio[None])


def _expectations(
    law: LogisticNormal, alpha: Tensor, points: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and standard deviation of π, both `[A, K]`, and KL(law ‖ Dirichlet(α)) `[A]`.

    Let y be the coordinates of the logits that sum to zero; the KL is that of y. In y the
    Dirichlet's density is √K/B(α) Π_k π_k^{α_k}, whose logarithm varies little near its mode; y's
    entropy is exact.

    Args:
        law: a batch of A distributions.
        alpha: α, `[A, K]`.
        points: standard normal, `[N, K − 1]`, the same for all distributions.
    """
    parts = []
    normal, block = law.gaussian, max(1, _BLOCK // (len(points) * alpha.shape[-1]))
    for loc, factor, a in zip(
        *(tensor.split(block) for tensor in (normal.loc, normal.scale_tril, alpha)), strict=True
    ):
        log_pi = log_softmax((loc[:, None] + points @ factor.mT) @ law.basis.mT)  # [A, N, K]
        energy = -(log_pi @ a[..., None]).mean((-2, -1))
        pi = log_pi.exp()
        parts.append((pi.mean(-2), pi.std(-2), energy))
    mean, std, energy = (torch.cat(part) for part in zip(*parts, strict=True))
    constant = alpha.sum(-1).lgamma() - alpha.lgamma().sum(-1) + math.log(alpha.shape[-1]) / 2
    return mean, std, energy - constant - normal.entropy()


def _normal_points(count: int, K: int, seed: int) -> Tensor:
    """Return scrambled Sobol' points of a standard normal, `[count, K − 1]`."""
    engine = SobolEngine(K - 1, scramble=True, seed=derive(seed, "bridge", "points", K))
    # Points are multiples of 2⁻³⁰ and may be zero.
    normal: Tensor = ndtri(engine.draw(count, dtype=torch.float64) + 2.0**-31)
    return normal


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _text(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:g}" for number in numbers)
