"""A project in whose runs every job copies a result that lies ready: a real workflow within
seconds.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.core import records
from reinrelax.datasets import data, images
from reinrelax.datasets.images import Images
from reinrelax.display.tables import CHECKSUMS
from reinrelax.jobs.planned import jobs
from reinrelax.results.read import read_job
from tests.conftest import DEADLINE, ROOT, merge
from tests.helpers.pages import flat
from tests.helpers.synthetic import write_results, write_studies
from tests.workflow.test_workflow import copy_project

SCALE = ("--configfile", "workflow/scales/test.yaml")
# What a job would compute is copied from $READY; one whose command holds $FAILING fails.
_PROGRAM = """
python3() {
  local job="$3"
  if [[ -n "$FAILING" && " $* " == *" $FAILING "* ]]; then echo "told to fail" >&2; return 1; fi
  while (($#)); do
    case "$1" in --job) job="$2" ;; esac
    shift
  done
  local here="$PWD"
  (cd "$READY" && xargs -d '\\n' cp --parents -t "$here" < "lists/${job//\\//,}")
}
"""


def raw_config() -> dict[str, Any]:
    """The tests' scale, with results in the working directory."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))
    return raw


def settings(folder: Path) -> Config:
    """The tests' scale, with results where the project `folder` has them."""
    return configuration.load({**raw_config(), "results": str(folder / "results")}, ROOT)


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of the workflow in the project `folder`, or in another one below the ready results."""
    ready = next(parent / "ready" for parent in folder.parents if (parent / "ready").is_dir())
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env={
            **os.environ,
            **{
                "BASH_ENV": str(ready / "program"),
                "READY": str(ready),
                "FAILING": "",
                "PYTHONWARNINGS": "default",
            },
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def rules(output: str) -> dict[str, int]:
    """How many jobs of each rule a run or a dry run has."""
    stats = output.split("Job stats:")[1].split("\ntotal")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}


def make(folder: Path) -> None:
    """`folder/ready`, with results of every job, and `folder/project`, whose run has finished."""
    project, ready = folder / "project", folder / "ready"
    (ready / "lists").mkdir(parents=True)
    copy_project(project)
    (ready / "program").write_text(_PROGRAM, encoding="utf-8")
    config = settings(ready)
    small = data.embedded_digits()
    prepared = Images("digits", small.train[:300], small.test[:100])
    images.save(prepared, config.folder / "data")
    write_results(config, flat, sha256=prepared.sha256)
    write_studies(config)
    lists: dict[str, list[Path]] = {}
    for job in jobs(config).values():
        for path in job.results:
            if path.suffix == ".pt":
                (config.folder / path).write_bytes(b"parameters")
        record = json.loads((config.folder / job.record).read_text(encoding="utf-8"))
        records.write(
            config.folder / job.record, record, [config.folder / path for path in job.results]
        )
        lists[job.name] = [*job.results, job.record]
    lists |= _others(project, config)
    for name, paths in lists.items():
        lines = "".join(f"results/test/{path}\n" for path in paths)
        (ready / "lists" / name.replace("/", ",")).write_text(lines, encoding="utf-8")
    done = start(project, *SCALE)
    assert done.returncode == 0, done.stdout + done.stderr


def _others(project: Path, config: Config) -> dict[str, list[Path]]:
    """What the jobs write that compute nothing, by their commands; it is made where it does not lie
    ready.
    """
    lists: dict[str, list[Path]] = {
        name: [] for name in ("data", "judge", "draw", "export", "render")
    }
    done = start(project, *SCALE, "--summary")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines()[1:]:
        output, _, rule = line.split("\t")[:3]
        if rule in lists:
            path = Path(output).relative_to("results/test")
            lists[rule].append(path)
            if rule != "data":
                (config.folder / path).parent.mkdir(exist_ok=True)
                empty = "{}" if path.name == CHECKSUMS else "[]"
                text = {".json": empty, ".csv": "mean\n1.5\n", ".svg": "<svg/>"}.get(
                    path.suffix, ""
                )
                (config.folder / path).write_text(text, encoding="utf-8")
    return lists


def whole(folder: Path) -> bool:
    """Whether nothing that was planned is absent, damaged or of other settings."""
    config, ready = settings(folder), settings(folder.parent / "ready")
    return all(read_job(config, job) is not None for job in jobs(config).values()) and {
        path.relative_to(ready.folder) for path in ready.folder.rglob("*.*")
    } <= {path.relative_to(config.folder) for path in config.folder.rglob("*.*")}
