"""The workflow on a SLURM cluster of one node, started here from the distribution's own packages."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.conftest import ROOT, merge
from tests.workflow.test_workflow import copy_project

pytestmark = pytest.mark.slow
CLUSTER = ROOT / "workflow/slurm/cluster.sh"
# As a user does, but with shorter waits, and with one more try of a failed job.
DRIVER = [
    *(sys.executable, "-m", "snakemake", "--workflow-profile", "workflow/profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5", "--retries", "1"),
]
ESTIMATORS = ("ST", "ReinMax", "ReinMax-CV")
BATCHES = 3  # of an epoch


def small() -> dict[str, Any]:
    """A configuration with a job or two of each kind, and three trainings long enough to be killed."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))
    experiments = raw["experiments"]
    latents = experiments["relaxations"]["latents"]
    experiments["relaxations"]["latents"] = {"STS": latents["STS"]}
    experiments["grid"] |= {
        "estimators": ["ReinMax-CV"],
        "vary": {"ReinMax-CV": {"tau": [1.0], "eta": [0.5]}},
    }
    experiments["readings"] |= {"estimators": ["ReinMax"], "vary": {}}
    experiments["rl"] |= {"environments": {"CartPole-v1": [20]}, "algorithms": ["RELAX"]}
    experiments["elbo"] |= {"estimators": list(ESTIMATORS), "latent_shapes": ["8x4"], "epochs": 80}
    experiments["beta"] |= {"estimators": ["ReinMax-RK2"], "epochs": 2}
    # Its GPUs are no real ones.
    raw["machine"]["device"] = "cpu"
    return raw


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which SLURM's commands speak to a cluster of four cores."""
    folder = tmp_path_factory.mktemp("slurm")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CPUS": "4"}
    started = subprocess.run(
        [CLUSTER, "start", folder], env=environment, capture_output=True, text=True, check=False
    )
    assert started.returncode == 0, started.stderr
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    assert started.stdout.split() == ["export", f"SLURM_CONF={folder}/slurm.conf", f"PATH={folder}/bin:$PATH"]
    yield {**environment, "SLURM_CONF": f"{folder}/slurm.conf", "PATH": path}
    subprocess.run([CLUSTER, "stop", folder], check=True)


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 400) -> Any:
    """What the condition gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.05)
    return found


class Site:
    """A project folder on a cluster."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = copy_project(folder)
        self.results = folder / "results/test"
        self.environment = environment
        self.trainings: dict[str, tuple[int, dict[str, str]]] = {}
        (folder / "config.yaml").write_text(yaml.safe_dump(small()), encoding="utf-8")
        profile = folder / "workflow/profiles/slurm/config.yaml"
        text, edits = re.subn(r"^    # (gres: gpu:1) .*$", r"    \1", profile.read_text(), flags=re.MULTILINE)
        assert edits == 1, "the profile has one line that asks for GPUs"
        profile.write_text(text)

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def slurm(self, *command: str) -> str:
        done = self.call(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def drive(self, name: str, *targets: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [*DRIVER, "--", *targets],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def job(self, cell: str) -> tuple[int, dict[str, str]] | None:
        """Process and environment of a cell that trains on this cluster."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_text().split("\0")
                if cell in words and "compute" in words:
                    lines = (process / "environ").read_text().split("\0")
                    environ = dict(line.split("=", 1) for line in lines if "=" in line)
                    if environ["PATH"].find(self.environment["PATH"].split(":")[0]) >= 0:
                        return int(process.name), environ
            except OSError:
                continue  # it has ended
        return None

    def epoch(self, cell: str) -> int:
        """The epoch of a cell's checkpoint; 0 without one."""
        try:
            state = torch.load(self.results / f"{cell}.checkpoint", weights_only=True)
        except FileNotFoundError:
            return 0
        return int(state["t"]) // BATCHES

    def stall(self, cell: str) -> None:
        """Let a training stand still, and its time be up."""
        process, job = self.trainings[cell]
        os.kill(process, signal.SIGSTOP)
        self.slurm("scontrol", "update", f"JobId={job['SLURM_JOB_ID']}", "EndTime=now")

    def cancel(self, cell: str) -> None:
        _, job = self.trainings[cell]
        self.slurm("scancel", job["SLURM_JOB_ID"])

    def await_trainings(self, after: dict[str, int], act: Callable[[str], None]) -> None:
        """Act on each of these cells as soon as it trains and has a checkpoint of a later epoch."""
        self.trainings.clear()

        def look() -> bool:
            for cell in after.keys() - self.trainings.keys():
                if self.epoch(cell) > after[cell] and (job := self.job(cell)):
                    self.trainings[cell] = job
                    act(cell)
            return self.trainings.keys() == after.keys()

        wait_for(f"checkpoints of {', '.join(after)}", look)

    def record(self, cell: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.results / f"{cell}.json").read_text())
        return record


def undisturbed(site: Site, tmp_path: Path, cell: str) -> bytes:
    """The table of a cell that was trained at one go, without SLURM."""
    raw = {**small(), "results": str(tmp_path / "straight")}
    config = tmp_path / "straight.yaml"
    config.write_text(yaml.safe_dump(raw), encoding="utf-8")
    shutil.copytree(site.results / "data", tmp_path / "straight/test/data", dirs_exist_ok=True)
    command = [sys.executable, "-m", "reinrelax", "compute", "--config", str(config), "--job", cell]
    site.slurm(*command)
    assert json.loads((tmp_path / f"straight/test/{cell}.json").read_text())["resumed_after_epoch"] == 0
    return (tmp_path / f"straight/test/{cell}.csv").read_bytes()


def test_the_workflow_on_a_cluster_outlives_whatever_happens_to_it(
    cluster: dict[str, str], tmp_path: Path
) -> None:
    site = Site(tmp_path / "project", cluster)
    st, reinmax, _ = cells = [f"elbo/8x4/{name}" for name in ESTIMATORS]

    # Snakemake is killed while trainings run, each with a GPU of its own.
    driver = site.drive("first", *(f"results/test/{cell}.csv" for cell in cells))
    site.await_trainings(dict.fromkeys(cells, 0), lambda cell: None)
    driver.send_signal(signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL
    jobs = {cell: environ for cell, (_, environ) in site.trainings.items()}
    assert {job["CUDA_VISIBLE_DEVICES"] for job in jobs.values()} < {"0", "1", "2", "3"}
    assert len({job["CUDA_VISIBLE_DEVICES"] for job in jobs.values()}) == 3

    # What it had submitted is cancelled, as docs/cluster.md says; the lock it left is in nobody's way.
    guide = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    (cancel,) = re.findall(r"^squeue --me .*scancel$", guide, re.MULTILINE)
    site.slurm("bash", "-c", cancel)
    wait_for("end of jobs", lambda: not site.slurm("squeue", "--noheader"))
    assert any((tmp_path / "project/.snakemake/locks").iterdir())
    epochs = {cell: site.epoch(cell) for cell in cells}
    assert all(epochs.values())

    # One job cannot write what it must, one is cancelled, one stands still until its time is up.
    broken = site.results / "beta/8x4/ReinMax-RK2.checkpoint"
    broken.mkdir(parents=True)
    driver = site.drive("second")
    reached: dict[str, int] = {}

    def disturb(cell: str) -> None:
        (site.stall if cell == reinmax else site.cancel)(cell)
        reached[cell] = site.epoch(cell)

    site.await_trainings({cell: epochs[cell] for cell in (st, reinmax)}, disturb)
    straight = {cell: undisturbed(site, tmp_path, cell) for cell in (st, reinmax)}
    assert driver.wait(timeout=900) == 1
    said = site.said("second")
    for state in ("CANCELLED", "TIMEOUT", "FAILED"):
        assert f"SLURM status is: '{state}'" in said, state
    assert "results/test/logs/train/beta/8x4/ReinMax-RK2.log" in said
    assert "ReinMax-RK2.checkpoint: cannot be written" in said
    assert not (site.results / "beta/8x4/ReinMax-RK2.csv").exists()
    for cell in cells:
        assert site.record(cell)["resumed_after_epoch"] >= reached.get(cell, epochs[cell]), cell
    for cell, table in straight.items():
        assert (site.results / f"{cell}.csv").read_bytes() == table, cell
    for other in (
        "grid/8x4/ReinMax-CV.csv",
        "gradients/epoch-2/record.json",
        "rl/CartPole-v1-20/RELAX/record.json",
    ):
        assert (site.results / other).exists(), other

    # The cause is removed, and Snakemake started again.
    broken.rmdir()
    assert site.drive("third").wait(timeout=900) == 0, site.said("third")
    assert "report: results/test/report.html" in site.said("third")
    assert (site.results / "report.html").exists()


def test_missing_packages_are_named(tmp_path: Path) -> None:
    for program in ("bash", "realpath", "dirname"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    done = subprocess.run(
        ["bash", "-c", f"PATH={tmp_path}; . {CLUSTER} start {tmp_path}/cluster"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends slurm-wlm munge" in done.stderr
