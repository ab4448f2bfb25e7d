"""What four people do with the project by its README alone, each in a fresh copy of it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.conftest import DEADLINE, ROOT, wait_for
from tests.workflow.test_readme import block
from tests.workflow.test_recovery import alive
from tests.workflow.test_workflow import copy_project

pytestmark = pytest.mark.slow

ENVIRONMENT = Path(sys.prefix)


class Person:
    """Somebody in a copy of the project, in an environment that is ready."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_project(folder / "project")
        for part in ("src", "tests", "Makefile", "pyproject.toml"):
            copied = shutil.copytree if (ROOT / part).is_dir() else shutil.copyfile
            copied(ROOT / part, self.folder / part)
        # As the environment that `make` makes in a clone has the clone's own source.
        (self.folder / ".venv").symlink_to(ENVIRONMENT)
        self._environment = {
            **os.environ,
            **{"PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"},
            "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command that goes on meanwhile."""
        if command[0] == "make":
            command = (*command, "CORES=2", "--old-file", ".venv/.ready")
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def types(self, *command: str, status: int = 0) -> str:
        """What a command says, which ends with this status."""
        done = self.start(*command)
        said, _ = done.communicate(timeout=DEADLINE)
        assert done.returncode == status, said
        return said

    def edits(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def changes_a_number(self, file: str) -> Path:
        path = self.folder / "results" / file
        text = path.read_text(encoding="utf-8")
        # The first digit behind a point is another one.
        changed = re.sub(r"\.(\d)", lambda digit: f".{(int(digit[1]) + 1) % 10}", text, count=1)
        path.write_text(changed, encoding="utf-8")
        return path

    def reads(self, file: str) -> str:
        return (self.folder / "results" / file).read_text(encoding="utf-8")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_a_doctoral_student_adds_an_estimator_with_a_hyperparameter_of_its_own(
    person: Person,
) -> None:
    estimators = "src/reinrelax/estimators"
    formula = block('@pathwise(name="Mine"')
    formula = formula.replace("tau: Tensor | float)", "tau: Tensor | float, gamma: Tensor | float)")
    formula = formula.replace("/ tau / 2", "/ tau * gamma")
    (person.folder / estimators / "mine.py").write_text(formula, encoding="utf-8")
    line = block('Entry("mine"').replace('("tau",)', '("tau", "gamma")')
    person.edits(f"{estimators}/__init__.py", "Entry] = {\n", f"Entry] = {{\n{line}")
    entry = '    "gamma": Hyperparameter("share of the gradient", "γ", 1.0, (0.4, 0.9), above=0),\n'
    table = "HYPERPARAMETERS = {\n"
    person.edits(f"{estimators}/hyperparameters.py", table, table + entry)
    settings = block("Mine: {any:").replace("tau: 1.0}", "tau: 1.0, gamma: 0.5}")
    person.edits("config.yaml", "settings: {}\n", settings)
    person.edits(
        "workflow/scales/test.yaml", "[ST, ReinMax, ReinMax-CV]", "[ST, ReinMax, ReinMax-CV, Mine]"
    )
    some = "ONLY=experiments: [elbo], shapes: [8x4], estimators: [Mine, ReinMax]"
    assert "elbo/8x4/Mine" in person.types("make", "plan", "SCALE=test", some)
    said = person.types("make", "report", "SCALE=test", some)
    assert "report: results/test/report.html" in said
    rows = pd.read_csv(person.folder / "results/test/tables/table2.csv")
    mine = rows[rows["estimator"] == "Mine"].iloc[0]
    assert (mine["latent"], mine["seeds"]) == ("8x4", 2)
    ours = pd.read_csv(person.folder / "results/test/elbo/8x4/Mine.csv")
    assert set(ours["gamma"]) == {0.5}
    assert "Mine" in person.reads("test/details.html")
    contracts = ("tests/contracts/test_estimators.py", "-k", "Mine", "-p", "no:cacheprovider")
    assert " passed" in person.types("python", "-m", "pytest", "-q", *contracts)


def test_a_reviewer_repeats_a_result_and_distrusts_it(person: Person) -> None:
    cell, config = "elbo/8x4/ReinMax", ("--config", "results/test/config.yaml")
    some = "experiments: [elbo], shapes: [8x4], estimators: [ReinMax]"
    person.types("make", "report", "SCALE=test", f"ONLY={some}")
    said = person.types("python", "-m", "reinrelax", "recompute", cell, *config)
    assert "identical to the last digit" in said

    # Seeds of one's own.
    snakemake = (
        "snakemake",
        "--cores",
        "2",
        "--configfile",
        "workflow/scales/test.yaml",
        "--config",
    )
    person.types(
        *snakemake, "scale=again", "experiments={elbo: {seeds: [10, 11]}}", f"only={{{some}}}"
    )
    assert set(pd.read_csv(person.folder / f"results/again/{cell}.csv")["seed"]) == {10, 11}
    person.types("make", "diff", "A=results/test", "B=results/again")
    assert "seed" in person.reads("diff.html")

    # A forced job trains.
    record = json.loads(person.reads(f"test/{cell}.json"))
    said = person.types(*snakemake, f"only={{{some}}}", "--force", "--", f"results/test/{cell}.csv")
    anew = json.loads(person.reads(f"test/{cell}.json"))
    assert anew["images_trained"] == record["images_trained"] > 0
    assert anew["started"] != record["started"]

    # A number that is changed by hand is no result: not in the table, nor in what saves a training.
    table = person.changes_a_number(f"test/{cell}.csv")
    person.types("python", "-m", "reinrelax", "report", *config)
    assert f"{cell}.csv: differs from the checksum in its record" in person.reads(
        "test/details.html"
    )
    table.unlink()
    person.changes_a_number(f"test/{cell}.runs.json")
    person.types("make", "report", "SCALE=test", f"ONLY={some}")
    assert json.loads(person.reads(f"test/{cell}.json"))["reused"] == {}

    # A limit that is changed is named.
    claims = "report/claims/beyond-reinmax-numbers.yaml"
    person.edits(claims, "reproduced_within: 0.5", "reproduced_within: 5.0")
    person.types("python", "-m", "reinrelax", "report", *config)
    assert re.search(r"Judged by \d+ rules in no known commit", person.reads("test/report.html"))


def test_an_engineer_looks_after_a_long_run(person: Person) -> None:
    person.edits(
        "workflow/scales/test.yaml",
        "    epochs: 2\n    draws: 3\n  early:",
        "    epochs: 100\n    draws: 3\n  early:",
    )
    some = ("SCALE=test", "ONLY=experiments: [elbo], shapes: [8x4], estimators: [ReinMax, ST]")
    assert "2 of 2 jobs to do" in person.types("make", "plan", *some)
    run = person.start("make", "report", *some)
    checkpoint = person.folder / "results/test/elbo/8x4/ReinMax.checkpoint"
    wait_for("a checkpoint", checkpoint.exists, run)
    os.killpg(run.pid, signal.SIGTERM)
    said, _ = run.communicate(timeout=DEADLINE)
    assert alive(person.folder) == []
    assert "interrupted. Run the same command again to resume." in said
    assert "some jobs failed" not in said
    assert "begun" in person.types("make", "plan", *some)
    person.types("make", "report", *some)
    record = json.loads(person.reads("test/elbo/8x4/ReinMax.json"))
    assert record["resumed_after_epoch"] > 0

    # Other settings: what is stale, why, and how it is got rid of.
    person.edits("workflow/scales/test.yaml", "epochs: 100", "epochs: 3")
    assert "other settings: experiments.elbo.epochs: 100, now 3" in person.types(
        "make", "plan", *some
    )
    scale = ("--config", "config.yaml", "--config", "workflow/scales/test.yaml")
    listed = person.types("python", "-m", "reinrelax", "clean", *scale)
    assert "elbo/8x4/ReinMax" in listed
    person.types("python", "-m", "reinrelax", "clean", *scale, "--remove")
    assert not (person.folder / "results/test/elbo/8x4/ReinMax.csv").exists()


def test_a_teacher_has_a_class_train_on_pictures_of_its_own(person: Person) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 10, 12), dtype=np.uint8)
    for index, picture in enumerate(pixels):
        folder = person.folder / "pictures" / ("train" if index < 40 else "test")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{index:02}.png")
    scale = yaml.safe_load(
        (person.folder / "workflow/scales/test.yaml").read_text(encoding="utf-8")
    )
    scale["scale"] = "class"
    scale["dataset"] = {
        "name": "folder",
        "root": "pictures",
        "train_images": None,
        "test_images": None,
    }
    trained = {"estimators": ["ReinMax", "ST"], "as_run": [], "latent_shapes": ["3x2"]}
    scale["experiments"]["elbo"] |= {**trained, "hidden": [20, 10], "batch_size": 20}
    settings = {"any": {"optimizer": "Adam", "learning_rate": 0.001, "tau": 1.0}}
    scale["settings"] = {"ReinMax": settings, "ST": settings}
    (person.folder / "workflow/scales/class.yaml").write_text(
        yaml.safe_dump(scale), encoding="utf-8"
    )
    some = "ONLY=experiments: [elbo]"
    assert "report: results/class/report.html" in person.types(
        "make", "report", "SCALE=class", some
    )
    rows = pd.read_csv(person.folder / "results/class/elbo/3x2/ReinMax.csv")
    assert set(rows["dataset"]) == {"folder:pictures"}
    assert set(rows["train_images"]) == {40}
    # No more than chance can be learned of noise: ln 2 a pixel.
    assert rows["train_nelbo_nats"].between(60, 130).all()
    page = person.reads("class/report.html")
    assert "pictures" in page
    claims = json.loads(person.reads("class/tables/claims.json"))
    judged = {"reproduced", "near", "compatible", "undecided", "not reproduced"}
    assert not [c["id"] for c in claims if c["subject"] == "trainings" and c["verdict"] in judged]
