"""What changes the hash of a job's source, over all jobs of the papers' scale, and what
does not.
"""

import hashlib
import re
from functools import cache
from pathlib import Path

import pytest

from reinrelax.core import sources, statements
from reinrelax.jobs.planned import jobs
from tests.conftest import at_scale
from tests.helpers.source_tree import SourceTree

# Many constructs, of which the digest must be the same in every Python version.
SAMPLE = '''
"""A module."""
from __future__ import annotations
import os.path
import numpy as np
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from reinrelax.core.rng import Streams as Noise
from reinrelax.core import files
if TYPE_CHECKING:
    from torch import Tensor
__all__ = ["f"]
A: Mapping[str, int] = {"a": 1, **{}, "b": -2.5e-300,
    "c": b"x", "d": 1_000j, "e": "\\N{GREEK SMALL LETTER TAU}"}
@np.vectorize(otypes=[float])
class C(object, metaclass=type):
    """A class."""
    x: int
    y: list[int] = None
    def m(self, /, a: int, *args: int, b: str = "q", c, **rest: object) -> Sequence[int]:
        """A method."""
        pass
def f(x: int = ...) -> "Tensor":
    global A
    found: int
    with open(os.devnull) as a, (open(x)) as b: yield from (a, b)
    for i in range(3):
        while (n := i): continue
        else: break
    try: assert x, f"{x!r:>{i}.2f} and {x=} {{}}" "more"
    except (ValueError, TypeError) as error: raise RuntimeError from error
    finally: del x
    match x:
        case {"a": [1, *_], **others} | C(y=None) if others: return lambda *a, k=1: a[1:2, ...]
    return [a for a in b if not a] if x is not None else {**A, (yield): {*x}} @ files.read(Noise(x)) < 1 != 2
async def g(): await g()
'''


@cache
def planned() -> dict[str, tuple[str, ...]]:
    return {job.name: tuple(job.modules) for job in jobs(at_scale("paper")).values()}


@cache
def original() -> dict[str, str]:
    return {job: sources.fingerprint(modules) for job, modules in planned().items()}


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    return SourceTree(tmp_path)


def changed(tree: SourceTree) -> set[str]:
    """Jobs whose hash is another one by a changed tree."""
    found = tree.hashes(planned())
    return {job for job, value in original().items() if found[job] != value}


def test_files_may_be_moved(tree: SourceTree) -> None:
    rooms: dict[str, str] = {}
    for module in tree.modules():
        room = f"reinrelax.room_{hashlib.sha256(module.encode()).hexdigest()[0]}"
        name = module.rpartition(".")[2]
        # Several of one name may meet.
        while f"{room}.{name}" in rooms.values():
            room += ".deeper"
        rooms[module] = f"{room}.{name}"
    assert len(set(rooms.values())) == len(rooms) > 120
    assert tree.move(rooms) > 600
    assert tree.hashes(planned(), lambda name: rooms.get(name, name)) == original()


def test_docstrings_comments_layout_and_annotations_may_change(tree: SourceTree) -> None:
    path = tree.path("reinrelax.core.rng")
    text = path.read_text()
    assert "def uniform_(self, out: Tensor) -> Tensor:" in text
    text = text.replace(
        "def uniform_(self, out: Tensor) -> Tensor:", "def uniform_(\n\n  self, out, ): # why"
    )
    path.write_text(text.replace('"""', '"""Otherwise put: ', 1) + "\n# A comment.\n")
    kernel = tree.path("reinrelax.estimators.conditional").with_suffix(".c")
    kernel.write_text(f"// reworded\n{kernel.read_text()}/* and\nmore */\n")
    assert changed(tree) == set()


def test_a_constant_that_all_use_concerns_all(tree: SourceTree) -> None:
    tree.replace("reinrelax.core.rng", '"big") >> 1', '"big") >> 2')
    assert changed(tree) == set(planned())


def test_a_formula_concerns_those_who_use_it(tree: SourceTree) -> None:
    tree.replace("reinrelax.estimators.straight_through_family", "top - 1.0", "top - 1.5")
    found = changed(tree)
    assert {"elbo/8x4/GST-1.0", "gradients/epoch-0", "identities", "cost"} <= found
    # ST lies in the same file.
    of_others = (
        "rl/",
        "relaxations/",
        "elbo/8x4/ReinMax",
        "gradients/8x4/ReinMax",
        "bridge",
        "properties",
    )
    assert not [job for job in found if job.startswith(of_others) or job.endswith("/ST")]


def test_what_is_added_concerns_those_who_use_it(tree: SourceTree) -> None:
    table = tree.path("reinrelax.estimators.hyperparameters")
    entry = '    "mine": Hyperparameter("of mine", "a number", math.isfinite, 1.0),\n'
    table.write_text(
        table.read_text().replace("HYPERPARAMETERS = {\n", f"HYPERPARAMETERS = {{\n{entry}")
    )
    assert entry in table.read_text()
    for name in (
        "reinrelax.core.rng",
        "reinrelax.estimators.reinmax_family",
        "reinrelax.latents.bernoulli",
    ):
        path = tree.path(name)
        path.write_text(
            f"{path.read_text()}\n\nMINE = 1\n\n\ndef of_mine(x):\n    return MINE * x\n"
        )
    assert changed(tree) == set()
    path = tree.path("reinrelax.estimators.reinmax_family")
    path.write_text(path.read_text().replace("def reinmax(", "@of_mine\ndef reinmax("))
    assert "elbo/8x4/ReinMax" in changed(tree)


