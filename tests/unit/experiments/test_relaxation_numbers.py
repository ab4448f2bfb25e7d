"""Tables of paper A's VAEs, from rows and pictures whose content is known."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reinrelax.config.load import Config
from reinrelax.errors import ResultsError
from reinrelax.experiments.relaxed_vae import tables as relaxations
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells, table_path
from reinrelax.results.gather import TrainingResults
from tests.helpers.synthetic import RECORD

PARTS = {"train": 100.0, "relaxed": 90.0, "test": 110.0}


def rows_of(
    name: str, settings: list[dict[str, float]], seeds: int = 3, epochs: int = 2
) -> pd.DataFrame:
    """Own loss and bound that differ by seed, setting and epoch in known ways."""
    out = []
    for place, setting in enumerate(settings):
        for seed in range(seeds):
            for epoch in range(1, epochs + 1):
                line: dict[str, Any] = {
                    **dict.fromkeys(relaxations.HYPER),
                    **setting,
                    "run_id": f"{name}-{place}-{seed}",
                    "estimator": name,
                    "latent": "2x20",
                    "seed": seed,
                    "status": "ok",
                    "epoch": epoch,
                    "epochs": epochs,
                    "optimizer": "Adam",
                    "learning_rate": 0.001,
                }
                for part, level in PARTS.items():
                    value = level + seed + 10 * place - epoch
                    line |= {f"{part}_nelbo_nats": value, f"{part}_kl_nats": 7.0}
                    line[f"{part}_reconstruction_nats"] = value - 7.0
                out.append(line)
    return pd.DataFrame(out)


def gathered(*tables: pd.DataFrame) -> TrainingResults:
    return relaxations.labelled(
        TrainingResults(pd.concat(tables, ignore_index=True), pd.DataFrame())
    )


def test_settings_are_told_apart_and_averaged_over_seeds() -> None:
    found = relaxations.relaxations(
        gathered(
            rows_of("Relaxed-Bernoulli", [{"tau": 0.1}, {"tau": 0.5}]), rows_of("REINFORCE", [{}])
        ),
        baseline=np.nan,
    ).set_index("label")
    assert list(found.index) == [
        "Relaxed-Bernoulli, τ 0.1",
        "Relaxed-Bernoulli, τ 0.5",
        "REINFORCE",
    ]
    warm = found.loc["Relaxed-Bernoulli, τ 0.5"]
    # Mean over seeds 0, 1, 2 after the second epoch, one setting on.
    assert (warm["train"], warm["relaxed"], warm["test"]) == (109.0, 99.0, 119.0)
    assert warm["test_low"] == pytest.approx(119.0 - 4.302653 / 3**0.5)
    # The gap is taken seed by seed, so it does not scatter with them.
    assert (warm["gap"], warm["gap_low"], warm["gap_high"]) == (-20.0, -20.0, -20.0)
    assert (warm["section"], warm["latents"], warm["test_kl"]) == (
        "III.B",
        "Relaxed-Bernoulli",
        7.0,
    )


def test_a_diverged_seed_is_counted_and_not_averaged() -> None:
    rows = rows_of("REBAR", [{"tau": 0.5}])
    dead = (rows["seed"] == 2) & (rows["epoch"] == 2)
    metrics = [column for column in rows if column.endswith("_nats")]
    rows.loc[dead, metrics] = np.nan
    rows.loc[dead, "status"] = "diverged"
    line = relaxations.relaxations(gathered(rows), baseline=200.0).iloc[0]
    assert line["below_baseline"] == 91.5
    assert (line["seeds"], line["diverged"], line["test"]) == (2, 1, 108.5)


def test_curves_have_all_three_bounds() -> None:
    found = relaxations.curves(gathered(rows_of("STS", [{}])))
    assert set(found["metric"]) == {"train", "relaxed", "test"}
    own = found[found["metric"] == "test"].set_index("epoch")
    assert own["mean"].to_dict() == {1: 110.0, 2: 109.0}


def test_nothing_gives_headers() -> None:
    empty = relaxations.labelled(
        TrainingResults(pd.DataFrame(columns=[*rows_of("STS", [{}])]), pd.DataFrame())
    )
    assert relaxations.relaxations(empty, np.nan).empty
    assert relaxations.curves(empty).empty


def cell_with_pictures(config: Config, content: dict[str, Any]) -> Job:
    cell = cells(config)["relaxations/2x20/Correlated-Bernoulli"]
    path = table_path(config, cell.name)
    path.parent.mkdir(parents=True)
    path.write_text("run_id\n", encoding="utf-8")
    record = {**RECORD, "fingerprint": cell.fingerprint, "images_trained": 1}
    path.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    np.savez(
        path.with_suffix(".npz"), run_ids=np.array([run.run_id for run in cell.runs]), **content
    )
    return cell


def test_what_was_learned_is_read_entry_by_entry(load_config: Callable[..., Config]) -> None:
    config = load_config()
    count = len(cells(config)["relaxations/2x20/Correlated-Bernoulli"].runs)
    matrices = np.arange(count * 4.0).reshape(count, 2, 2)
    cell = cell_with_pictures(
        config, {"correlation": matrices, "probability": np.full((count, 2), 0.25)}
    )
    rows = rows_of("Correlated-Bernoulli", [{"tau": 0.1}], seeds=count)
    names = dict(zip(dict.fromkeys(rows["run_id"]), (run.run_id for run in cell.runs), strict=True))
    rows["run_id"] = rows["run_id"].map(names)
    found = relaxations.learned(config, gathered(rows))
    second = found[(found["quantity"] == "correlation") & (found["seed"] == 1)]
    assert second.set_index(["i", "j"])["value"].to_dict() == {
        (0, 0): 4,
        (0, 1): 5,
        (1, 0): 6,
        (1, 1): 7,
    }
    assert (found["quantity"] == "probability").sum() == 2 * count


def test_damaged_pictures_are_named(load_config: Callable[..., Config]) -> None:
    config = load_config()
    cell = cell_with_pictures(config, {})
    path = table_path(config, cell.name).with_suffix(".npz")
    path.write_bytes(b"not an archive")
    with pytest.raises(ResultsError, match=r"Correlated-Bernoulli\.npz"):
        list(relaxations.stored(config, [run.run_id for run in cell.runs]))
    assert not list(relaxations.stored(config, []))  # nobody asks for it
