"""Figures 7 and 8 against the law of the hard sample and against bootstraps, and planted
temperatures.
"""

import math
from collections.abc import Mapping

import pytest
import torch
from scipy.stats import f as f_law
from torch import Tensor

from reinrelax.config.declared import COLUMNS
from reinrelax.distributions.functions import gumbel, one_hot_argmax
from reinrelax.experiments.decoupled import measure as temperatures
from reinrelax.experiments.decoupled.experiment import Decoupled

SPEC = Decoupled(
    sharpness_logits=(1.0, 1.0, 0.5, -0.5),
    sharpness_taus=(0.01, 0.1, 1.0, 10.0, 100.0),
    logits=(2.0, 1.0, 0.5, -0.5),
    forward=(0.1, 0.4, 0.7, 1.0),
    backward=(0.5, 1.0, 2.0),
    samples=2000,
    draws=20_000,
)
QUANTITIES = ("entropy", "variance", "max_probability", "distance")
Tables = dict[str, list[temperatures.Row]]
Found = dict[tuple[object, ...], Mapping[str, float]]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return temperatures.measure(SPEC)


def by(rows: list[temperatures.Row], *keys: str) -> Found:
    out = {tuple(row.get(key) for key in keys): row for row in rows}
    assert len(out) == len(rows)
    return out  # type: ignore[return-value]


def keys_of(count: int) -> Tensor:
    logits = torch.tensor(SPEC.logits, dtype=torch.float64)
    return logits + gumbel(temperatures._noise(logits, count, "test"))


def test_rows_are_tidy_and_repeat(tables: Tables) -> None:
    for name, rows in tables.items():
        assert all(set(row) <= set(COLUMNS[name]) for row in rows)
        assert all(math.isfinite(row["value"]) for row in rows)  # type: ignore[arg-type]
    assert tables == temperatures.measure(SPEC)
    other = temperatures.measure(SPEC, seed=1)
    assert all(tables[name] != other[name] for name in ("sharpness", "temperatures"))
    assert len(tables["temperatures"]) == 4 * 3 * 4


def test_sharpness_goes_from_the_hard_sample_to_uniform(tables: Tables) -> None:
    found = by(tables["sharpness"], "tau", "quantity", "category")
    probability = torch.tensor(SPEC.sharpness_logits, dtype=torch.float64).softmax(-1).tolist()
    for tau in SPEC.sharpness_taus:
        one = [found[tau, "one draw", k]["value"] for k in range(4)]
        assert sum(one) == pytest.approx(1)
        # The same draw at every τ: its order does not change.
        assert sorted(range(4), key=one.__getitem__)[-1] == max(
            range(4), key=lambda k: found[1.0, "one draw", k]["value"]
        )
        assert [found[tau, "probability", k]["value"] for k in range(4)] == pytest.approx(
            probability
        )
    for k in range(4):
        cold = found[0.01, "mean", k]
        assert abs(cold["value"] - probability[k]) < 4.5 / 1.96 * (cold["high"] - cold["value"])
        # At τ = 1 the mean soft sample is not what the hard sample follows.
        assert abs(found[1.0, "mean", k]["value"] - probability[k]) > 0.015
        assert found[100.0, "mean", k]["value"] == pytest.approx(0.25, abs=5e-3)


def test_the_grid_holds_the_quantities_of_figure_8(tables: Tables) -> None:
    """Whatever the row; 4.5 standard errors, 7e-6 each, beside 0.002 for values known to three
    digits.
    """
    expected = {
        "entropy": (1.115, 1.207, 1.309),
        "variance": (0.0838, 0.0485, 0.0190),
        "max_probability": (0.806, 0.654, 0.488),
        "distance": (0.097, 0.173, 0.256),
    }
    found = by(tables["temperatures"], "quantity", "tau_forward", "tau_backward")
    for quantity, values in expected.items():
        for forward in SPEC.forward:
            for backward, value in zip(SPEC.backward, values, strict=True):
                row = found[quantity, forward, backward]
                half = row["high"] - row["value"]
                assert 0 < half < 0.05
                assert abs(row["value"] - value) < 4.5 / 1.96 * half + 0.002, (
                    quantity,
                    forward,
                    backward,
                )
    for forward in SPEC.forward:
        for backward in SPEC.backward:
            largest = found["max_probability", forward, backward]["value"]
            assert found["distance", forward, backward]["value"] == pytest.approx((1 - largest) / 2)
    # Every cell has its own noise.
    assert len({row["value"] for row in tables["temperatures"]}) == len(tables["temperatures"])


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_intervals_are_as_wide_as_a_bootstraps(quantity: str) -> None:
    """Standard errors within 15% of those of 400 resamples, whose own relative error is 3.5%."""
    keys = keys_of(1000)
    values = temperatures._influences(keys, 0.5, 0.7)[quantity]
    generator = torch.Generator().manual_seed(0)
    resampled = [
        temperatures._influences(
            keys[torch.randint(len(keys), (len(keys),), generator=generator)], 0.5, 0.7
        )[quantity].mean()
        for _ in range(400)
    ]
    error = values.std() / len(values) ** 0.5
    assert torch.stack(resampled).std().item() == pytest.approx(error.item(), rel=0.15)


