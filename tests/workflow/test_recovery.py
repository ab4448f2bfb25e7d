"""Kills, full disks, too little memory and two runs at once: what docs/faults.md promises of a
whole run.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import DEADLINE, merge, wait_for
from tests.workflow.test_workflow import copy_of, copy_project

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


def start(
    folder: Path, *options: str, within: Sequence[str] = (), **environment: str
) -> subprocess.Popen[str]:
    """A run in a process group of its own, started by the command `within`; what it says goes into
    `said`.
    """
    with (folder / "said").open("a", encoding="utf-8") as said:
        return subprocess.Popen(
            [
                # What a script starts in the background, as these tests may be, ignores interrupts.
                *(
                    "env",
                    "--default-signal=INT",
                    *within,
                    sys.executable,
                    "-m",
                    "snakemake",
                    "--cores",
                    "2",
                ),
                *(*options, "--configfile", "workflow/scales/test.yaml", "--", *TARGETS),
            ],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def finish(
    folder: Path, *options: str, within: Sequence[str] = (), **environment: str
) -> tuple[int, str]:
    """Status and words of a run that is waited for."""
    (folder / "said").unlink(missing_ok=True)
    status = start(folder, *options, within=within, **environment).wait(timeout=DEADLINE)
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
    wait_for("end of all processes", lambda: not alive(folder))


def tables(folder: Path) -> dict[str, bytes]:
    """The results by their paths; empty as long as one is missing."""
    paths = [folder / target for target in TARGETS]
    return (
        {target: (folder / target).read_bytes() for target in TARGETS}
        if all(map(Path.exists, paths))
        else {}
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
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A project whose run nothing happened to, not to be changed, and how long the run took in
    seconds.
    """
    folder = project(tmp_path_factory.mktemp("finished") / "project")
    clock = time.perf_counter()
    status, said = finish(folder)
    assert status == 0, said
    return folder, time.perf_counter() - clock


@pytest.fixture(scope="module")
def undisturbed(finished: tuple[Path, float]) -> tuple[dict[str, bytes], float]:
    """Its tables and seconds."""
    return tables(finished[0]), finished[1]


@pytest.fixture
def copy_of_finished(finished: tuple[Path, float], tmp_path: Path) -> Path:
    """The project, to be changed."""
    return copy_of(finished[0], tmp_path / "project")


