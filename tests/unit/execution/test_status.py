"""Jobs of a run as its log reports them, and as others read them."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reinrelax.config.load import Config
from reinrelax.execution import run_lock, status
from reinrelax.execution.follow import Follower
from tests.conftest import ROOT

Loader = Callable[..., Config]
NUMBERED = {3: "elbo/8x4/ST", 5: "identities", 8: "bridge"}


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    found = logging.getLogger("snakemake in a test")
    found.setLevel(logging.INFO)
    yield found
    found.handlers.clear()


def test_the_time_to_the_end_is_at_least_that_of_the_longest_job() -> None:
    assert status.line(9, [60, 60, 60], 2, 0, 3) == (
        "6 of 9 jobs done, 2 running, 1 left: about 60 s with 3 at once"
    )
    assert status.line(9, [600, 60], 1, 1, 2) == (
        "7 of 9 jobs done, 1 running, 1 failed: about 10 min with 2 at once"
    )
    assert status.line(9, [], 0, 0, 2) == "9 of 9 jobs done"


def test_jobs_that_start_end_fail_and_are_tried_again(
    load_config: Loader, log: logging.Logger, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    config = load_config(results=str(tmp_path / "results"))
    assert run_lock.acquire(config.folder, tmp_path / "locks") == ""
    caplog.set_level(logging.INFO)

    def happens(event: str, **facts: object) -> dict[str, object]:
        log.info(None, extra={"event": event, **facts})
        return run_lock.read(config.folder)[1]

    def said() -> list[str]:
        lines = [record.getMessage().split(":")[0] for record in caplog.records]
        return [line for line in lines if "jobs done" in line]

    log.addHandler(Follower(config, NUMBERED, 10, None, log))
    assert said()[-1] == "7 of 10 jobs done, 3 left"
    # 1 is no job of ours, such as the page.
    assert happens("job_started", jobs=[1, 3, 5])["jobs"] == ["elbo/8x4/ST", "identities"]
    happens("job_error", jobid=5)
    assert said()[-1] == "7 of 10 jobs done, 1 running, 1 failed, 1 left"
    found = happens("job_started", jobs=[5])
    assert (found["jobs"], found["failed"]) == (["elbo/8x4/ST", "identities"], [])
    happens("job_finished", job_id=3)
    assert said()[-1] == "8 of 10 jobs done, 1 running, 1 left"
    before = said()
    happens("job_finished", job_id=1)
    assert said() == before


def test_a_submitted_job_waits_until_its_log_begins(load_config: Loader, tmp_path: Path) -> None:
    config = load_config(results=str(tmp_path / "results"))
    assert run_lock.acquire(config.folder, tmp_path / "locks") == ""
    run_lock.tell(jobs=["bridge", "identities", "of an earlier version"], failed=[], at_once=None)
    logs = config.folder / "logs/studies"
    logs.mkdir(parents=True)
    (logs / "identities.log").touch()
    (logs / "bridge.log").touch()
    os.utime(logs / "bridge.log", (0, 0))  # of an earlier run
    lines = status.describe(config, 1, ROOT).splitlines()
    assert "running: identities" in lines
    assert "waiting for a node: bridge" in lines
    assert not any("of an earlier version" in line for line in lines)


def test_the_last_run_of_another_machine_may_still_run(load_config: Loader) -> None:
    config = load_config()
    config.folder.mkdir(parents=True)
    (config.folder / ".running").write_text('{"host": "login-2", "process": 7, "since": "noon"}')
    first = status.describe(config, 1, ROOT).splitlines()[0]
    assert first.endswith(
        ": no run that this machine can see; the last was process 7 on login-2, since noon"
    )
