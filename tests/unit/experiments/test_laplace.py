"""The bridge's losses against quadrature and torch, and the two misprints and the one misreading
found.
"""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Dirichlet

from reinrelax.config.declared import COLUMNS
from reinrelax.distributions import LogisticNormal
from reinrelax.distributions.laplace_bridge import (
    dirichlet_of,
    logistic_normal_of,
    to_dirichlet,
    to_gaussian,
)
from reinrelax.experiments.laplace_bridge import measure as laplace
from reinrelax.experiments.laplace_bridge.experiment import Bridge
from tests.helpers.integrals import on_simplex, z_score

SPEC = Bridge(
    shown=((8.0, 3.0, 2.0), (5.0, 2.0, 2.0)),
    sizes=(3, 5),
    random=6,
    totals=(0.5, 3.0, 30.0, 300.0),
    steps=40,
    samples=4000,
)
ALPHA = torch.tensor([8.0, 3.0, 2.0], dtype=torch.float64)
Tables = dict[str, list[laplace.Row]]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return laplace.measure(SPEC)


def of(tables: Tables, quantity: str, **where: object) -> list[float]:
    """The values of one quantity."""
    where["quantity"] = quantity
    return [row["value"] for row in tables["bridge"] if where.items() <= row.items()]  # type: ignore[misc]


def one(
    tables: Tables, quantity: str, law: str, alpha: str = "8 3 2", family: str = "shown"
) -> float:
    (value,) = of(tables, quantity, law=law, alpha=alpha, family=family)
    return value


def law_of(name: str) -> LogisticNormal:
    mu, sigma = to_gaussian(ALPHA)
    return LogisticNormal(mu, laplace._COVARIANCES[name](sigma))


def test_rows_are_tidy_finite_and_repeat(tables: Tables) -> None:
    for name, rows in tables.items():
        assert all(set(row) == set(COLUMNS[name]) for row in rows)
    assert all(math.isfinite(row["value"]) for row in tables["bridge"])  # type: ignore[arg-type]
    assert tables == laplace.measure(SPEC)
    other = laplace.measure(SPEC, seed=1)
    assert tables["bridge"] != other["bridge"]
    assert tables["densities"] == other["densities"]


def test_families_hold_what_was_asked_for(tables: Tables) -> None:
    for size in SPEC.sizes:
        texts = {
            row["alpha"]
            for row in tables["bridge"]
            if row["family"] == "random" and row["size"] == size
        }
        assert 1 < len(texts) <= SPEC.random
        for text in texts:
            entries = [int(entry) for entry in str(text).split()]
            assert len(entries) == size
            assert set(entries) <= set(range(1, 10))
    scaled = {(row["alpha"], row["total"]) for row in tables["bridge"] if row["family"] == "scaled"}
    assert {alpha for alpha, _ in scaled} == {"8 3 2", "5 2 2", "1 1 1"}
    for alpha in ("8 3 2", "5 2 2", "1 1 1"):
        totals = [total for shape, total in scaled if shape == alpha]
        assert sorted(totals) == pytest.approx(SPEC.totals)  # type: ignore[type-var]


@pytest.mark.parametrize("alpha", ["8 3 2", "5 2 2"])
def test_densities_integrate_to_one_and_show_the_round_trip(tables: Tables, alpha: str) -> None:
    laws: dict[object, list[laplace.Row]] = {}
    for row in tables["densities"]:
        if row["alpha"] == alpha:
            laws.setdefault(row["law"], []).append(row)
    assert len(laws) == 6
    densities = {}
    for law, rows in laws.items():
        x, y, density = (
            torch.tensor([row[key] for row in rows], dtype=torch.float64)
            for key in ("x", "y", "density")
        )
        assert len(rows) == SPEC.steps * (SPEC.steps + 1) / 2
        assert torch.stack((x, y, 1 - x - y)).min() > 0
        # α_3 = 2 leaves a Dirichlet's density a kink at the edge, and the sum 1/steps² too large.
        assert density.sum().item() / SPEC.steps**2 == pytest.approx(1, abs=4e-3)
        densities[law] = density
    torch.testing.assert_close(densities["Dirichlet back"], densities["Dirichlet"])
    assert (densities["Dirichlet back, printed"] / densities["Dirichlet"]).log().abs().max() > 1
    assert densities["as drawn"].max() > 3 * densities["Dirichlet"].max()


