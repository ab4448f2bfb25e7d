"""A run that is told to end ends with its jobs, which leave their checkpoints, and has not
failed.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DEADLINE, wait_for
from tests.workflow.test_recovery import TARGETS, alive, project, start

pytestmark = pytest.mark.slow


def _twice(process: int) -> None:
    """All of it, and once more while it ends."""
    for _ in range(2):
        os.killpg(process, signal.SIGTERM)
        time.sleep(0.1)


@pytest.mark.parametrize(
    "end",
    [
        lambda process: os.kill(process, signal.SIGTERM),  # the run alone, as systemd and kill do
        lambda process: os.killpg(process, signal.SIGINT),  # all of it, as a terminal does
        _twice,  # as to a run that make has started
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
    assert "interrupted. Run the same command again to resume." in said
    assert "some jobs failed" not in said
