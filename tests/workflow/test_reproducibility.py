"""The same numbers again: alone and side by side to the bit, elsewhere to a stated tolerance."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from tests.conftest import ROOT, merge

pytestmark = pytest.mark.slow
JOBS = [
    ("compute", "--job", name)
    for name in ("elbo/8x4/ReinMax-CV", "relaxations/2x20/REBAR", "rl/CartPole-v1-70/RELAX", "bridge")
]
# In nats: a tenth of the last digit that the papers print. Float32 products that are summed in another
# order differ by some 1e-7 of their size, and the loss is a few hundred nats: six steps of training end
# up to 6e-5 apart, as measured, where all draws turn out alike. Where two keys of a draw are equal to
# rounding, it may not: that is worth two nats at most to its image, as measured 0.8, and to a mean over
# images so much less. It grows with the steps: no promise of the bits.
NATS, DRAW = 1e-3, 2.0
# Studies compute in float64.
RELATIVE, ABSOLUTE = 1e-9, 1e-9
# Another processor's code paths on this one: without vector instructions in torch, and none beyond SSE4.1 in
# oneDNN, which multiplies.
ELSEWHERE = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "CFLAGS": "-U__AVX512F__ -U__AVX2__",  # of the kernels
}

Compute = Callable[..., dict[str, Path]]


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Compute:
    """Runs the jobs into a folder of its own; its tables by name."""

    def run(together: int = 1, threads: int = 1, **environment: str) -> dict[str, Path]:
        folder = tmp_path_factory.mktemp("machine")
        raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        merge(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))
        merge(raw, {"results": str(folder), "machine": {"threads": threads, "device": "cpu"}})
        (folder / "config.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
        images.save(_pixels(), folder / "test/data")
        for start in range(0, len(JOBS), together):
            jobs = [_start(job, folder, environment) for job in JOBS[start : start + together]]
            for job in jobs:
                output, _ = job.communicate(timeout=300)
                assert job.returncode == 0, output
        tables = (folder / "test").rglob("*.csv")
        return {str(path.relative_to(folder)): path for path in tables}

    return run


def _pixels() -> Images:
    """Images that no machine computes."""
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 256, (n, 784), dtype=np.uint8) for n in (300, 100))
    return Images("digits", train, test)


def _start(job: tuple[str, ...], folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "reinrelax", *job, "--config", str(folder / "config.yaml")],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def alone(compute: Compute) -> dict[str, Path]:
    """What jobs compute one after the other."""
    tables = compute()
    assert len(tables) == 6
    return tables


def test_jobs_side_by_side_compute_the_same_bits(alone: dict[str, Path], compute: Compute) -> None:
    """As with --cores 1 and more."""
    beside = compute(together=len(JOBS))
    assert {name: path.read_bytes() for name, path in beside.items()} == {
        name: path.read_bytes() for name, path in alone.items()
    }


def differences(ours: dict[str, Path], theirs: dict[str, Path]) -> Iterator[str]:
    """Columns of tables that differ by more than is allowed."""
    assert set(ours) == set(theirs)
    for name, path in ours.items():
        a, b = pd.read_csv(path), pd.read_csv(theirs[name])
        assert a.shape == b.shape, name
        for column in a.columns:
            x, y = a[column], b[column]
            if column.endswith("_nats"):
                images_of = a["train_images" if column.startswith("train") else "test_images"]
                same = np.allclose(x, y, rtol=0, atol=NATS + DRAW / images_of.min(), equal_nan=True)
            elif x.dtype.kind == "f":
                same = np.allclose(x, y, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
            else:
                same = x.equals(y)
            if not same:
                yield f"{name}: {column}"


def test_another_number_of_threads_changes_rounding_alone(alone: dict[str, Path], compute: Compute) -> None:
    assert list(differences(alone, compute(together=2, threads=2))) == []


def test_another_processor_changes_rounding_alone(alone: dict[str, Path], compute: Compute) -> None:
    code = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    path = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **ELSEWHERE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert path.stdout.strip() == "DEFAULT"
    assert list(differences(alone, compute(together=2, **ELSEWHERE))) == []


def test_more_than_rounding_is_noticed(alone: dict[str, Path], tmp_path: Path) -> None:
    for column, change in (("test_nelbo_nats", 2 * (NATS + DRAW / 100)), ("seed", 1)):
        name = "test/elbo/8x4/ReinMax-CV.csv"
        table = pd.read_csv(alone[name])
        table.loc[1, column] += change
        table.to_csv(tmp_path / "changed.csv", index=False)
        assert list(differences(alone, {**alone, name: tmp_path / "changed.csv"})) == [f"{name}: {column}"]
