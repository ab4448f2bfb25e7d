"""What the README shows works as shown: the example, and adding an estimator in one file and one line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT, merge

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(containing: str) -> str:
    """The README's only code block with this text in it."""
    found = [body for body in re.findall(r"```\w+\n(.*?)```", README, re.DOTALL) if containing in body]
    assert len(found) == 1, f"{len(found)} blocks contain {containing!r}"
    return found[0]


def test_the_example_runs() -> None:
    code = block("import reinmax") + "\nassert logits.grad.shape == (32, 4, 8) and logits.grad.any()\n"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_example_of_a_relaxation_runs() -> None:
    before = "import torch\ng = torch.Generator().manual_seed(0)\n"
    code = (
        before
        + block("import HardConcrete")
        + "\nloss.backward()\nassert (z == 0).any() and (z == 1).any()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_every_function_of_the_table_exists() -> None:
    from reinrelax import estimators

    section = README.split("## Using the estimators")[1].split("\n## ")[0]
    names = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    assert {"straight_through", "reinmax", "reinmax_rao", "reinforce"} <= names
    for name in names:
        assert callable(getattr(estimators, name))


@pytest.mark.slow
def test_a_new_estimator_reaches_every_table(tmp_path: Path) -> None:
    for part in ("src", "workflow", "report", "benchmarks"):
        shutil.copytree(
            ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    package = tmp_path / "src/reinrelax/estimators"
    (package / "mine.py").write_text(block('@pathwise(name="Mine"'), encoding="utf-8")
    catalogue = package / "__init__.py"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(
        text.replace("CATALOGUE = {\n", "CATALOGUE = {\n" + block('Entry("mine"')), encoding="utf-8"
    )

    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))
    merge(raw, yaml.safe_load(block("Mine: {any:")))
    merge(raw, {"experiments": {"elbo": {"estimators": ["ST", "Mine"], "latent_shapes": ["8x4"]}}})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")

    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    for command in (
        ["data"],
        ["compute", "--job", "elbo/8x4/ST"],
        ["compute", "--job", "elbo/8x4/Mine"],
        ["report"],
    ):
        subprocess.run(
            [sys.executable, "-m", "reinrelax", *command],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
        )
    results = tmp_path / "results/test"
    for table in ("table2.csv", "table3.csv"):
        rows = pd.read_csv(results / "tables" / table).set_index(["estimator", "latent"])
        rows = rows[rows["method"] == "as printed"]
        mine = rows.loc[("Mine", "8x4")]
        assert mine["seeds"] == 2
        # Half the gradient through the codes: another training than straight-through's.
        assert mine["mean"] != rows.loc[("ST", "8x4"), "mean"]
    assert "Mine" in (results / "details.html").read_text(encoding="utf-8")
    assert "Mine" in set(pd.read_csv(results / "figures/figure3.csv")["series"])


@pytest.mark.slow
def test_a_new_distribution_is_held_to_the_contract(tmp_path: Path) -> None:
    for part in ("src", "tests"):
        shutil.copytree(
            ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "src/reinrelax/distributions"
    catalogue = package / "__init__.py"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(
        text.replace("CATALOGUE = {\n", "CATALOGUE = {\n" + block('Entry("probit")')), encoding="utf-8"
    )

    def held(mine: str) -> str:
        (package / "probit.py").write_text(mine, encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests/contracts", "-k", "ProbitGate or probit"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{tmp_path / 'src'}:{tmp_path}"},
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    mine = block("class ProbitGate")
    passed = re.search(r"(\d+) passed", held(mine))
    assert passed
    assert int(passed[1]) > 20
    # One that draws noise of its own, and one whose hard value is another's.
    assert "failed" in held(mine.replace("logit(noise)) /", "logit(torch.rand_like(noise))) /"))
    assert "failed" in held(mine.replace("logit(noise) > 0", "logit(noise) < 0"))
