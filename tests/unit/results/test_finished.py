"""A training that has ended is not done again when its cell gains or loses others."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from reinrelax.config.load import Config
from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.execution import estimates
from reinrelax.experiments.snapshots import read_snapshot
from reinrelax.experiments.training import train_cell
from reinrelax.jobs import job
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells, table_path
from reinrelax.jobs.studies import snapshot_cell
from reinrelax.results import cell_table, finished, pictures
from reinrelax.results.read import held, read_job
from reinrelax.training.checkpoint import read_archive
from reinrelax.training.loop import Trainer

Load = Callable[..., Config]


def planned(load_config: Load, seeds: int, **changes: Any) -> tuple[Config, Job]:
    elbo = {"estimators": ["ST"], "latent_shapes": ["8x4"], "seeds": seeds, "epochs": 2, **changes}
    config = load_config(experiments={"elbo": elbo})
    return config, cells(config)["elbo/8x4/ST"]


def train(config: Config, cell: Job, digits: Images) -> tuple[dict[str, Any], pd.DataFrame]:
    """The record and the table; the table is deleted before, as a workflow does."""
    table = table_path(config, cell.name)
    for path in (table, table.with_suffix(".json"), table.with_suffix(".npz")):
        path.unlink(missing_ok=True)
    known = held(config, cell, tolerant=True)
    options: dict[str, Any] = {"device": "cpu", "checkpoint_every": 1, "extra": {}}
    record = train_cell(cell, digits, table=table, known=known, **options)
    return record, pd.read_csv(table)


def test_a_new_seed_is_trained_alone_and_the_others_keep_their_bits(
    load_config: Load, digits: Images
) -> None:
    first, before = train(*planned(load_config, 2), digits)
    assert first["reused"] == {}
    config, cell = planned(load_config, 3)
    record, after = train(config, cell, digits)
    assert record["images_trained"] == 2 * len(digits.train)
    assert set(record["reused"]) == set(first["run_ids"])
    assert all(origin["started"] == first["started"] for origin in record["reused"].values())
    pd.testing.assert_frame_equal(after[after["seed"] < 2].reset_index(drop=True), before)
    # The new one does as it does in company, to the rounding of a step or two.
    finished.place(table_path(config, cell.name)).unlink()
    _, together = train(config, cell, digits)
    columns = [column for column in after if column.endswith("_nats")]
    assert after[columns].to_numpy() == pytest.approx(together[columns].to_numpy(), rel=2e-4)


def test_fewer_seeds_and_their_return_train_nothing(load_config: Load, digits: Images) -> None:
    _, before = train(*planned(load_config, 3), digits)
    record, after = train(*planned(load_config, 2), digits)
    assert (record["images_trained"], len(record["reused"])) == (0, 2)
    pd.testing.assert_frame_equal(after, before[before["seed"] < 2])


def test_other_settings_source_images_or_device_are_trained_anew(
    load_config: Load, digits: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, cell = planned(load_config, 2)
    train(config, cell, digits)
    fewer = Images(digits.name, digits.train[:-1], digits.test)
    assert train(config, cell, fewer)[0]["reused"] == {}
    assert len(train(config, cell, fewer)[0]["reused"]) == 2
    assert train(*planned(load_config, 2, epochs=3), digits)[0]["reused"] == {}
    with monkeypatch.context() as patched:
        patched.setattr(job, "fingerprint", lambda modules: "other")
        assert train(config, cell, fewer)[0]["reused"] == {}
    path = finished.place(table_path(config, cell.name))
    on_gpu = {
        run_id: replace(
            run, origin={**run.origin, "device": "NVIDIA H100", "source_hash": cell.source_hash}
        )
        for run_id, run in finished.read(path).items()
    }
    finished.write(table_path(config, cell.name), on_gpu)
    assert train(config, cell, fewer)[0]["reused"] == {}


def test_a_run_is_found_in_another_part_of_its_cell(load_config: Load, digits: Images) -> None:
    _, whole = train(*planned(load_config, 3), digits)
    elbo = {"estimators": ["ST"], "latent_shapes": ["8x4"], "seeds": 3, "epochs": 2}
    config = load_config(experiments={"elbo": elbo}, machine={"max_replicas_per_job": 2})
    for part in (".1", ".2"):
        record, table = train(config, cells(config)[f"elbo/8x4/ST{part}"], digits)
        assert record["images_trained"] == 0
        expected = whole[whole["run_id"].isin(table["run_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "finished runs cannot be read"),
        ("[]", "written by another version"),
        ('{"abc": {"identity": "0", "metrics": {}}}', "written by another version"),
        ('{"format": 2, "runs": {"x": {}}}', "finished runs cannot be read"),
        ('{"format": 2, "runs": {"x": 1}}', "finished runs cannot be read"),
        ('{"format": 2}', "finished runs cannot be read"),
    ],
)
def test_a_damaged_file_costs_a_training_and_says_so(
    load_config: Load, digits: Images, capsys: pytest.CaptureFixture[str], content: str, says: str
) -> None:
    config, cell = planned(load_config, 2)
    _, before = train(config, cell, digits)
    place: Path = finished.place(table_path(config, cell.name))
    place.write_text(content, encoding="utf-8")
    # A report has the table, and needs no more.
    assert read_job(config, cell) is not None
    table_path(config, cell.name).unlink()
    with pytest.raises(ResultsError, match="elete it") as caught:
        read_job(config, cell)
    assert str(place) in str(caught.value)
    assert says in str(caught.value)
    record, after = train(config, cell, digits)
    assert record["reused"] == {}
    assert f"WARNING: {place}: " in capsys.readouterr().err
    pd.testing.assert_frame_equal(after, before)
    # What it held is not lost.
    assert place.with_name(f"{place.name}.unreadable").read_text(encoding="utf-8") == content


def test_what_a_configuration_does_not_ask_for_is_kept(load_config: Load, digits: Images) -> None:
    _, before = train(*planned(load_config, 3), digits)
    train(*planned(load_config, 1), digits)
    record, after = train(*planned(load_config, 3), digits)
    assert record["images_trained"] == 0
    pd.testing.assert_frame_equal(after, before)


def test_a_table_gives_back_the_runs_that_are_in_it(load_config: Load, digits: Images) -> None:
    """So that a published table, which has no file beside it, is as good."""
    config, cell = planned(load_config, 2)
    train(config, cell, digits)
    path = table_path(config, cell.name)
    kept = finished.place(path)
    beside = finished.read(kept)
    kept.unlink()
    from_table = held(config, cell)
    assert list(from_table) == list(beside)
    for run_id, entry in beside.items():
        assert from_table[run_id].results == entry.results
        assert from_table[run_id].dataset == entry.dataset
        assert {**from_table[run_id].origin, "wall_seconds": 0} == {
            **entry.origin,
            "wall_seconds": 0,
        }
    assert cell_table.to_csv(cell.runs, from_table) == path.read_text(encoding="utf-8")


def test_some_runs_of_a_cell_count_as_these(load_config: Load, digits: Images) -> None:
    _, two = train(*planned(load_config, 2), digits)
    config, cell = planned(load_config, 5)
    for _ in range(
        2
    ):  # from the table, and from what is kept beside it once a workflow has deleted that
        found = read_job(config, cell)
        assert found is not None
        pd.testing.assert_frame_equal(*found.tables.values(), two)
        assert [run.seed for run in found.job.runs] == found.record["seeds"] == [0, 1]
        assert found.record["fingerprint"] == planned(load_config, 2)[1].fingerprint
        table_path(config, cell.name).unlink(missing_ok=True)
    assert estimates.remaining(config)[cell.name] == estimates.estimate(
        config, cell, estimates.timings_of(config), 3
    )


def test_pictures_of_runs_that_are_not_trained_again_are_kept(
    load_config: Load, digits: Images
) -> None:
    def made(seeds: int) -> tuple[dict[str, Any], dict[str, Any]]:
        latents = {"Correlated-Bernoulli": {"latent_shape": "2x20", "tau": [0.1, 0.5]}}
        settings = {"latents": latents, "seeds": seeds, "epochs": 1}
        config = load_config(experiments={"relaxations": settings})
        cell = cells(config)["relaxations/2x20/Correlated-Bernoulli"]
        record, _ = train(config, cell, digits)
        table = table_path(config, cell.name)
        with np.load(table.with_suffix(".npz")) as content:
            return record, dict(content)

    _, before = made(1)
    record, after = made(2)
    assert len(record["reused"]) == 2
    assert record["images_trained"] == 2 * len(digits.train)
    assert after["run_ids"].tolist() == record["run_ids"]
    assert after["shown_run_ids"].tolist() == before["shown_run_ids"].tolist()
    for name in ("originals", "hard", "relaxed", "samples"):
        assert np.array_equal(after[name], before[name])
    for index, run in enumerate(before["run_ids"].tolist()):
        place = after["run_ids"].tolist().index(run)
        assert np.array_equal(after["probability"][place], before["probability"][index])
    # All are there: nothing is trained, and the pictures are made again from what was kept.
    record, again = made(2)
    assert record["images_trained"] == 0
    assert set(again) == set(after)
    assert all(np.array_equal(again[name], after[name]) for name in after)


def test_a_forced_cell_takes_no_run_and_loses_none(
    load_config: Load, digits: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, three = planned(load_config, 3)
    images.save(digits, config.folder / "data")
    _, before = train(config, three, digits)
    config, cell = planned(load_config, 2)
    table = table_path(config, cell.name)

    def interrupted() -> None:
        """A training that ends after its first epoch."""
        run_epoch = Trainer.run_epoch

        def first_epoch(self: Trainer, on_step: Callable[[], object]) -> None:
            if self.history.epochs:
                raise KeyboardInterrupt
            run_epoch(self, on_step)

        with monkeypatch.context() as patched:
            patched.setattr(Trainer, "run_epoch", first_epoch)
            with pytest.raises(KeyboardInterrupt):
                train(config, cell, digits)

    finished.mark(table, forced=True)
    interrupted()
    timings = estimates.timings_of(config)
    assert estimates.remaining(config)[cell.name] == estimates.estimate(config, cell, timings, 2, 1)
    (line,) = (
        line
        for line in estimates.describe(config, 2).splitlines()
        if line.startswith(f"{cell.name} ")
    )
    assert line.split()[1:4] == ["2", "1", "begun"]
    assert len(finished.read(finished.place(table))) == 3  # nothing is lost meanwhile
    for forced in (True, False):  # other runs start, and the last goes on where the first was
        finished.mark(table, forced=forced)
    record, after = train(config, cell, digits)
    assert record["reused"] == {}
    assert record["resumed_after_epoch"] == 1
    pd.testing.assert_frame_equal(after, before[before["seed"] < 2], check_exact=False, rtol=2e-4)
    # The mark is gone, the run that was not asked for is not.
    assert train(*planned(load_config, 3), digits)[0]["images_trained"] == 0
    # What an earlier training has left is not gone on from.
    finished.place(table).unlink()
    interrupted()
    assert estimates.remaining(config)[cell.name] == estimates.estimate(config, cell, timings, 2, 1)
    finished.mark(table, forced=True)
    assert estimates.remaining(config)[cell.name] == estimates.estimate(config, cell, timings, 2, 2)
    record, _ = train(config, cell, digits)
    assert record["resumed_after_epoch"] == 0
    # Forced, but ended before its table was taken away: the next start does not train it.
    finished.mark(table, forced=True)
    finished.mark(table, forced=False)
    assert len(train(config, cell, digits)[0]["reused"]) == 2


def test_a_number_that_was_changed_is_no_finished_run(
    load_config: Load, digits: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    config, cell = planned(load_config, 2)
    _, before = train(config, cell, digits)
    place = finished.place(table_path(config, cell.name))
    content = json.loads(place.read_text(encoding="utf-8"))
    next(iter(content["runs"].values()))["results"]["train_nelbo_nats"][0] -= 1
    place.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ResultsError, match=r"differs from its checksum.*Delete it and rerun"):
        finished.read(place)
    record, after = train(config, cell, digits)
    assert record["reused"] == {}
    assert "differs from its checksum" in capsys.readouterr().err
    pd.testing.assert_frame_equal(after, before)


def test_pictures_and_snapshots_that_were_changed_are_not_read(
    load_config: Load, digits: Images
) -> None:
    """Both are archives with checksums of their own, which who changes them renews."""
    latents = {"Correlated-Bernoulli": {"latent_shape": "2x20", "tau": 0.1}}
    config = load_config(experiments={"relaxations": {"latents": latents, "seeds": 1, "epochs": 1}})
    cell = cells(config)["relaxations/2x20/Correlated-Bernoulli"]
    train(config, cell, digits)
    table = table_path(config, cell.name)
    for path in (table.with_suffix(".npz"), pictures.kept(table)):
        content = pictures.read(path)
        pictures.write(path, {**content, "originals": content["originals"] + np.uint8(1)})
        with pytest.raises(
            ResultsError, match=rf"{path.name}: differs from the checksum in its record"
        ):
            pictures.read(path)
    cell = snapshot_cell(config, "gradients")
    train(config, cell, digits)
    path = table_path(config, cell.name).with_suffix(".pt")
    content = read_archive(path)
    read_snapshot(path, cell.first.shape, cell.snapshots[0], "cpu")
    torch.save({**content, "seeds": [7]}, path)
    with pytest.raises(ResultsError, match=r"\.pt: differs from the checksum in its record"):
        read_snapshot(path, cell.first.shape, cell.snapshots[0], "cpu")
