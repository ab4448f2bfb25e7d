"""Fixtures shared by all tests."""

import copy
import fcntl
import hashlib
import os
import pickle
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from reinrelax.config import load as configuration
from reinrelax.core import files
from reinrelax.datasets import data
from reinrelax.datasets.images import Images
from reinrelax.display.charts.canvas import Chart

ROOT = Path(__file__).parents[1]
# Where SLURM is installed without a cluster, Snakemake's plugin looks for one at every start: nine
# seconds.
os.environ["SLURM_CONF"] = "/dev/null"
# Read when Triton is imported: tests of GPU kernels compute them on the CPU.
os.environ["TRITON_INTERPRET"] = "1"
MNIST_ROOT = Path(os.environ.get("MNIST_ROOT") or ROOT / "data")
# Seconds that whatever a test waits for may take: only what hangs takes longer, on however busy a
# machine.
DEADLINE = 600


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Test processes run side by side; each keeps to one core."""
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole workflows first: at the end, a long test would leave the other processes
    without work.
    """
    items.sort(key=lambda item: ROOT / "tests/workflow" not in item.path.parents)


def wait_for(
    what: str, condition: Callable[[], Any], job: "subprocess.Popen[Any] | None" = None
) -> Any:
    """What the condition gives, once it gives something; a job that ends before is an error."""
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert job is None or job.poll() is None, f"ended before: {what}"
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        time.sleep(0.01)
    return found


def of_all(temporary: pytest.TempPathFactory) -> Path:
    """A folder that the processes of a run of tests share."""
    base = temporary.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first test process in need of it makes, for all of them to read."""
    base = of_all(temporary)
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / f"{name}.made").exists():
            make(base / name)
            (base / f"{name}.made").touch()
    return base / name


@pytest.fixture(autouse=True, scope="session")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Chart], str]]:
    """What draws a chart. Instead, charts that are equal are drawn once a run."""
    folder, draw = of_all(tmp_path_factory) / "drawn", Chart.draw

    def once(chart: Chart) -> str:
        path = folder / hashlib.sha256(pickle.dumps(chart)).hexdigest()
        if not path.exists():
            files.write_text(path, draw(chart))
        return path.read_text(encoding="utf-8")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chart, "draw", once)
        yield draw


@pytest.fixture
def raw_config(tmp_path: Path) -> dict[str, Any]:
    """The tests' scale as a mapping, with results in a temporary folder."""
    return {**raw_at("test"), "results": str(tmp_path / "results")}


@pytest.fixture
def load_config(raw_config: dict[str, Any]) -> Callable[..., configuration.Config]:
    """Loads the tests' scale with nested changes over it."""

    def load(**changes: Any) -> configuration.Config:
        raw = copy.deepcopy(raw_config)
        merge(raw, changes)
        return configuration.load(raw, ROOT)

    return load


def at_scale(name: str) -> configuration.Config:
    """The project's own configuration at one of its scales."""
    return configuration.load(raw_at(name), ROOT)


def raw_at(name: str) -> dict[str, Any]:
    """The same as a mapping."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / f"workflow/scales/{name}.yaml").read_text(encoding="utf-8")))
    return raw


def unchecked(spec: Any, **changes: Any) -> Any:
    """A specification with values that no configuration may have."""
    return SimpleNamespace(**{**vars(spec), **changes})


@pytest.fixture(scope="session")
def digits() -> Images:
    """A few hundred embedded digits."""
    images = data.embedded_digits()
    return Images(images.name, images.train[:300], images.test[:100])


@pytest.fixture(scope="session")
def mnist() -> Images:
    """The real data set, from MNIST_ROOT or fetched."""
    return data.mnist(MNIST_ROOT)


def merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Put `above` over `below` in place, nested mappings key by key."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            merge(below[key], value)
        else:
            below[key] = value
