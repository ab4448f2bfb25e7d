"""The project's own promises: layers, locks, environment, seeds, files."""

import ast
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
import yaml

import reinrelax
from reinrelax.core import files, sources
from reinrelax.core.rng import Streams, derive
from reinrelax.errors import ResultsError
from tests.conftest import ROOT

# Each may import those above it. The order of docs/design.md.
LAYERS = [
    ["errors"],
    ["kernels"],
    ["core"],
    ["estimators", "distributions", "datasets"],
    ["latents", "rl", "layers"],
    ["experiments/<name>/experiment"],
    ["config"],
    ["jobs", "training"],
    ["vae", "claims"],
    ["results", "display"],
    ["experiments/<name>"],
    ["experiments"],
    ["reporting"],
    ["execution"],
    ["cli"],
    ["__main__"],
]
MODULES = ("errors", "experiments/<name>/experiment", "cli")
SOURCE = ROOT / "src/reinrelax"


def layer_of(parts: Sequence[str]) -> str:
    """The folder that a module is in, or the module, by its name behind the package's."""
    inner = parts[0] == "experiments" and (SOURCE / "experiments" / parts[1]).is_dir()
    if inner and list(parts[2:]) == ["experiment"]:
        return "experiments/<name>/experiment"
    return "experiments/<name>" if inner else parts[0]


def test_each_layer_imports_only_from_those_above() -> None:
    rank = {name: index for index, names in enumerate(LAYERS) for name in names}
    used: set[tuple[str, str]] = set()
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts == ("__init__",):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [
                f"{n}.{alias.name}" for n in names if n == "reinrelax" for alias in node.names
            ]  # type: ignore[attr-defined]
            for name in names:
                root, *inside = name.split(".")
                if root == "reinrelax" and inside and inside[0] in (*rank, "experiments"):
                    used.add(
                        (layer_of(parts), layer_of(inside if len(inside) > 1 else [*inside, ""]))
                    )
    wrong = [pair for pair in used if rank[pair[1]] >= rank[pair[0]] and pair[0] != pair[1]]
    assert sorted(wrong) == []
    assert len(used) > 60
    table = (
        (ROOT / "docs/design.md")
        .read_text(encoding="utf-8")
        .split("| folder |")[1]
        .split("\n\n")[0]
    )
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == [
        "| " + " ".join(f"`{name}`" if name in MODULES else f"`{name}/`" for name in names)
        for names in LAYERS[:-1]
    ]


def test_test_files_have_names_of_their_own() -> None:
    """Pytest imports them by name alone, and finds a name that stands twice only when it
    runs both.
    """
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(set(names)) == len(names)


