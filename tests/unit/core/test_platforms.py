"""Machines unlike this one, as far as they can be imitated: each takes away what they lack."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT, raw_at

# macOS has no /proc, no mallopt and no Triton, and counts memory in bytes; a bare machine has no compiler;
# some shared folders have no locks; and nothing here may rely on fork.
LACKS = {
    "proc": """
read_text, read_bytes = Path.read_text, Path.read_bytes
def absent(read):
    def of(path, *arguments, **options):
        if path.is_relative_to("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read(path, *arguments, **options)
    return of
Path.read_text, Path.read_bytes = absent(read_text), absent(read_bytes)
""",
    "mallopt": """
class Other(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            raise AttributeError(name)
        return super().__getattr__(name)
ctypes.CDLL = Other
""",
    "triton": "sys.modules['triton'] = None",
    "fork": "def fork(): raise OSError(38, 'Function not implemented')\nos.fork = fork",
    "locks": "def flock(*_): raise OSError(37, 'No locks available')\nfcntl.flock = flock",
}
START = "import ctypes, fcntl, os, sys\nfrom pathlib import Path\n"


def compute(folder: Path, lacks: str, **environment: str) -> tuple[pd.DataFrame, dict[str, object]]:
    """The table and the record of a training, and of what it reads, without these."""
    (folder / "config.yaml").write_text(yaml.safe_dump(raw_at("test")), encoding="utf-8")
    for command in (["data"], ["compute", "--job", "elbo/8x4/ReinMax-CV"], ["status"]):
        arguments = [*command, "--config", "config.yaml", "--project", str(ROOT)]
        code = f"{START}{lacks}\nfrom reinrelax.cli import main\nmain({arguments!r})"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "1 of " in done.stdout.splitlines()[-2]
    table = folder / "results/test/elbo/8x4/ReinMax-CV.csv"
    record = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    return pd.read_csv(table), record


@pytest.mark.slow
def test_a_training_does_without_them(tmp_path: Path) -> None:
    """And gives the same numbers, but for the noise that compiled kernels draw."""
    for name in ("here", "there", "bare"):
        (tmp_path / name).mkdir()
    here, record = compute(tmp_path / "here", "")
    there, other = compute(tmp_path / "there", "\n".join(LACKS.values()))
    pd.testing.assert_frame_equal(there, here)
    assert record["kernels"] == other["kernels"] != []
    assert other["processor"]
    bare, without = compute(tmp_path / "bare", "\n".join(LACKS.values()), CC="no-such-compiler")
    assert without["kernels"] == []
    assert list(bare["run_id"]) == list(here["run_id"])
    assert bare.select_dtypes("number").notna().equals(here.select_dtypes("number").notna())
