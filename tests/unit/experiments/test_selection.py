"""How optimistic a chosen mean is: against simulation, in exact cases, and on the authors' own
search.
"""

import math

import numpy as np
import pytest

from reinrelax.experiments.discrete_vae.selection import SEEDS, optimism, selection
from reinrelax.results.labels import published_settings, reference
from tests.conftest import ROOT


def test_one_setting_is_chosen_without_optimism() -> None:
    found, chance = optimism(np.array([3.0]), np.array([0.5]))
    assert found == pytest.approx(0, abs=1e-12)
    assert chance == pytest.approx([1.0])


def test_two_equal_settings_have_the_known_optimism() -> None:
    """E min of two standard normals is −1/√π."""
    found, chance = optimism(np.array([7.0, 7.0]), np.array([0.3, 0.3]))
    assert found == pytest.approx(0.3 / math.sqrt(math.pi), rel=1e-6)
    assert chance == pytest.approx([0.5, 0.5], rel=1e-6)


def test_a_setting_far_below_the_others_has_none() -> None:
    found, chance = optimism(np.array([1.0, 100.0, 200.0]), np.array([0.1, 5.0, 2.0]))
    assert found == pytest.approx(0, abs=1e-12)
    assert chance == pytest.approx([1.0, 0.0, 0.0], abs=1e-12)


def test_the_integral_is_what_simulation_finds() -> None:
    """2,000,000 searches of six settings: within five standard errors."""
    means = np.array([100.0, 100.1, 100.15, 100.5, 101.0, 100.2])
    errors = np.array([0.1, 0.2, 0.3, 0.6, 0.1, 0.05])
    found, chance = optimism(means, errors)
    drawn = np.random.default_rng(0).normal(means, errors, size=(2_000_000, 6))
    best = drawn.argmin(1)
    lost = means[best] - drawn.min(1)
    assert abs(found - lost.mean()) < 5 * lost.std() / math.sqrt(len(lost))
    for index, share in enumerate(chance):
        assert abs(share - (best == index).mean()) < 5 * math.sqrt(max(share, 1e-6) / len(best))


def test_the_authors_chose_what_their_search_found_lowest() -> None:
    found = selection(ROOT).set_index("latent")
    table5 = published_settings(ROOT)
    table2 = {
        (row["estimator"], row["latent"]): row for row in reference(ROOT, "table2_train_elbo")
    }
    assert set(found.index) == {
        latent for estimator, latent in table5 if estimator == "ReinMax-Rao"
    }
    for latent, line in found.iterrows():
        setting = table5["ReinMax-Rao", str(latent)]
        expected = f"{setting['optimizer']}, {setting['learning_rate']}, τ {setting['tau']}"
        assert line["best"] == expected
        printed = table2["ReinMax-Rao", str(latent)]
        assert line["mean"] == pytest.approx(float(printed["mean"]), abs=0.005001)
        assert line["plus_minus"] == pytest.approx(float(printed["plus_minus"]), abs=0.005001)
        assert line["mean"] < line["second_mean"]
        assert 0 < line["optimism"] < 3 * line["plus_minus"]
        assert 0 < line["chosen_again"] < 1
    rows = reference(ROOT, "authors_reinmax_rao_grid")
    assert found["searched"].sum() + found["left_out"].sum() == len(rows)
    assert found["searched"].sum() <= sum(int(row["seeds"]) == SEEDS for row in rows)
