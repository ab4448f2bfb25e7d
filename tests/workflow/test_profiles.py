"""What the cluster's profile offers in its comments is what Snakemake and its plugin make of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string

from reinrelax.execution import estimates
from reinrelax.jobs.runs import cells
from tests.conftest import DEADLINE, ROOT, at_scale, wait_for
from tests.workflow.test_recovery import alive
from tests.workflow.test_workflow import copy_project, run

pytestmark = pytest.mark.slow
PROFILE = "workflow/profiles/slurm/config.yaml"
CELL = "results/test/elbo/8x4/ST.csv"
SCALE = ("--configfile", "workflow/scales/test.yaml")
_APPTAINER = """#!/bin/sh
[ "$1" = --version ] && { echo "apptainer version 1.3.0"; exit; }
echo "$@" >> "$SEEN"
while [ "$1" != "$IMAGE" ]; do shift; done
shift
exec "$@"
"""


class Resources(dict[str, Any]):
    """As a job of Snakemake has them: also by attribute."""

    __getattr__ = dict.__getitem__


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a stand-in for apptainer that runs jobs where it is and notes how it was
    called.
    """
    program = tmp_path / "bin/apptainer"
    program.parent.mkdir()
    program.write_text(_APPTAINER, encoding="utf-8")
    program.chmod(0o755)
    image = tmp_path / "reinrelax.sif"
    image.touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("IMAGE", str(image))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    project = copy_project(tmp_path / "project")
    config = project / "config.yaml"
    text, edits = re.subn(
        "# (container): [^ ]*", rf"\1: {image}", config.read_text(encoding="utf-8")
    )
    assert edits == 1
    config.write_text(text, encoding="utf-8")
    return project


def offered(folder: Path, *chosen: str) -> None:
    """Take these lines of the profile, which are comments, for what they say."""
    profile = folder / PROFILE
    text = profile.read_text(encoding="utf-8")
    for line in chosen:
        assert text.count(f"# {line}") == 1, line
        text = text.replace(f"# {line}", line)
    profile.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "line", ["gres: gpu:1", "gpu: 1", "gres: gpu:a100:1", "constraint: a100|h100"]
)
def test_what_a_line_asks_of_sbatch(line: str, folder: Path) -> None:
    offered(folder, line, "precommand:", "software-deployment-method:", "apptainer-args:")
    said = re.search(
        f"{re.escape(line)} # .*(sbatch .*)", (ROOT / PROFILE).read_text(encoding="utf-8")
    )
    assert said is not None
    done = run(
        folder, "--workflow-profile", "workflow/profiles/slurm", "--dry-run", *SCALE, "--", CELL
    )
    assert done.returncode == 0, done.stderr
    (asked,) = (
        found
        for found in re.findall("resources: (.*)", done.stdout + done.stderr)
        if line.split(": ", 1)[0] + "=" in found and "nodes=1" in found
    )
    resources: dict[str, Any] = dict(
        part.split("=", 1) for part in asked.split(", ") if "TBD" not in part
    )
    resources |= {name: int(resources[name]) for name in ("gpu", "nodes") if name in resources}
    job = SimpleNamespace(resources=Resources(resources), threads=1)
    params = dict.fromkeys(
        ("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir"), "x"
    )
    call = get_submit_command(job, params) + set_gres_string(job)
    assert said[1].removeprefix("sbatch ") in call.replace("'", "")


def test_jobs_run_in_the_container_that_is_named(folder: Path, tmp_path: Path) -> None:
    options = ("--software-deployment-method", "apptainer", "--apptainer-args=--nv")
    done = run(folder, "--cores", "1", *options, *SCALE, "--", CELL)
    assert done.returncode == 0, done.stderr
    assert (folder / CELL).exists()
    seen = (tmp_path / "seen").read_text(encoding="utf-8").splitlines()
    assert [re.findall("reinrelax ([a-z]+) ", line) for line in seen] == [["data"], ["compute"]]
    assert all(line.startswith(f"exec --home {folder} --nv ") for line in seen)
    # Named, and not asked for: jobs run without it.
    (folder / CELL).unlink()
    done = run(folder, "--cores", "1", *SCALE, "--", CELL)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "seen").read_text(encoding="utf-8").splitlines()) == len(seen)