def test_quantities_by_their_definitions() -> None:
    keys = keys_of(500)
    soft, hard = (keys / 0.7).softmax(-1), one_hot_argmax(keys)
    mean = soft.mean(0)
    by_definition = {
        "entropy": -(mean * mean.log()).sum(),
        "variance": soft.var(0, correction=0).mean(),
        "max_probability": soft.max(-1).values.mean(),
        "distance": (hard - soft).abs().mean(),
    }
    for quantity, value in by_definition.items():
        torch.testing.assert_close(temperatures._influences(keys, 0.3, 0.7)[quantity].mean(), value)


def test_the_forward_temperature_does_nothing(tables: Tables) -> None:
    rows = [row for row in tables["inert"] if row.get("tau_forward") is not None]
    found = by(rows, "tau_forward", "quantity")
    assert {tau for tau, _ in found} == {*SPEC.forward, 0.01, 10.0, 100.0}
    for (_, quantity), row in found.items():
        if quantity == "gradient_difference":
            assert row["value"] == 0
        elif quantity == "disagreements":
            assert (
                row["value"]
                <= found[row["tau_forward"], "ties"]["value"] + found[1.0, "ties"]["value"]
            )
    assert sum(row["value"] for (_, quantity), row in found.items() if quantity == "ties") <= 2


def test_ties_of_float32_are_found_where_there_are_any() -> None:
    """At τ_f = 10⁶ keys are rounded away: 1% of hard samples change, all of them by ties."""
    spec = Decoupled((1.0,), (1.0,), SPEC.logits, (1.0, 1e6), (1.0,), 100, 50_000)
    found = by(temperatures.measure(spec)["inert"], "tau_forward", "quantity")
    assert 100 < found[1e6, "disagreements"]["value"] < found[1e6, "ties"]["value"]
    assert found[1e6, "gradient_difference"]["value"] == 0


def test_hard_samples_follow_softmax_of_the_logits() -> None:
    """|z| < 4.5 at every τ_f; Categorical(softmax(l/τ_f)) is far from it."""
    probability = torch.tensor(SPEC.logits, dtype=torch.float64).softmax(-1)
    keys = keys_of(20_000)
    for forward in (0.1, 1.0, 10.0):
        hard = temperatures._hard(keys, forward)
        error = (probability * (1 - probability) / len(hard)).sqrt()
        assert ((hard.mean(0) - probability) / error).abs().max() < 4.5
    assert (
        probability - (torch.tensor(SPEC.logits, dtype=torch.float64) / 0.1).softmax(-1)
    ).abs().max() > 0.3


def grid_of(cells: Tensor) -> list[temperatures.Row]:
    return [{"quantity": "entropy", "value": value} for value in cells.flatten().tolist()]


def test_analysis_of_variance_finds_the_backward_temperature_alone(tables: Tables) -> None:
    found = by(tables["inert"], "tau_forward", "quantity")
    for quantity in QUANTITIES:
        forward, backward = (
            found[None, f"F {name}, {quantity}"] for name in ("forward", "backward")
        )
        assert forward["expected"] == pytest.approx(f_law.ppf(0.99, 3, 6))
        assert backward["expected"] == pytest.approx(f_law.ppf(0.99, 2, 6))
        assert forward["value"] < f_law.ppf(1 - 1e-4, 3, 6)
        assert backward["value"] > f_law.ppf(1 - 1e-4, 2, 6)


def test_analysis_of_variance_by_hand_with_a_planted_effect() -> None:
    """Sums of squares term by term; F forward of pure noise exceeds its 1% value in 1% of 1,000
    grids.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1000, 5, 4, generator=generator, dtype=torch.float64)
    columns = torch.arange(4, dtype=torch.float64)
    critical = f_law.ppf(0.99, 4, 12)
    values = []
    for cells in noise + columns:
        forward, backward = (
            float(row["value"]) for row in temperatures._analysis(grid_of(cells), 5, 4)
        )  # type: ignore[arg-type]
        values.append(forward)
        assert backward > 0
    assert sum(value > critical for value in values) / 1000 == pytest.approx(0.01, abs=4.5 * 0.0032)
    cells = noise[0] + columns
    grand = cells.mean()
    rows = sum(4 * (cells[i].mean() - grand) ** 2 for i in range(5)) / 4
    rest = sum(
        (cells[i, j] - cells[i].mean() - cells[:, j].mean() + grand) ** 2
        for i in range(5)
        for j in range(4)
    )
    assert values[0] == pytest.approx(float(rows / (rest / 12)))
    planted = cells + 2 * torch.arange(5)[:, None]
    forward = next(iter(temperatures._analysis(grid_of(planted), 5, 4)))
    assert forward["value"] > critical  # type: ignore[operator]


def test_a_forward_temperature_that_acts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With noise of scale one added after a division by τ_f, as some read the formula."""

    def acting(keys: Tensor, forward: float) -> Tensor:
        logits = torch.tensor(SPEC.logits, dtype=keys.dtype)
        return one_hot_argmax(logits / forward + (keys - logits))

    monkeypatch.setattr(temperatures, "_hard", acting)
    found = by(temperatures.measure(SPEC)["inert"], "tau_forward", "quantity")
    assert found[0.1, "disagreements"]["value"] > 1000
    forward = found[None, "F forward, distance"]
    assert forward["value"] > forward["expected"]


def test_a_grid_of_one_row_has_no_analysis() -> None:
    spec = Decoupled((1.0, 0.0), (1.0,), SPEC.logits, (1.0,), (0.5, 1.0), 50, 100)
    assert all(row["tau_forward"] for row in temperatures.measure(spec)["inert"])
