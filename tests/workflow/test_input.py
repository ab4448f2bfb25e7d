"""Spoilt configurations and merged folders, as Snakemake takes them."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.datasets import data, images
from reinrelax.datasets.images import Images
from reinrelax.results.merge import merge
from tests.conftest import DEADLINE, ROOT
from tests.conftest import merge as put_over
from tests.helpers.synthetic import write_results, write_studies

pytestmark = pytest.mark.slow
PARTS = ("Snakefile", "config.yaml", "environment.yml", "workflow", "report", "benchmarks")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's files without results."""
    folder = tmp_path / "project"
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(
                ROOT / part, folder / part, ignore=ignore, copy_function=shutil.copyfile
            )
        else:
            shutil.copyfile(ROOT / part, folder / part)
    return folder


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    scale = ["--configfile", "workflow/scales/test.yaml", *arguments]
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *scale],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "experiments: {elbo: {seeds: 3, seeds: 4}}",
            "the key 'seeds' appears twice in one mapping",
        ),
        (
            "experiments: {copula: {tau: .nan}}",
            "experiments.copula.tau: must be a finite number; got nan",
        ),
        ("results: -results", "results: must be a path of at most 200 characters"),
    ],
)
def test_a_spoilt_configuration_is_one_clear_message_and_no_job(
    project: Path, text: str, says: str
) -> None:
    before = set(project.rglob("*"))
    (project / "own.yaml").write_text(text)
    done = snakemake(project, "own.yaml")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert output.count(says) == 1, output
    assert "Traceback" not in output
    assert "Job stats" not in output
    made = {path.relative_to(project).parts[0] for path in set(project.rglob("*")) - before}
    assert made <= {"own.yaml", ".snakemake"}


def test_what_was_merged_is_not_computed_again(project: Path, tmp_path: Path) -> None:
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    put_over(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))

    def config(results: Path) -> Config:
        return configuration.load({**raw, "results": str(results)}, ROOT)

    def machine(name: str, has: Callable[[str], bool]) -> Path:
        own = config(tmp_path / name)
        all_of_it = data.embedded_digits()
        prepared = Images("digits", all_of_it.train[:300], all_of_it.test[:100])
        images.save(prepared, own.folder / "data")
        write_results(own, final, only=lambda cell: has(cell.name), sha256=prepared.sha256)
        write_studies(own, only=has)
        for path in own.folder.glob("gradients*/8x4/*.csv"):
            path.with_suffix(".pt").write_bytes(b"parameters")
        return own.folder

    def final(run: Run) -> tuple[float, float]:
        return 100.0 + run.seed, 101.0

    first = machine("a", lambda name: name.startswith(("elbo/", "rl/")))
    second = machine("b", lambda name: not name.startswith(("elbo/", "rl/", "identities")))
    merge(config(project / "results"), project / "results/test", [first, second])
    done = snakemake(project, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    stats = done.stdout.split("Job stats:")[1].split("total")[0].split()
    assert {name for name in stats if name.isalpha()} - {"job", "count"} == {
        *("all", "draw", "export", "identities", "judge", "render"),
    }
