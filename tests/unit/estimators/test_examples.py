"""The examples run, each as a program and as a notebook of a few steps."""

import ast
import json
import math
import runpy
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest

from docs import notebooks
from tests.conftest import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_all_examples_are_described() -> None:
    assert len(EXAMPLES) >= 8
    for path in EXAMPLES:
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert said.endswith(f"\n\npython examples/{path.name}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(path))["main"]
    found = [main(steps=steps) for steps in (1, 4)]
    assert all(map(math.isfinite, found))
    # Not what it began with: something was learned from.
    assert found[0] != found[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages and notebooks of all examples."""
    made = tmp_path_factory.mktemp("examples")
    (made / "index.md").write_text("# Examples\n", encoding="utf-8")
    notebooks.lay_out(EXAMPLES, made)
    return made


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_cells_of_a_notebook_run(
    path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other, and `main` with a few steps; what the last cell prints is the result."""
    found = json.loads((folder / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
    nbformat.validate(found)
    code = ["".join(c["source"]) for c in found["cells"] if c["cell_type"] == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    *definitions, last = code
    for cell in definitions:
        exec(compile(cell, path.name, "exec"), names)
    assert capsys.readouterr().out == ""
    names["main"] = partial(names["main"], steps=2)
    exec(compile(last, path.name, "exec"), names)
    assert any(character.isdigit() for character in capsys.readouterr().out)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_notebook_has_the_whole_program(path: Path, folder: Path) -> None:
    """The same syntax tree, with its docstring on the page and in the first cell."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = json.loads((folder / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
    (text,) = (c["source"] for c in found["cells"] if c["cell_type"] == "markdown")
    assert f"{text}\n\npython examples/{path.name}" == ast.get_docstring(tree)
    page = (folder / f"{path.stem}.md").read_text(encoding="utf-8")
    assert text in page
    assert f"[{path.name}]({path.stem}.md)" in (folder / "index.md").read_text(encoding="utf-8")
    *body, start = tree.body[1:]
    assert isinstance(start, ast.If)
    whole = "\n\n".join(c["source"] for c in found["cells"] if c["cell_type"] == "code")
    assert ast.unparse(ast.parse(whole).body) == ast.unparse([*body, *start.body])  # type: ignore[arg-type]
    for comment in (line.strip() for line in path.read_text(encoding="utf-8").splitlines()):
        assert not comment.startswith("#") or comment in whole