# A scheduler that starts every job at once.
_SUBMIT = """#!/bin/sh
echo "$(basename "$0")" "$@" >> "$SEEN"
for script; do :; done
setsid sh "$script" > /dev/null 2>&1 &
echo "$SAID" | sed "s/ID/$!/"
"""
_CANCEL = """#!/bin/sh
echo "$(basename "$0")" "$@" >> "$SEEN"
for job; do kill -TERM "-${job%%.*}"; done
"""
GENERIC = "workflow/profiles/generic"


@pytest.fixture
def scheduled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a project whose profile submits with one of its commands, to a stand-in."""

    def make(submit: str, cancel: str, said: str) -> Path:
        programs = tmp_path / "bin"
        programs.mkdir()
        for name, text in {**dict.fromkeys(("qsub", "bsub"), _SUBMIT), cancel: _CANCEL}.items():
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        given = {"SEEN": str(tmp_path / "seen"), "SAID": said, "OMP_NUM_THREADS": "1"}
        for name, value in {**given, "PATH": f"{programs}:{os.environ['PATH']}"}.items():
            monkeypatch.setenv(name, value)
        project = copy_project(tmp_path / "project")
        profile = project / GENERIC / "config.yaml"
        text = profile.read_text(encoding="utf-8")
        text = re.sub("^cluster-generic", "# cluster-generic", text, flags=re.MULTILINE)
        pair = (
            rf"# (cluster-generic-submit-cmd: {re.escape(submit)}.*\n)# (.*-cancel-cmd: {cancel})"
        )
        text, chosen = re.subn(pair, r"\1\2", text)
        assert chosen == 1
        text += "seconds-between-status-checks: 1\n"
        profile.write_text(text, encoding="utf-8")
        return project

    return make


@pytest.mark.parametrize(
    ("submit", "cancel", "said", "asked"),
    [
        ("qsub -N", "qdel", "ID.server", "select=1:ncpus=1:mem=3000mb -l walltime=3600 "),
        ("qsub -terse", "qdel", "ID", "-pe smp 1 -l h_vmem=3000M -l h_rt=3600 "),
        ("submit() ", "bkill", "Job <ID> is submitted.", "-n 1 .* -M 3000MB -W 60 "),
    ],
    ids=["PBS", "Grid Engine", "LSF"],
)
def test_jobs_ask_other_schedulers_for_what_they_need(
    submit: str, cancel: str, said: str, asked: str, scheduled: Callable[..., Path], tmp_path: Path
) -> None:
    project, target = scheduled(submit, cancel, said), "results/test/data/data.json"
    done = run(project, "--workflow-profile", GENERIC, *SCALE, "--", target)
    assert done.returncode == 0, done.stderr
    assert (project / target).exists()
    (call,) = (tmp_path / "seen").read_text(encoding="utf-8").splitlines()
    assert re.search(asked, call)
    assert re.search(r"external jobid '\d+(\.server)?'", done.stderr)


def test_an_interrupted_run_cancels_its_jobs_and_the_next_one_goes_on(
    scheduled: Callable[..., Path], tmp_path: Path
) -> None:
    project = scheduled("submit() ", "bkill", "Job <ID> is submitted.")
    changes = ("--config", "experiments={elbo: {epochs: 300}}")
    options = (*SCALE, "--workflow-profile", GENERIC, *changes, "--", CELL)
    first = subprocess.Popen([sys.executable, "-m", "snakemake", *options], cwd=project)
    wait_for("a checkpoint", (project / CELL).with_suffix(".checkpoint").exists, first)
    first.terminate()
    first.wait(timeout=DEADLINE)
    calls = (tmp_path / "seen").read_text(encoding="utf-8").splitlines()
    assert [call.split()[0] for call in calls] == ["bsub", "bsub", "bkill"]
    cell = cells(at_scale("test"))["elbo/8x4/ST"]
    assert f"-M {estimates.memory_mb(cell)}MB -W 30 " in calls[1]
    wait_for("end of the job", lambda: not alive(project))
    assert not (project / CELL).exists()
    done = run(project, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads((project / CELL).with_suffix(".json").read_text())["resumed_after_epoch"] > 0
