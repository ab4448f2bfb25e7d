"""A run says where it stands, by itself and when asked from elsewhere, and asking changes nothing."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reinrelax.core import records
from reinrelax.jobs.planned import jobs
from reinrelax.training import progress
from tests.conftest import DEADLINE, wait_for
from tests.workflow.planted import SCALE, settings, start
from tests.workflow.test_starts import state

pytestmark = pytest.mark.slow
HELD, FAILING = "elbo/8x4/ST", "elbo/8x4/ReinMax"


def ask(project: Path) -> list[str]:
    """The lines of the command."""
    scale = ["--config", "config.yaml", "--config", SCALE[1]]
    done = subprocess.run(
        [sys.executable, "-m", "reinrelax", "status", "--cores", "2", *scale],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def status(project: Path) -> list[str]:
    """The same, which changes no file, Snakemake's own included."""
    before = state(project), sorted(project.rglob("*"))
    lines = ask(project)
    assert before == (state(project), sorted(project.rglob("*")))
    return lines


def row(lines: list[str], name: str) -> list[str]:
    """The values of a row of the table."""
    (found,) = (line for line in lines if re.match(rf"{name}  ", line))
    return re.split(r" {2,}", found.strip())[1:]


def size(text: str) -> float:
    number, unit = text.split()
    return float(number.replace(",", "")) * {"kB": 1e3, "MB": 1e6}[unit]


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def leave_checkpoint(project: Path, name: str) -> None:
    """Of the first of two epochs, as an interrupted job leaves it."""
    config = settings(project)
    cell = jobs(config)[name]
    images = records.read(config.folder / "data/data.json", ["sha256"])["sha256"]
    runs = [run.run_id for run in cell.runs]
    path = (config.folder / cell.target).with_suffix(".checkpoint")
    with path.open("w+b") as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("state", "")
        progress.write(file, progress.identity(cell.fingerprint, images, "cpu", runs), 1)


def test_a_run_says_where_it_stands(project: Path) -> None:
    results = project / "results/test"
    whole = status(project)
    count = int(re.fullmatch(r"(\d+) of \1 jobs done", whole[-2])[1])  # type: ignore[index]
    assert whole[0] == "results/test: not running"
    assert whole[-1] == "`python -m reinrelax clean` would remove nothing"
    assert size(row(whole, "elbo")[-1]) == pytest.approx(on_disk(results / "elbo"), abs=50)
    assert size(row(whole, "in all")[-1]) == pytest.approx(on_disk(results), abs=5e4)

    for name in (HELD, FAILING):
        (results / f"{name}.csv").unlink()
    leave_checkpoint(project, HELD)
    left = status(project)
    assert f"can resume: {HELD}, epoch 1 of 2" in left
    assert left[-2].startswith(f"{count - 2} of {count} jobs done, 2 left: about ")
    assert left[-2].endswith(" with 2 at once")

    # The one fails; the other waits until it is released.
    ready, program = project.parent / "ready", project.parent / "program"
    hold = f'python3() {{ [[ " $* " == *" {HELD} "* ]] && until [ -e release ]; do sleep 0.1; done'
    text = (ready / "program").read_text(encoding="utf-8")
    program.write_text(text.replace("python3() {", f"{hold}\n"), encoding="utf-8")
    with (project.parent / "said").open("w+", encoding="utf-8") as said:
        run = subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--cores", "2", *SCALE],
            cwd=project,
            env={
                **os.environ,
                **{"BASH_ENV": str(program), "READY": str(ready), "FAILING": FAILING},
            },
            stdout=said,
            stderr=said,
        )
        log = f"results/test/logs/train/{FAILING}.log"
        both = {f"failed: {FAILING}: {log}", f"running: {HELD}, epoch 1 of 2"}
        wait_for("a failed job and a running one", lambda: both <= set(ask(project)), run)
        during = status(project)
        assert during[0].startswith(f"results/test: running (process {run.pid} on ")
        assert during[-2].startswith(f"{count - 2} of {count} jobs done, 1 running, 1 failed: ")
        assert not any(line.startswith("can resume") for line in during)
        assert row(during, "elbo")[1:3] == ["1", "1"]
        (project / "release").touch()
        assert run.wait(DEADLINE) == 1
        said.seek(0)
        lines = [line for line in said.read().splitlines() if "jobs done" in line]
    assert lines[0].startswith(f"{count - 2} of {count} jobs done, 2 left: about ")
    assert lines[-1].startswith(f"{count - 1} of {count} jobs done, 1 failed")
    after = status(project)
    assert after[0] == "results/test: not running"
    assert f"failed: {FAILING}: {log}" in after
    assert start(project, *SCALE).returncode == 0
    assert status(project)[-2] == whole[-2]
