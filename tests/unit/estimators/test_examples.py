"""The examples run, each as a program of a few steps; what they find is said where they are
described.
"""

import ast
import math
import runpy
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_all_examples_are_described() -> None:
    described = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    assert len(EXAMPLES) >= 8
    for path in EXAMPLES:
        assert f"`examples/{path.name}`" in described
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert said.endswith(f"python examples/{path.name}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(path))["main"]
    found = [main(steps=steps) for steps in (1, 4)]
    assert all(map(math.isfinite, found))
    # Not what it began with: something was learned from.
    assert found[0] != found[1]
