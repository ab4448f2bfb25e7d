"""A campaign that is interrupted and goes on; what is published: a report of it, and jobs that are
done.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from reinrelax.core import records
from tests.conftest import ROOT, made_once, merge
from tests.workflow.test_recovery import alive
from tests.workflow.test_workflow import copy_of, copy_project, run, run_all, snakemake

pytestmark = pytest.mark.slow
CONFIG = ("--config", "config.yaml", "--config", "workflow/scales/test.yaml")


def reinrelax(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, command, *CONFIG, *arguments, module="reinrelax")


def from_a_commit(folder: Path, ending: str = "") -> None:
    """Let records say that they were computed at a commit: the tests' own tree may have changes."""
    for path in folder.rglob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if "commit" in content:
            described = [
                path.parent / name for name in content.pop("checksums") if name != "record"
            ]
            records.write(path, {**content, "commit": "c" * 40 + ending}, described)


def test_a_finished_run_is_published_and_its_report_outlives_its_source(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(made_once(tmp_path_factory, "finished", run_all), tmp_path / "project")
    results = folder / "results/test"
    from_a_commit(results, "+changes")
    refused = reinrelax(folder, "publish")
    assert refused.returncode == 1
    assert "computed with uncommitted changes: elbo/8x4/ST" in refused.stderr
    assert not (folder / "published").exists()
    from_a_commit(results)
    done = reinrelax(folder, "publish")
    assert done.returncode == 0, done.stderr
    assert " 0 absent" in done.stdout
    # Elsewhere nothing but what is published, and a source that has changed since.
    elsewhere = copy_project(tmp_path / "elsewhere")
    shutil.copytree(folder / "published", elsewhere / "published")
    source = tmp_path / "changed"
    shutil.copytree(
        ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    with (source / "reinrelax/experiments/policy_gradient/measure.py").open(
        "a", encoding="utf-8"
    ) as module:
        module.write("CHANGED = True\n")
    with monkeypatch.context() as changed:
        changed.setenv("PYTHONPATH", str(source))
        built = reinrelax(elsewhere, "report", "--published", "published/test")
    assert built.returncode == 0, built.stderr
    folder = elsewhere / "results/published/test"
    page = "".join(
        (folder / name).read_text(encoding="utf-8") for name in ("report.html", "details.html")
    )
    assert "published results computed by earlier source code:" in page
    assert "The code that computes them has changed since: rl (6 jobs)." in page
    assert "0 unreadable" in page
    assert "results/test/elbo/8x4/ST.csv" in page  # what a command computes anew
    for table in ("table2", "relaxations", "rl_summary"):
        expected = (results / f"tables/{table}.csv").read_text(encoding="utf-8")
        found = (elsewhere / f"results/published/test/tables/{table}.csv").read_text(
            encoding="utf-8"
        )
        assert found == expected, table
    # A run takes them for finished.
    taken = reinrelax(elsewhere, "merge", "results/test", "published/test")
    assert taken.returncode == 0, taken.stderr
    plan = snakemake(elsewhere, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    rules = {
        line.split()[0]
        for line in plan.stdout.split("Job stats:")[1].splitlines()[3:]
        if line.strip()
    }
    assert rules & {"judge", "draw"}
    computing = ("data", "train", "relaxed", "snapshots", "measure", "learn", "cost", "identities")
    assert not rules & {*computing, "copula", "bridge", "decoupled", "properties", "library"}


def test_an_interrupted_campaign_leaves_no_job_and_goes_on_from_its_checkpoint(
    tmp_path: Path,
) -> None:
    folder = copy_project(tmp_path / "project")
    scale = folder / "workflow/scales/test.yaml"
    raw = yaml.safe_load(scale.read_text(encoding="utf-8"))
    one = {"estimators": ["ST"], "latent_shapes": ["8x4"]}
    merge(raw, {"experiments": {"elbo": {**one, "epochs": 150}}})
    scale.write_text(yaml.safe_dump(raw), encoding="utf-8")
    command = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start() -> subprocess.Popen[bytes]:
        """As a script starts it in the background."""
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )

    first = start()
    checkpoint = folder / "results/test/elbo/8x4/ST.checkpoint"
    deadline = time.monotonic() + 600
    while not checkpoint.exists():
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=600) == 3
    assert alive(folder) == []
    assert checkpoint.exists()
    assert start().wait(timeout=600) == 0
    record = json.loads((folder / "results/test/elbo/8x4/ST.json").read_text(encoding="utf-8"))
    assert record["resumed_after_epoch"] > 0
    assert not checkpoint.exists()


# A campaign of one experiment: all would take minutes.
PROGRAM = """
import sys
from pathlib import Path
from reinrelax.config import load
from reinrelax.core.yaml_file import merged, read_yaml
from reinrelax.execution import campaign
files = [Path("config.yaml"), Path("workflow/scales/test.yaml")]
stages = campaign.stages
def left(config, root=Path()):
    return [stage for stage in stages(config, root) if stage.jobs[0].experiment == "elbo"]
campaign.stages = left
outcome = campaign.run(load.load(merged(*map(read_yaml, files)), Path()), files, "2", None)
sys.exit(3 if outcome.interrupted else len(outcome.left))
"""
