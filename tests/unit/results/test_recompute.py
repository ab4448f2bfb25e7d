"""A cell trained anew beside its results."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from reinrelax import cli
from reinrelax.config.load import Config
from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells, table_path
from reinrelax.results import finished
from reinrelax.results.read import held
from tests.unit.results.test_finished import train

NAME = "elbo/8x4/ST"
Load = Callable[..., Config]


@pytest.fixture
def trained(load_config: Load, digits: Images) -> tuple[Config, Job]:
    """A cell whose three runs were trained by two jobs."""
    for seeds in (2, 3):
        config = load_config(experiments={"elbo": {"seeds": seeds}}, machine={"device": "cpu"})
        images.save(digits, config.folder / "data")
        train(config, cells(config)[NAME], digits)
    return config, cells(config)[NAME]


def recompute(config: Config, tmp_path: Path, name: str = NAME) -> int:
    """The status of the command."""
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(dict(config.raw)), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        cli.main(["recompute", "--project", str(config.project), "--config", str(path), name])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def files(config: Config) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in config.folder.rglob("*") if path.is_file()}


def test_the_same_digits_come_again(
    trained: tuple[Config, Job], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = trained
    before = files(config)
    assert recompute(config, tmp_path) == 0
    assert f"{NAME}: 3 runs, 36 numbers: identical to the last digit" in capsys.readouterr().out
    assert files(config) == before


@pytest.mark.parametrize("value", [101.25, float("nan")])
def test_what_differs_is_named_and_stays(
    value: float, trained: tuple[Config, Job], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, cell = trained
    runs = held(config, cell)
    run = cell.runs[1]
    changed: dict[str, Any] = {
        name: list(values) for name, values in runs[run.run_id].results.items()
    }
    was, changed["test_kl_nats"][1] = changed["test_kl_nats"][1], value
    origin = {**runs[run.run_id].origin, "processor": "another"}
    table = table_path(config, NAME)
    finished.write(table, {run.run_id: replace(runs[run.run_id], results=changed, origin=origin)})
    table.unlink()
    before = files(config)
    assert recompute(config, tmp_path) == 1
    said = capsys.readouterr()
    assert "36 numbers: 1 differ, by " in said.out
    assert (
        f"epoch 2, {run.run_id} (seed 1), test_kl_nats: {value!r} before, {was!r} now" in said.out
    )
    assert "computed with another processor: " in said.out
    assert f"{NAME} differs; its results in {config.folder} are unchanged" in said.err
    assert files(config) == before


def test_a_run_that_ended_early_differs_from_one_that_did_not(trained: tuple[Config, Job]) -> None:
    from reinrelax.execution.recompute import compared

    config, cell = trained
    runs = held(config, cell)
    short = {
        run_id: replace(run, results={name: values[:1] for name, values in run.results.items()})
        for run_id, run in runs.items()
    }
    for before, now in ((runs, short), (short, runs)):
        found = compared(cell, before, now)
        assert (found.values, found.differing) == (36, 18)
        assert "None" in found.first
        assert "nan nats at most" in found.describe()


def test_nothing_to_compare_with_is_said(
    load_config: Load, digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config()
    assert recompute(config, tmp_path) == 1
    assert f"{table_path(config, NAME)}: has no finished run" in capsys.readouterr().err
    images.save(digits, config.folder / "data")
    train(config, cells(config)[NAME], digits)
    assert recompute(config, tmp_path) == 0


def test_a_job_that_cannot_be_asked_for_is_named(
    load_config: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config()
    assert recompute(config, tmp_path, "identities") == 1
    assert (
        "identities is not a training, so there is nothing to compare; name a cell"
        in capsys.readouterr().err
    )
    assert recompute(config, tmp_path, "elbo/8x4/Mine") == 1
    assert "this configuration has no job 'elbo/8x4/Mine'; the first of" in capsys.readouterr().err
