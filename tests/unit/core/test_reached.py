"""What runs is what is hashed: the functions that compute a job's numbers are among those it
reaches.
"""

import ast
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import reinrelax
from reinrelax.config.load import Config
from reinrelax.core import sources
from reinrelax.datasets.images import Images, save
from reinrelax.experiments.compute import compute
from reinrelax.jobs.planned import jobs

ROOT = Path(reinrelax.__file__).parent
# What keeps the books, or reads what is asked for, computes no number.
BOOKS = {
    *("config", "jobs", "results"),
    *(
        "core/catalogue",
        "core/yaml_file",
        "core/files",
        "core/provenance",
        "core/records",
        "core/sources",
        "core/statements",
        "core/types",
    ),
    *("datasets/asked", "datasets/images", "training/checkpoint", "training/progress"),
    *("experiments/compute", "experiments/record", "experiments/snapshots"),
    *("experiments/study", "experiments/training"),
}
# Of a module that computes, what only says something: in a record, or as a warning.
SAYS = {
    ("reinrelax.kernels.native", "loaded"),
    ("reinrelax.training.products", "warn_if_slow"),
}


@contextmanager
def executed(found: set[CodeType]) -> Iterator[None]:
    """Collects the code that runs meanwhile."""

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            found.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


@cache
def names_of(path: Path) -> dict[int, str]:
    """The top-level definition that each line of a module is in."""
    nodes = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    return {
        line: node.name
        for node in nodes
        for line in range(
            min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno + 1
        )
    }


@pytest.mark.slow
def test_what_runs_is_reached(load_config: Callable[..., Config], digits: Images) -> None:
    """Of every job: each function that runs, but those that keep the books."""
    # Class bodies and decorators run when a module is imported, whoever needs it.
    for found in pkgutil.walk_packages([str(ROOT)], "reinrelax."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    config = load_config()
    save(digits, config.folder / "data")
    missed = []
    for job in jobs(config).values():
        codes: set[CodeType] = set()
        with executed(codes):
            compute(job, config, "cpu")
        reached = {
            (module, name)
            for module, statement in sources.reached(frozenset(job.modules))
            for name in statement.defines
        }
        ran = {definition for code in codes for definition in definition_of(code)}
        assert len(ran & reached) > 5
        missed += [(job.name, *definition) for definition in sorted(ran - reached - SAYS)]
    assert missed == []


def definition_of(code: CodeType) -> Iterator[tuple[str, str]]:
    """The module and top-level definition that code is of; nothing of other packages and of the
    books.
    """
    path = Path(code.co_filename)
    if ROOT in path.parents and path.stem != "__init__":
        inside = path.relative_to(ROOT).with_suffix("")
        name = names_of(path).get(code.co_firstlineno)
        if name and not {str(inside), str(inside.parent)} & BOOKS:
            yield ".".join(["reinrelax", *inside.parts]), name
