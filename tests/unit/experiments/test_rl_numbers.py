"""Scores and curves of reinforcement learning, from returns whose scores are known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from reinrelax.experiments.policy_gradient import tables as rl
from tests.conftest import ROOT

EPISODES = 200


def episodes(
    returns: dict[str, np.ndarray], environment: str = "CartPole-v1", cap: int = 70
) -> pd.DataFrame:
    """Rows of returns `[S, E]` by algorithm."""
    rows = []
    for algorithm, table in returns.items():
        for seed, episode in product(range(table.shape[0]), range(table.shape[1])):
            value = table[seed, episode]
            line = {"environment": environment, "cap": cap, "algorithm": algorithm, "seed": seed}
            line |= {
                "episode": episode + 1,
                "return": value,
                "length": 10,
                "terminated": 1,
                "truncated": 0,
            }
            rows.append({**line, "diverged": int(not np.isfinite(value))})
    return pd.DataFrame(rows)


def rising(slope: float, level: float = 10.0, seeds: int = 6, noise: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(int(1000 * slope) + int(level))
    return level + slope * np.arange(EPISODES) + noise * generator.normal(size=(seeds, EPISODES))


def test_the_running_mean_keeps_an_eighth_of_the_first_return() -> None:
    returns = np.zeros((1, EPISODES))
    returns[0, 0] = 100.0
    assert rl.running_mean(returns)[0, -1] == pytest.approx(100 * 0.99**199)
    assert rl.figure3(episodes({"RELAX": returns}))["start"].iloc[-1] == pytest.approx(
        100 * 0.99**199
    )


def test_scores_of_a_straight_line() -> None:
    found = rl.scores(episodes({"RELAX": rising(0.1)})).iloc[0]
    assert found["first"] == pytest.approx(10 + 0.1 * 4.5)
    assert found["final"] == pytest.approx(10 + 0.1 * 174.5)
    assert found["slope"] == pytest.approx(10.0)
    assert found["roughness"] == pytest.approx(0.0, abs=1e-9)
    assert found["running_drop"] == 0.0
    assert found["running_plateaus"] == 0.0


def test_a_fall_and_a_plateau_are_seen() -> None:
    up_and_down = np.concatenate((np.full(100, 50.0), np.full(100, 0.0)))[None]
    flat = np.full((1, EPISODES), 3.0)
    found = rl.scores(episodes({"RELAX": up_and_down, "A2C": flat})).set_index("algorithm")
    assert found.loc["RELAX", "running_drop"] == pytest.approx(1.0)
    assert found.loc["RELAX", "running_plateaus"] == 1.0
    assert np.isnan(found.loc["A2C", "running_linearity"])


def test_a_diverged_seed_is_told_and_not_averaged() -> None:
    returns = rising(0.1)
    returns[2, 120:] = np.nan
    scored = rl.scores(episodes({"RELAX": returns}))
    assert scored["diverged"].tolist() == [False, False, True, False, False, False]
    line = rl.summary(scored, ROOT).set_index("score").loc["final"]
    assert (line["seeds"], line["diverged"]) == (5, 1)
    assert rl.curves(episodes({"RELAX": returns}))["seeds"].unique().tolist() == [5]


def test_bootstrap_intervals_of_curves_cover_the_mean() -> None:
    inside = []
    for trial in range(40):
        generator = np.random.default_rng(trial)
        table = rl.curves(episodes({"RELAX": generator.normal(size=(30, 5))}))
        raw = table[table["curve"] == "return"]
        inside += ((raw["ci_low"] < 0) & (raw["ci_high"] > 0)).tolist()
    # 95% at 30 seeds is a little less by percentiles; 200 intervals scatter by 1.6%.
    assert 0.87 < np.mean(inside) < 0.985


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end() -> None:
    returns = np.tile(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0])[:, None], (1, 4))
    assert rl.curves(episodes({"RELAX": returns}))["iqm"].iloc[0] == 3.5


def test_improvement_is_over_pairs_of_runs() -> None:
    better = {"RELAX": rising(0.2, noise=1.0), "REINFORCE": rising(0.1, noise=1.0)}
    found = rl.improvement(rl.scores(episodes(better)))
    line = found[(found["algorithm"] == "RELAX") & (found["score"] == "final")].iloc[0]
    assert (line["probability"], line["ci_low"], line["ci_high"]) == (1.0, 1.0, 1.0)
    alike = {"RELAX": rising(0.1, noise=5.0), "REINFORCE": rising(0.1, level=10.001, noise=5.0)}
    found = rl.improvement(rl.scores(episodes(alike)))
    line = found[(found["algorithm"] == "RELAX") & (found["score"] == "area")].iloc[0]
    assert line["ci_low"] < 0.5 < line["ci_high"]


def test_gradient_variances_are_compared_on_the_same_episodes() -> None:
    rows = [
        {
            "environment": "e",
            "cap": 1,
            "algorithm": "RELAX",
            "seed": seed,
            "episode": 0,
            "rollouts": 8,
        }
        | {"quantity": quantity, "value": value * (1 + seed)}
        for seed in range(3)
        for quantity, value in (("variance", 1.0), ("variance_reinforce", 4.0), ("norm", 9.0))
    ]
    found = rl.gradients(pd.DataFrame(rows)).set_index("quantity")
    assert found.loc["ratio", "mean"] == pytest.approx(0.25)
    assert found.loc["ratio", "ci_high"] == pytest.approx(0.25)


def test_nothing_gives_headers() -> None:
    empty = episodes({"RELAX": np.zeros((1, 1))}).iloc[:0]
    for make in (rl.scores, rl.curves, rl.figure3):
        assert make(empty).empty
    assert rl.summary(rl.scores(empty), ROOT).empty
    assert rl.improvement(rl.scores(empty)).empty
