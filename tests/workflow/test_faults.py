"""Kills, full disks, too little memory and two runs at once: what docs/faults.md promises of a whole run."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import merge
from tests.workflow.test_workflow import copy_project

pytestmark = pytest.mark.slow
CELLS = ("ST", "ReinMax-CV")
TARGETS = [
    *(f"results/test/elbo/8x4/{name}.csv" for name in CELLS),
    "results/test/identities/identities.csv",
]
KILLS = 20


def project(folder: Path, **changes: Any) -> Path:
    """A copy of the project whose tests' scale has more epochs and these changes."""
    copy_project(folder)
    path = folder / "workflow/scales/test.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    merge(raw, {"experiments": {"elbo": {"epochs": 10}}})
    merge(raw, changes)
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def start(folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """A run in a process group of its own; what it says goes into `said`."""
    with (folder / "said").open("a", encoding="utf-8") as said:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "snakemake", "--cores", "2"),
                *(*options, "--configfile", "workflow/scales/test.yaml", "--", *TARGETS),
            ],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def finish(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Status and words of a run that is waited for."""
    (folder / "said").unlink(missing_ok=True)
    status = start(folder, *options, **environment).wait(timeout=120)
    return status, (folder / "said").read_text(encoding="utf-8")


def alive(folder: Path) -> list[str]:
    """Processes that work in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
        except OSError:
            continue
    return found


def wait_for_the_last(folder: Path) -> None:
    """Until no process works in this folder."""
    deadline = time.monotonic() + 60
    while alive(folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def tables(folder: Path) -> dict[str, bytes]:
    """The results by their paths; empty as long as one is missing."""
    paths = [folder / target for target in TARGETS]
    return (
        {target: (folder / target).read_bytes() for target in TARGETS} if all(map(Path.exists, paths)) else {}
    )


def left_behind(folder: Path) -> list[str]:
    """Locks, temporary files, checkpoints and marks of unfinished jobs."""
    paths = [
        *(folder / ".snakemake/locks").glob("*"),
        *(p for p in (folder / ".snakemake/incomplete").rglob("*") if p.is_file()),
        *(folder / "results").rglob("*.partial"),
        *(folder / "results").rglob(".*.partial"),
        *(folder / "results").rglob("*.checkpoint"),
    ]
    return [path.relative_to(folder).as_posix() for path in paths]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """Results of a run that nothing happened to, and how long it took in seconds."""
    folder = project(tmp_path_factory.mktemp("undisturbed") / "project")
    clock = time.perf_counter()
    status, said = finish(folder)
    assert status == 0, said
    return tables(folder), time.perf_counter() - clock


def test_twenty_kills_change_nothing(undisturbed: tuple[dict[str, bytes], float], tmp_path: Path) -> None:
    """At random moments; every fourth time the run alone, so that its jobs live on. A plain start follows."""
    expected, seconds = undisturbed
    folder = project(tmp_path / "project")
    draw = random.Random(20)
    killed, finished = 0, 0
    while killed < KILLS:
        run = start(folder)
        try:
            assert run.wait(timeout=draw.uniform(0.15, 0.8) * seconds) == 0, (folder / "said").read_text()
        except subprocess.TimeoutExpired:
            killed += 1
            (os.kill if killed % 4 == 0 else os.killpg)(run.pid, signal.SIGKILL)
            run.wait()
        if found := tables(folder):
            assert found == expected
            wait_for_the_last(folder)
            shutil.rmtree(folder / "results/test/elbo")
            shutil.rmtree(folder / "results/test/identities")
            finished += 1
    status, said = finish(folder)
    assert status == 0, said
    wait_for_the_last(folder)
    assert tables(folder) == expected
    assert left_behind(folder) == []
    print(f"{killed} kills, {finished} finishes, {seconds:.1f} s undisturbed")