def test_what_is_run_or_registered_concerns_those_who_use_what_it_is_for(tree: SourceTree) -> None:
    tree.replace(
        "reinrelax.estimators.conditional",
        "os.register_at_fork(",
        "os.register_at_fork(before=print, ",
    )
    found = changed(tree)
    assert "elbo/8x4/Gumbel-Rao" in found
    assert "elbo/8x4/ReinMax" not in found
    path = tree.path("reinrelax.distributions.hard_concrete")
    path.write_text(
        path.read_text().replace("def _kl_hard_concrete(", "def _kl_hard_concrete(more=1, *")
    )
    assert "relaxations/2x20/Hard-Concrete" in changed(tree)
    assert "relaxations/2x20/ST-Bernoulli" not in changed(tree)


@pytest.mark.parametrize("name", ["estimators/conditional.c", "kernels/native.h"])
def test_a_kernel_concerns_those_who_use_it(tree: SourceTree, name: str) -> None:
    with (tree.root / name).open("a") as file:
        file.write("static int added;\n")
    assert {"elbo/8x4/Gumbel-Rao", "cost"} <= changed(tree)
    apart = (
        ("bridge", "copula")
        if name == "kernels/native.h"
        else ("bridge", "copula", "elbo/8x4/GST-1.0")
    )
    assert not [job for job in changed(tree) if job.startswith(apart)]


def test_two_modules_may_be_merged(tree: SourceTree) -> None:
    kept, gone = "reinrelax.training.products", "reinrelax.training.memory"
    text = tree.path(kept).read_text()
    assert tree.move({gone: kept}) > 0
    assert not tree.path(gone).exists()
    tree.path(kept).write_text(text + tree.path(kept).read_text())
    assert changed(tree) == set()


def test_a_helper_may_be_renamed(tree: SourceTree) -> None:
    assert tree.move({"reinrelax.kernels.native": "reinrelax.kernels.in_c"}) > 0
    uses = 0
    for module in tree.modules():
        text = tree.path(module).read_text().replace("import in_c as native", "import in_c")
        text, count = re.subn(r"(?<![.\w])native\.", "in_c.", text)
        tree.path(module).write_text(text)
        uses += count
    assert uses > 1
    assert changed(tree) == set()


def test_which_of_two_functions_of_one_name_is_meant_makes_a_difference(tree: SourceTree) -> None:
    tree.replace(
        "reinrelax.experiments.gradients.measure", "bias.quantities(", "control.quantities("
    )
    measured = ("gradients/epoch", "gradients-run/epoch")
    assert changed(tree) == {job for job in planned() if job.startswith(measured)}


def texts(python: str) -> list[str]:
    return sorted({statement.text for statement in statements.of_python(python).statements})


def test_the_python_version_makes_no_difference() -> None:
    """The digest is that of Python 3.11, 3.12 and 3.13."""
    assert hashlib.sha256("\n".join(texts(SAMPLE)).encode()).hexdigest()[:16] == "3b028ef6269ff709"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from reinrelax.a import f\nx = f(1)", "from reinrelax.core import rng\nx = rng.f(1)"),
        ("from reinrelax.a import f as g\nx = g(1)", "from reinrelax.a import f\nx = f(1)"),
        (
            "import a\nfrom b import c, d\nx = a, c, d",
            "from b import d\nfrom b import c\nimport a\nx=(a,c,d)",
        ),
        ("from a import B\ndef f(b: B): pass", "def f(b): pass"),
        ("if TYPE_CHECKING:\n  from reinrelax.core.rng import Streams\nx = 1", "x = 1"),
        (
            "def f(a: int) -> int:\n  b: int = a\n  return b",
            'def f(a):\n  "Doc."\n  b = a\n  return b',
        ),
        ("x: int = 1", "x = 1"),
        ("x = f(1, doc='One.')", "x = f(1, doc='Otherwise put.')"),
    ],
)
def test_what_is_the_same(one: str, other: str) -> None:
    assert texts(one) == texts(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("def f(a=1): return a", "def f(*, a=1): return a"),
        ("class C:\n  x: int", "class C:\n  x: float"),
        ("@triton.jit\ndef f(a): pass", "@triton.jit\ndef f(a: tl.constexpr): pass"),
        ("from torch import a\nx = a", "from torch import b as a\nx = a"),
        ("from reinrelax.a import f as g\nx = g", "from reinrelax.a import h as g\nx = g"),
        ("def f():\n  import a as b", "def f():\n  import c as b"),
        ("x = f'{a!r}'", "x = f'{a}'"),
        ("x = [*a]", "x = [a]"),
        ("x = {**a}", "x = {None: a}"),
        ("x = a[:1]", "x = a[1:]"),
        ("x = (a, b)", "x = [a, b]"),
        ("async def f(): pass", "def f(): pass"),
    ],
)
def test_what_differs(one: str, other: str) -> None:
    assert texts(one) != texts(other)


def test_no_module_binds_a_name_twice() -> None:
    """Statements are a set, so it could not be told which comes last."""
    for module in {module for module, _ in sources.reached(frozenset().union(*planned().values()))}:
        names = [(name, s.key) for s in statements.read(module).statements for name in s.defines]
        assert len(set(names)) == len(names), module
