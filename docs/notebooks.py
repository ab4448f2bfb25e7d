"""Pages and notebooks of the programs in examples/, created when the site is built."""

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

# Fields that nbformat 4 requires; cells have an id since minor version 5.
_FORMAT = {"nbformat": 4, "nbformat_minor": 5}
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def lay_out(programs: Sequence[Path], folder: Path) -> None:
    """Write a page and a notebook per program into `folder`, and list the pages in its index.md."""
    listed = []
    for path in programs:
        text, cells = parts(path)
        notebook = json.dumps(as_notebook(text, cells), ensure_ascii=False, indent=1)
        (folder / f"{path.stem}.ipynb").write_text(notebook + "\n", encoding="utf-8")
        download = f"{{download}}`Notebook <{path.stem}.ipynb>`"
        code = "\n\n\n".join(cells)
        (folder / f"{path.stem}.md").write_text(
            f"# {path.name}\n\n{text}\n\n{download}\n\n```python\n{code}\n```\n", encoding="utf-8"
        )
        first = " ".join(text.partition("\n\n")[0].split())
        listed.append(f"| [{path.name}]({path.stem}.md) | {first} | {download} |")
    with (folder / "index.md").open("a", encoding="utf-8") as file:
        file.write("\n| program | topic | |\n|---|---|---|\n" + "\n".join(listed))
        pages = "\n".join(path.stem for path in programs)
        file.write(f"\n\n```{{toctree}}\n:hidden:\n{pages}\n```\n")


def parts(path: Path) -> tuple[str, list[str]]:
    """Split a program into its text and its cells.

    The text is the docstring without its last paragraph, the command. There is a cell per class and
    function, one for the statements between them, and one for the code under `__main__`.
    """
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    text = (ast.get_docstring(tree) or "").rpartition("\n\n")[0]
    return text, [*_cells(source.splitlines(), tree.body[1:])]


def _cells(lines: Sequence[str], body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the code of each cell, with the comments above it."""
    start, at = body[0].lineno - 1, 0
    for at, statement in enumerate(body):
        end = statement.end_lineno or statement.lineno
        if isinstance(statement, ast.If):
            yield dedent("\n".join(lines[statement.body[0].lineno - 1 : end]))
        elif _stands_alone(statement) or at + 1 == len(body) or _stands_alone(body[at + 1]):
            yield "\n".join(lines[start:end]).strip("\n")
        else:
            continue
        start = end


def _stands_alone(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.If)


def as_notebook(text: str, cells: Sequence[str]) -> dict[str, Any]:
    """Return a notebook of nbformat 4, without outputs: the text, then the cells of code."""
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "source": text}]
    made += [
        {"cell_type": "code", "source": code, "execution_count": None, "outputs": []}
        for code in cells
    ]
    numbered = [{"id": f"cell-{i}", "metadata": {}, **cell} for i, cell in enumerate(made)]
    return {**_FORMAT, "metadata": {"kernelspec": _KERNEL}, "cells": numbered}
