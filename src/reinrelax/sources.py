"""A hash of the source that a result depends on, so that a change elsewhere does not recompute it."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = "reinrelax"
_ROOT = Path(__file__).parent


def fingerprint(modules: Iterable[str]) -> str:
    """SHA-256 over the source of these modules and of all of this package's modules that they import, with
    the C files beside them.

    A package's `__init__` does not count: it is a catalogue, and a new line in it changes no result.
    """
    digest = hashlib.sha256()
    for module in sorted(set().union(*(_closure(m) for m in modules))):
        digest.update(module.encode() + b"\0" + _path(module).read_bytes() + b"\0")
        for part in filter(Path.is_file, map(_path(module).with_suffix, (".c", ".h"))):
            digest.update(part.read_bytes() + b"\0")
    return digest.hexdigest()


def content_hash(paths: Iterable[str | Path], root: Path = Path()) -> str:
    """SHA-256 over the contents of files, and of all files below folders, and their names from `root`."""
    digest = hashlib.sha256()
    for path in (root / path for path in paths):
        for file in sorted(path.rglob("*") if path.is_dir() else [path]):
            if file.is_file():
                name = str(file.relative_to(root))
                digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _closure(module: str) -> frozenset[str]:
    found: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += _imports(name)
    return frozenset(found)


@cache
def _imports(module: str) -> tuple[str, ...]:
    names = set()
    for node in ast.walk(ast.parse(_path(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE}
    return tuple(sorted(name for name in names if _path(name).is_file()))


def _path(module: str) -> Path:
    return _ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")