def test_no_source_file_outgrows_one_concept() -> None:
    for path in [*SOURCE.rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 450, path


def test_configuration_is_checked_without_loading_torch() -> None:
    code = (
        "import sys; from reinrelax.config import load; from reinrelax.datasets import data; "
        "from reinrelax.jobs import planned; from reinrelax.execution import estimates; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def required() -> set[str]:
    """The packages that the project and its extras ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    return {re.split(r"[<>=!~ ]", requirement, maxsplit=1)[0].lower() for requirement in asked}


def locked() -> dict[str, set[str]]:
    """Versions by package; more than one where the newest Pythons need another."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    out: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^ \\]+)", text, re.MULTILINE):
        out.setdefault(name, set()).add(version)
    return out


def test_lock_pins_every_requirement_with_hashes_and_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert not re.search(r"index|find-links|https?://", text)
    for name in required():
        assert name in locked(), f"{name} is not in requirements.lock"


def test_environment_yml_has_what_the_workflow_needs_from_conda() -> None:
    """Within the limits of pyproject.toml; by pip, only what conda does not have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *chain(*(extras[n] for n in ("workflow", "report", "rl")))]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    renamed = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
    found = {
        re.sub(r"^[\w-]+", lambda name: renamed.get(name[0], name[0].replace("_", "-")), line)
        for line in conda
    }
    assert {"python=3.12", "pip", *needed} <= found
    assert [line for line in extras["dev"] if line.startswith("relaxit")] == pip["pip"]
    assert set(environment["channels"]) == {"conda-forge", "bioconda", "nodefaults"}
    made = runpy.run_path(str(ROOT / "workflow/lock.py"))["environment"](ROOT)
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == made


def test_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == reinrelax.__version__
    assert f"version: {reinrelax.__version__}" in (ROOT / "CITATION.cff").read_text(
        encoding="utf-8"
    )
    assert f"## {reinrelax.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_streams_depend_on_every_part_and_on_nothing_else() -> None:
    import torch

    assert derive(1, "noise", 12) != derive(11, "noise", 2)
    first = Streams.derive([0, 1], "noise", 3).exponential_(torch.empty(2, 5))
    torch.manual_seed(99)
    again = Streams.derive([0, 1], "noise", 3).exponential_(torch.empty(2, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    assert (first > 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponential_noise_has_its_law(dtype: str) -> None:
    """Kolmogorov–Smirnov against 1 − e^−x on 100,000 draws and on neighbours' sums, false alarm
    rate 2e-4.
    """
    import torch
    from scipy.stats import kstest

    noise = Streams.derive([0], "test").exponential_(
        torch.empty(1, 100_001, dtype=getattr(torch, dtype))
    )
    values = noise[0].double().numpy()
    assert kstest(values, "expon").pvalue > 1e-4
    assert kstest(values[:-1:2] + values[1::2], "gamma", args=(2,)).pvalue > 1e-4
    assert kstest(values * 1.05, "expon").pvalue < 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_noise_has_its_law_and_a_stream_a_replica(dtype: str) -> None:
    """Kolmogorov–Smirnov on 100,000 draws, false alarm rate 1e-4."""
    import torch
    from scipy.stats import kstest

    noise = Streams.derive([0, 1], "test").normal_(
        torch.empty(2, 100_000, dtype=getattr(torch, dtype))
    )
    assert kstest(noise[0].double().numpy(), "norm").pvalue > 1e-4
    alone = Streams.derive([1], "test").normal_(torch.empty(1, 100_000, dtype=noise.dtype))
    assert torch.equal(noise[1:], alone)
    assert not torch.equal(noise[0], noise[1])


def test_uniform_noise_excludes_both_ends() -> None:
    """Over 2²⁶ float32 draws, where either end would be expected several times."""
    import torch

    noise = torch.empty(1, 1 << 22)
    streams = Streams.derive([0], "test")
    for _ in range(16):
        streams.uniform_(noise)
        assert 0 < noise.min() < 1e-5
        assert 1 - 1e-5 < noise.max() < 1
        assert (noise.mean() - 0.5).abs() < 1e-3
        assert (noise[:, ::2] - 0.5).mul(noise[:, 1::2] - 0.5).mean().abs() < 1e-3


def test_source_fingerprint_follows_names_and_only_them() -> None:
    found = {
        module
        for module, _ in sources.reached(
            frozenset(["reinrelax.estimators.reinmax_cv_family:reinmax_cv"])
        )
    }
    assert {"reinrelax.estimators.gumbel", "reinrelax.core.rng"} <= found
    # Or a comment in the configuration's code would train everything anew.
    found |= {
        module
        for module, _ in sources.reached(frozenset(["reinrelax.experiments.discrete_vae.measure"]))
    }
    others = {
        "reinrelax.estimators.straight_through_family",
        "reinrelax.cli",
        "reinrelax.config.load",
        "reinrelax.jobs.runs",
        "reinrelax.datasets.data",
    }
    assert not others & found


def test_atomic_write_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    files.write_text(target, "old")

    def fail() -> None:
        with files.atomic(target) as file:
            file.write(b"new")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["file"]
    assert target.stat().st_mode & 0o444 == 0o444


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file where a folder should be")
    with pytest.raises(ResultsError, match="results/x: cannot be written"):
        files.write_text(tmp_path / "results" / "x", "")
