"""Code in README.md and CONTRIBUTING.md works as shown."""

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

README, CONTRIBUTING = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
)


def block(containing: str) -> str:
    """The only code block of the two with this text in it."""
    blocks = re.findall(r"```\w+\n(.*?)```", README + CONTRIBUTING, re.DOTALL)
    found = [body for body in blocks if containing in body]
    assert len(found) == 1, f"{len(found)} blocks contain {containing!r}"
    return found[0]


def test_the_example_runs() -> None:
    code = (
        block("import reinmax") + "\nassert logits.grad.shape == (32, 4, 8) and logits.grad.any()\n"
    )
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
    catalogued(package, 'Entry("mine"')

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


def copied(target: Path) -> Path:
    """The package and its tests, to be added to."""
    for part in ("src", "tests", "workflow", "report"):
        shutil.copytree(
            ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in ("pyproject.toml", "config.yaml"):
        shutil.copy(ROOT / name, target)
    return target / "src/reinrelax"


def catalogued(package: Path, containing: str) -> None:
    """Put the line that is shown into the catalogue of a package."""
    catalogue = package / "__init__.py"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(
        text.replace("Entry] = {\n", "Entry] = {\n" + block(containing)), encoding="utf-8"
    )


def output_of_pytest(root: Path, *arguments: str) -> str:
    """The output of pytest in such a copy."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.slow
def test_a_new_distribution_is_held_to_the_contract(tmp_path: Path) -> None:
    package = copied(tmp_path)
    catalogued(package / "distributions", 'Entry("probit")')

    def held(mine: str) -> str:
        (package / "distributions/probit.py").write_text(mine, encoding="utf-8")
        return output_of_pytest(tmp_path, "tests/contracts", "-k", "ProbitGate or probit")

    mine = block("class ProbitGate")
    passed = re.search(r"(\d+) passed", held(mine))
    assert passed
    assert int(passed[1]) > 20
    # One that draws noise of its own, and one whose hard value is another's.
    assert "failed" in held(mine.replace("logit(noise)) /", "logit(torch.rand_like(noise))) /"))
    assert "failed" in held(mine.replace("logit(noise) > 0", "logit(noise) < 0"))


@pytest.mark.slow
def test_a_new_distribution_can_be_measured_and_trained_with(tmp_path: Path) -> None:
    package = copied(tmp_path)
    (package / "distributions/probit.py").write_text(block("class ProbitGate"), encoding="utf-8")
    (package / "latents/probit.py").write_text(block("def probit("), encoding="utf-8")
    catalogued(package / "distributions", 'Entry("probit")')
    catalogued(package / "latents", '"Probit": Entry(')
    assert re.search(
        r"[1-9]\d* passed",
        out := output_of_pytest(tmp_path, "tests/unit/latents/test_latents.py", "-k", "Probit"),
    )
    assert "failed" not in out
    cases = package / "experiments/properties/cases.py"
    text = cases.read_text(encoding="utf-8")
    line = '        _straight_through("sigmoid"'
    cases.write_text(text.replace(line, block('_gate("ProbitGate"') + line), encoding="utf-8")
    code = (
        "import torch; from reinrelax.experiments.properties.cases import cases; "
        "case = next(case for case in cases() if case.relaxation == 'ProbitGate'); "
        "assert case.build(torch.zeros(()), 0.5).rsample((3,)).shape == (3,)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.slow
def test_a_new_data_set_is_held_to_the_contract(tmp_path: Path) -> None:
    package = copied(tmp_path)
    (package / "datasets/noise.py").write_text(block("def at_hand("), encoding="utf-8")
    catalogued(package / "datasets", '"noise": Entry(')
    assert "1 passed" in output_of_pytest(
        tmp_path, "tests/unit/datasets/test_datasets.py", "-k", "noise and contract"
    )


@pytest.mark.slow
def test_a_new_experiment_loads_as_shown(tmp_path: Path) -> None:
    folder = copied(tmp_path) / "experiments/coins"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Coins that are tossed."""', encoding="utf-8")
    (folder / "experiment.py").write_text(block("class Coins"), encoding="utf-8")
    code = (
        "from reinrelax.config.declared import EXPERIMENTS; assert"
        " EXPERIMENTS['coins'].spec(tosses=3)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