@pytest.mark.parametrize("name", laplace._COVARIANCES)
def test_quantities_are_those_of_quadrature_and_of_plain_samples(tables: Tables, name: str) -> None:
    """Quadrature by the trapezoid rule; the samples' z-test allows 4.5 standard errors, 7e-6."""
    law, dirichlet = law_of(name), Dirichlet(ALPHA)

    def ratio(z: Tensor) -> Tensor:
        return law.log_prob(z) - dirichlet.log_prob(z)

    to, back = one(tables, "kl_to_law", name), one(tables, "kl_from_law", name)
    assert to == pytest.approx(-on_simplex(dirichlet.log_prob, ratio).item(), abs=1e-5)
    assert back == pytest.approx(on_simplex(law.log_prob, ratio).item(), abs=2e-3)
    mean = torch.stack([on_simplex(law.log_prob, lambda z, k=k: z[..., k]) for k in range(3)])
    square = torch.stack(
        [on_simplex(law.log_prob, lambda z, k=k: z[..., k] ** 2) for k in range(3)]
    )
    ours = one(tables, "mean_error", name), one(tables, "std_ratio", name)
    std_ratio = ((square - mean**2).sqrt() / dirichlet.stddev).mean()
    assert ours[0] == pytest.approx((mean - dirichlet.mean).abs().max().item(), abs=2e-4)
    assert ours[1] == pytest.approx(std_ratio.item(), abs=2e-3)
    samples = law.sample((20_000,), generator=torch.Generator().manual_seed(0))
    assert z_score(ratio(samples), back) < 4.5
    assert z_score(samples, mean) < 4.5


def test_a_covariance_taken_for_a_deviation_is_much_too_narrow(tables: Tables) -> None:
    expected = {"logistic-normal": 0.101, "diagonal": 0.318, "as drawn": 5.198}
    for law, value in expected.items():
        assert one(tables, "kl_to_law", law) == pytest.approx(value, abs=2e-3)
    assert one(tables, "std_ratio", "logistic-normal") == pytest.approx(1.045, abs=5e-3)
    assert one(tables, "std_ratio", "as drawn") < 0.45
    # The same mistake in our words: Σ_kk where √Σ_kk is due.
    mu, sigma = to_gaussian(ALPHA)
    std = sigma.diagonal()
    literal = LogisticNormal(mu, torch.diag(std) @ torch.diag(std))
    torch.manual_seed(0)
    z = Dirichlet(ALPHA).sample((20_000,))
    difference = Dirichlet(ALPHA).log_prob(z) - literal.log_prob(z)
    assert z_score(difference, one(tables, "kl_to_law", "as drawn")) < 4.5
    assert z_score(difference, one(tables, "kl_to_law", "diagonal")) > 20


def test_only_both_misprints_mended_make_an_inverse(tables: Tables) -> None:
    both = of(tables, "round_trip_error", law="right")
    assert len(both) == 2 + 2 * 6 + 3 * 4
    assert max(both) < 1e-12
    for law in ("printed", "printed, exponent corrected", "printed, factor corrected"):
        errors = of(tables, "round_trip_error", law=law)
        assert len(errors) == len(both)
        assert min(errors) > 0.1


def test_half_mended_inverses_by_hand() -> None:
    """α = (2, 3, 5): what each of the four formulas gives, computed term by term."""
    alpha = [2.0, 3.0, 5.0]
    mu, sigma = to_gaussian(torch.tensor(alpha, dtype=torch.float64))
    variance = sigma.diagonal()
    for law, exponent, factor in (
        ("right", 1, 1),
        ("printed", -1, 2),
        ("printed, exponent corrected", 1, 2),
        ("printed, factor corrected", -1, 1),
    ):
        by_hand = [
            (1 - 2 / 3 + factor / 9 * sum(alpha[k] / a for a in alpha)) ** exponent
            / variance[k].item()
            for k in range(3)
        ]
        assert laplace._INVERSES[law](mu, variance).tolist() == pytest.approx(by_hand)
    assert laplace._INVERSES["printed"](mu, variance).tolist() == pytest.approx(
        [4.482, 4.330, 3.719], abs=1e-3
    )


