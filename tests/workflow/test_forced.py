"""A job that a person forces computes, on this machine and however it is asked for."""

from pathlib import Path

import pytest

from reinrelax.results import finished
from tests.workflow.test_recovery import TARGETS, finish, project

pytestmark = pytest.mark.slow
TABLE = TARGETS[0]


def test_forced_is_trained_and_else_reused(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", experiments={"elbo": {"epochs": 2}})
    status, said = finish(folder)
    assert status == 0, said
    table = folder / TABLE
    before = table.read_bytes()
    # Taken for what they are, but for what only a training would find.
    kept = finished.read(finished.place(table))
    for run in kept.values():
        run.origin["threads"] = 77  # type: ignore[index]
    finished.write(table, kept)
    table.unlink()
    status, said = finish(folder)
    assert status == 0, said
    assert "elbo/8x4/ST: 2 replicas x 2 epochs, 2 of 2 runs reused" in said
    assert "2 of 2 runs reused" in (folder / "results/test/logs/train/elbo/8x4/ST.log").read_text()
    assert {run.origin["threads"] for run in finished.read(finished.place(table)).values()} == {77}
    status, said = finish(folder, "--forceall", "--dry-run")
    assert status == 0, said
    assert not list(folder.rglob("*.anew"))
    for force in ("--force", "--forceall", "--forcerun=train"):
        finished.write(table, kept)
        status, said = finish(folder, force)
        assert status == 0, said
        assert "reused" not in said
        assert {run.origin["threads"] for run in finished.read(finished.place(table)).values()} == {
            1
        }
        assert table.read_bytes() == before
    assert not list(folder.rglob("*.anew"))
