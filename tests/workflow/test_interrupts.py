"""A run that is told to end ends with its jobs, which leave their checkpoints, and has not failed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DEADLINE, wait_for
from tests.workflow.test_recovery import TARGETS, alive, project, start

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "end",
    [
        lambda process: os.kill(process, signal.SIGTERM),  # the run alone, as systemd and kill do
        lambda process: os.killpg(process, signal.SIGINT),  # all of it, as a terminal does
    ],
)
def test_jobs_end_with_their_run_and_leave_their_checkpoints(
    end: Callable[[int], None], tmp_path: Path
) -> None:
    folder = project(tmp_path / "project", experiments={"elbo": {"epochs": 400}})
    run = start(folder)
    places = [(folder / target).with_suffix(".checkpoint") for target in TARGETS[:2]]
    wait_for("checkpoints", lambda: all(map(Path.exists, places)), run)
    end(run.pid)
    assert run.wait(timeout=DEADLINE) != 0
    said = (folder / "said").read_text(encoding="utf-8")
    assert alive(folder) == []
    assert all(map(Path.exists, places)), said
    assert not any((folder / target).exists() for target in TARGETS[:2])
    assert "interrupted. A rerun continues where it stopped." in said
    assert "some jobs failed" not in said
