"""Correlated gates against scipy's bivariate normal; 4.5 standard errors, a false alarm of 7e-6
each.
"""

import math
from collections.abc import Mapping

import pytest
import torch
from scipy.stats import multivariate_normal, norm, spearmanr

from reinrelax.config.declared import COLUMNS
from reinrelax.errors import InputError
from reinrelax.experiments.copula import measure as copula
from reinrelax.experiments.copula.experiment import Copula
from tests.conftest import unchecked

SPEC = Copula(
    probs=((0.2, 0.4, 0.4), (0.3, 0.5, 0.2)),
    correlation=((1.0, 0.5, 0.3), (0.5, 1.0, 0.7), (0.3, 0.7, 1.0)),
    tau=0.1,
    samples=40_000,
    shown=7,
)
PAIRS = ((0, 1), (0, 2), (1, 2))
Tables = dict[str, list[copula.Row]]
Found = dict[tuple[object, ...], Mapping[str, float]]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return copula.measure(SPEC)


@pytest.fixture(scope="module")
def found(tables: Tables) -> Found:
    return by_key(tables["gates"])


def by_key(rows: list[copula.Row]) -> Found:
    out = {(row["quantity"], row.get("row"), row["i"], row.get("j")): row for row in rows}
    assert len(out) == len(rows)
    return out  # type: ignore[return-value]


def z_of(row: Mapping[str, float]) -> float:
    return abs(row["value"] - row["expected"]) / ((row["high"] - row["low"]) / 2 / 1.96)


def test_rows_are_tidy_and_repeat(tables: Tables) -> None:
    for name, rows in tables.items():
        assert all(set(row) <= set(COLUMNS[name]) for row in rows)
    assert tables == copula.measure(SPEC)
    assert tables != copula.measure(SPEC, seed=1)
    assert len(tables["gates"]) == 3 + 2 * (2 * 3 + 4 * 3)
    assert len(tables["gate_samples"]) == 2 * 7 * 3
    assert {row["sample"] for row in tables["gate_samples"]} == set(range(7))


def test_samples_agree_with_the_law(found: Found) -> None:
    compared = [row for row in found.values() if "low" in row]
    assert len(compared) == 36
    assert max(map(z_of, compared)) < 4.5
    assert all(row["low"] < row["value"] < row["high"] for row in compared)


def test_expected_gate_correlations_are_those_of_orthants(found: Found) -> None:
    for row, probs in enumerate(SPEC.probs):
        for i, j in PAIRS:
            p, q = probs[i], probs[j]
            rho = SPEC.correlation[i][j]
            both = multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf([norm.ppf(p), norm.ppf(q)])
            truth = (both - p * q) / math.sqrt(p * (1 - p) * q * (1 - q))
            assert found["gate_correlation", row, i, j]["expected"] == pytest.approx(
                truth, abs=1e-6
            )


def test_published_values_of_the_demonstration(found: Found) -> None:
    eigenvalues = [found["eigenvalue", None, i, None]["value"] for i in range(3)]
    assert eigenvalues == pytest.approx([0.261, 0.721, 2.018], abs=1e-3)
    expected = {
        ("gate_correlation", 0): (0.296, 0.172, 0.491),
        ("gate_correlation", 1): (0.313, 0.171, 0.396),
        ("relaxed_correlation", 0): (0.325, 0.189, 0.536),
        ("relaxed_correlation", 1): (0.343, 0.188, 0.436),
        ("rank_correlation", 0): (0.483, 0.288, 0.683),
    }
    for (quantity, row), values in expected.items():
        ours = [found[quantity, row, i, j]["expected"] for i, j in PAIRS]
        assert ours == pytest.approx(values, abs=1e-3), quantity


def test_expected_mean_is_that_over_logistic_noise(found: Found) -> None:
    x = torch.linspace(-40, 40, 8001, dtype=torch.float64)
    density = torch.sigmoid(x) * torch.sigmoid(-x)
    for row, probs in enumerate(SPEC.probs):
        for i, p in enumerate(probs):
            gate = torch.sigmoid((math.log(p / (1 - p)) + x) / SPEC.tau)
            mean = torch.trapezoid(gate * density, x)
            assert found["mean", row, i, None]["expected"] == pytest.approx(mean.item(), abs=1e-9)


@pytest.mark.parametrize("tau", [0.02, 0.1, 1.0])
def test_quadrature_has_converged(tau: float, monkeypatch: pytest.MonkeyPatch) -> None:
    R = torch.tensor(SPEC.correlation, dtype=torch.float64)
    probs = torch.tensor([0.02, 0.5, 0.3], dtype=torch.float64)
    coarse = copula._relaxed_moments(probs, R, tau)
    monkeypatch.setattr(copula, "_POINTS", 1201)
    for a, b in zip(coarse, copula._relaxed_moments(probs, R, tau), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4 if tau < 0.1 else 1e-10)


def test_rank_correlation_is_spearmans() -> None:
    """Of 40,000 samples; ranks instead of U change it by much less than its error, 4e-3."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(40_000, 2, generator=generator, dtype=torch.float64)
    scores[:, 1] = 0.6 * scores[:, 0] + 0.8 * scores[:, 1]
    (row,) = copula._correlations("", torch.special.ndtr(scores), torch.zeros(1))
    assert row["value"] == pytest.approx(spearmanr(scores.numpy()).statistic, abs=2e-3)


def test_intervals_of_correlations_cover() -> None:
    """Of signs of normals, whose correlation is 2/π asin ρ: 500 times, 95% ± 4.5 standard errors of
    1%.
    """
    generator = torch.Generator().manual_seed(0)
    truth = 2 / math.pi * math.asin(0.8)
    covered = 0
    for _ in range(500):
        x = torch.randn(400, 2, generator=generator, dtype=torch.float64)
        x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
        (row,) = copula._correlations("", (x > 0).double(), torch.zeros(1))
        low, high = row["low"], row["high"]
        assert isinstance(low, float)
        assert isinstance(high, float)
        covered += low < truth < high
    assert covered / 500 == pytest.approx(0.95, abs=0.045)


def test_the_scores_correlation_is_not_that_of_the_gates(found: Found) -> None:
    """Expecting R of the gates themselves would be noticed, and so would another R of the
    scores.
    """
    for row in (0, 1):
        for i, j in PAIRS:
            R = SPEC.correlation[i][j]
            for quantity in ("gate_correlation", "relaxed_correlation"):
                assert z_of({**found[quantity, row, i, j], "expected": R}) > 20
            assert z_of({**found["score_correlation", row, i, j], "expected": R + 0.05}) > 4.5


def test_one_gate_has_no_pairs_and_a_bad_matrix_is_refused() -> None:
    tables = copula.measure(Copula(((0.3,),), ((1.0,),), 0.5, 1000, 2))
    assert {row["quantity"] for row in tables["gates"]} == {"eigenvalue", "probability", "mean"}
    with pytest.raises(InputError, match="positive definite"):
        copula.measure(unchecked(SPEC, probs=((0.3, 0.4),), correlation=((1.0, 1.2), (1.2, 1.0))))