def test_the_bridge_breaks_down_at_small_concentrations(tables: Tables) -> None:
    for alpha in ("8 3 2", "5 2 2", "1 1 1"):
        falling = of(tables, "kl_to_law", family="scaled", alpha=alpha, law="logistic-normal")
        assert falling == sorted(falling, reverse=True)
        assert falling[0] > 1
        assert falling[-1] < 0.01
        # Independent logits never become right: for α_1 = α_2 = α_3 they lack a third of the
        # variance on the sum-zero space, and KL ½ − log 3/2 stays.
        stays = of(tables, "kl_to_law", family="scaled", alpha=alpha, law="diagonal")[-1]
        assert stays == pytest.approx(0.5 - math.log(1.5), abs=0.02)


def test_gaussians_of_no_dirichlet_come_back_changed(tables: Tables) -> None:
    mu, s2 = torch.zeros(3, dtype=torch.float64), 0.1
    covariance = s2 * (torch.eye(3, dtype=torch.float64) - 1 / 3)
    alpha = to_dirichlet(mu, covariance.diagonal())
    assert alpha.tolist() == pytest.approx([1 / s2] * 3)
    # μ = 0 is on the bridge, so all that is lost is what a Dirichlet of its total loses.
    text = "s² = 0.1, μ = 0 0 0"
    on_bridge = one(tables, "kl_from_gaussian", "right", text, "gaussian")
    law = LogisticNormal(mu, covariance)
    truth = on_simplex(law.log_prob, lambda z: law.log_prob(z) - Dirichlet(alpha).log_prob(z))
    assert on_bridge == pytest.approx(truth.item(), abs=1e-3)
    assert one(tables, "mean_error", "right", text, "gaussian") < 1e-3
    for size in SPEC.sizes:
        right = of(tables, "kl_from_gaussian", family="gaussian", law="right", size=size)
        printed = of(tables, "kl_from_gaussian", family="gaussian", law="printed", size=size)
        assert len(right) == len(laplace._VARIANCES) * laplace._MEANS
        assert sum(right) < sum(printed)
        assert sorted(right)[len(right) // 2] > 10 * on_bridge


def test_determinants(tables: Tables) -> None:
    for law, value in (("full softmax", 0), ("reduced map", 1), ("sum-zero", 3)):
        ratios = of(tables, "determinant_over_product", law=law)
        assert ratios == pytest.approx([value] * 2, abs=1e-12)


def test_points_are_standard_normal_and_blocks_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = laplace._normal_points(4096, 5, 0)
    assert points.isfinite().all()
    # Far below the 1.6e-2 of independent draws.
    assert points.mean(0).abs().max() < 2e-3
    torch.testing.assert_close(
        points.T @ points / 4096, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-2
    )
    alpha = torch.tensor([[1.0, 2, 3, 4, 5], [3, 3, 3, 1, 9], [1, 1, 2, 2, 2]], dtype=torch.float64)
    law = LogisticNormal(*to_gaussian(alpha))
    whole = laplace._expectations(law, alpha, points)
    monkeypatch.setattr(laplace, "_BLOCK", 1)
    for a, b in zip(whole, laplace._expectations(law, alpha, points), strict=True):
        torch.testing.assert_close(a, b)


def test_the_gaussian_has_mode_and_curvature_of_its_dirichlet(tables: Tables) -> None:
    assert max(of(tables, "mode_error")) < 1e-12
    assert max(of(tables, "curvature_error")) < 1e-8


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_laws_cross_the_bridge_and_come_back(dtype: torch.dtype) -> None:
    """With a batch and a gradient; what Σ has along the sum of the logits does not count."""
    alpha = torch.tensor([[2.0, 3.0, 5.0], [8.0, 0.5, 1.0]], dtype=dtype).requires_grad_()
    law = logistic_normal_of(Dirichlet(alpha))
    back = dirichlet_of(law)
    assert law.batch_shape == back.batch_shape == (2,)
    assert back.concentration.dtype == dtype
    torch.testing.assert_close(back.concentration, alpha)
    (slope,) = torch.autograd.grad(back.concentration.sum(), alpha)
    assert slope.isfinite().all()
    moved = LogisticNormal(law.loc + 3, law.covariance_matrix + 0.7)
    torch.testing.assert_close(
        dirichlet_of(moved).concentration.to(dtype), back.concentration, rtol=1e-2, atol=0
    )