def test_twenty_kills_change_nothing(
    undisturbed: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    """At random moments; every fourth time the run alone, so that its jobs live on. A plain start
    follows.
    """
    expected, seconds = undisturbed
    folder = project(tmp_path / "project")
    draw = random.Random(20)
    killed, finished, whole = 0, 0, True
    while killed < KILLS:
        clock = time.perf_counter()
        run = start(folder)
        try:
            assert run.wait(timeout=draw.uniform(0.15, 0.8) * seconds) == 0, (
                folder / "said"
            ).read_text()
        except subprocess.TimeoutExpired:
            killed += 1
            (os.kill if killed % 4 == 0 else os.killpg)(run.pid, signal.SIGKILL)
            run.wait()
        else:
            if whole:  # the machine has become faster, and most kills would come too late
                seconds = min(seconds, time.perf_counter() - clock)
        if found := tables(folder):
            assert found == expected
            wait_for_the_last(folder)
            shutil.rmtree(folder / "results/test/elbo")
            shutil.rmtree(folder / "results/test/identities")
            finished += 1
        whole = bool(found)
    status, said = finish(folder)
    assert status == 0, said
    wait_for_the_last(folder)
    assert tables(folder) == expected
    assert left_behind(folder) == []
    print(f"{killed} kills, {finished} finishes, {seconds:.1f} s undisturbed")


def test_a_second_run_is_refused_and_the_first_is_not_disturbed(
    undisturbed: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    folder = project(tmp_path / "project")
    first = start(folder)
    wait_for("a lock", lambda: list((folder / ".snakemake/locks").glob("*.lock")))
    os.killpg(first.pid, signal.SIGSTOP)  # or it might end before the others have begun
    scale = folder / "workflow/scales/test.yaml"
    scale.write_text(
        scale.read_text(encoding="utf-8").replace("epochs: 10", "epochs: 11"), encoding="utf-8"
    )
    status, said = finish(folder)
    assert status != 0
    assert f"results/test is in use by another run (process {first.pid} on " in said, said
    assert "Directory cannot be locked" in said
    # Nor does removing Snakemake's lock by hand let it in.
    shutil.rmtree(folder / ".snakemake/locks")
    status, said = finish(folder, "--forceall")
    assert status != 0
    assert f"results/test is in use by another run (process {first.pid} on " in said, said
    assert "Finished jobid" not in said
    os.killpg(first.pid, signal.SIGCONT)
    assert first.wait(timeout=DEADLINE) == 0
    assert tables(folder) == undisturbed[0]


def test_short_memory_and_full_disk_stop_their_jobs_alone(
    undisturbed: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    """Limits on the shells of two jobs: files of 50 kB, where no checkpoint fits, and 3 GB of
    addresses.
    """
    folder = project(tmp_path / "project")
    limits = tmp_path / "limits"
    limits.write_text(
        'case "$BASH_EXECUTION_STRING" in\n'
        "*8x4/ST*) ulimit -f 50;;\n*8x4/ReinMax-CV*) ulimit -v 3000000;;\nesac\n"
    )
    status, said = finish(folder, BASH_ENV=str(limits))
    assert status != 0
    assert (
        "results/test/elbo/8x4/ST.checkpoint: cannot be written (File too large). Make the folder"
        in said
    )
    hint = (
        "results/test/logs/train/elbo/8x4/ReinMax-CV.log: killed from outside: if memory is short"
    )
    assert hint in said or "elbo/8x4/ReinMax-CV: out of memory" in said
    assert [target for target in TARGETS if (folder / target).exists()] == TARGETS[2:]
    assert left_behind(folder) == []
    status, said = finish(folder)
    assert status == 0, said
    assert tables(folder) == undisturbed[0]


def test_read_only_results_are_read_and_named_where_they_are_to_be_written(
    copy_of_finished: Path,
) -> None:
    """Permissions bind root, too, once it has given up the right to pass them over."""
    folder, results = copy_of_finished, copy_of_finished / "results"
    rights = "-dac_override,-dac_read_search"
    bound = (
        ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}") if os.geteuid() == 0 else ()
    )
    before = tables(folder)
    (results / "test/elbo/8x4/ST.csv").unlink()
    inside = [path for path in results.rglob("*") if path.is_dir()]
    for path in (results, *inside):
        path.chmod(0o555)
    status, said = finish(folder, within=bound)
    assert status != 0
    assert "results/test: cannot be written. Make the folder writable, " in said, said
    assert "Traceback" not in said
    for path in (results, results / "test"):
        path.chmod(0o755)
    status, said = finish(folder, within=bound)
    assert status != 0
    assert "cannot be written. Make the folder writable, " in said, said
    for path in inside:
        path.chmod(0o755)
    assert finish(folder, within=bound)[0] == 0
    assert tables(folder) == before
    for path in (results, *inside):
        path.chmod(0o555)
    status, said = finish(folder, within=bound)
    assert (status, "Nothing to be done" in said) == (0, True), said
    for path in (results, *inside):
        path.chmod(0o755)


def test_file_times_of_results_rerun_nothing_and_other_images_rerun_what_they_are_in(
    copy_of_finished: Path,
) -> None:
    """In any order, past or future; images as of a large data set, too large for Snakemake to
    compare.
    """
    folder = copy_of_finished
    draw = random.Random(7)
    for path in sorted((folder / "results").rglob("*.*")):
        moment = time.time() + draw.uniform(-1e9, 1e9)
        os.utime(path, (moment, moment))
    plan = ("--dry-run", "--max-checksum-file-size", "20000")
    assert "Nothing to be done" in finish(folder, *plan)[1]
    record = folder / "results/test/data/data.json"
    record.write_text(record.read_text().replace('"sha256": "', '"sha256": "0'))
    said = finish(folder, *plan)[1]
    assert "train           2" in said or "train        2" in said, said
    assert "identities" not in said.split("Reasons")[0]
