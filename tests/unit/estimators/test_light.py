"""The library takes torch and numpy: nothing else is imported, and no compiler is needed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from reinrelax.distributions import CATALOGUE as LAWS
from reinrelax.estimators import CATALOGUE as ESTIMATORS
from tests.conftest import ROOT

# Refuses what no requirement of torch and numpy has installed, and then uses everything once.
CODE = """
import re, sys
from importlib.abc import MetaPathFinder
from importlib.metadata import distribution, packages_distributions

def needed(name, found):
    if name not in found:
        found.add(name)
        for line in distribution(name).requires or ():
            if "extra ==" not in line:
                try:
                    needed(re.match(r"[A-Za-z0-9_.-]+", line)[0].lower().replace("_", "-"), found)
                except ModuleNotFoundError:
                    pass
    return found

allowed = needed("numpy", needed("torch", set()))
refused = set()
for module, owners in packages_distributions().items():
    if not {owner.lower().replace("_", "-") for owner in owners} & allowed and module != "reinrelax":
        refused.add(module)
assert {"pandas", "scipy", "yaml", "matplotlib", "snakemake", "gymnasium"} <= refused

class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in refused:
            raise ModuleNotFoundError(f"blocked: {name}", name=name)

sys.meta_path.insert(0, Blocked())
import torch
import reinrelax
from reinrelax import distributions, estimators, gumbel_softmax, layers

logits = torch.randn(4, 2, 3, requires_grad=True)
loss = lambda z: (z[..., 0, :] * z[..., 1, :]).sum(-1)
for name in estimators.CATALOGUE:
    estimator = estimators.get(name)
    if type(estimator).__name__ == "Pathwise":
        loss(estimator(logits)).sum().backward()
    else:
        estimator(logits, loss).surrogate.sum().backward()
for folder in (reinrelax, estimators, distributions, layers):
    for name in folder.__all__:
        getattr(folder, name)
gumbel_softmax(logits, method="gumbel_rao")
distributions.HardConcrete(0.5, logits=logits).rsample().sum().backward()
small = layers.L0Linear(3, 2).eval().pruned()(logits)
print(len(estimators.CATALOGUE), len(distributions.CATALOGUE))
"""


@pytest.mark.parametrize("compiler", [True, False])
def test_the_library_imports_torch_and_numpy_alone(compiler: bool, tmp_path: Path) -> None:
    """And works where nothing compiles, of which it says so once, and no kernel was compiled
    before.
    """
    without = {"CC": "no-such-compiler", "PATH": "", "XDG_CACHE_HOME": str(tmp_path)}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | ({} if compiler else without)
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(ESTIMATORS)), str(len(LAWS))]
    assert ("cannot be compiled" in done.stderr) == (not compiler)


def test_torch_and_numpy_are_all_that_is_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [one.split(">")[0] for one in project["dependencies"]] == ["torch", "numpy"]
    extras = project["optional-dependencies"]
    assert set(extras) == {"workflow", "report", "rl", "dev"}
    everything = [one for extra in extras.values() for one in extra]
    assert len(set(everything)) == len(everything)


def test_the_command_names_the_extras_that_it_needs() -> None:
    code = (
        "import runpy, sys; sys.modules['yaml'] = None; runpy.run_module('reinrelax',"
        " run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == "yaml is missing: the workflow needs packages that the library does not. "
        "Run: pip install 'reinrelax[workflow,report,rl]'"
    )
