"""What a module computes: its top-level statements in a form that rewording and rearranging leave alone.

Left out are comments, docstrings, layout, annotations that compute nothing, and where in this package a
name is imported from: a name is written alike in the module that defines it, imported, and as a module's
attribute.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "reinrelax"
_ROOT = Path(__file__).parent
# What `ast` records beside the program itself.
_SKIPPED = {"ctx", "kind", "type_comment", "type_ignores"}
# Decorators that compile a function, of which annotations are a part.
_COMPILERS = {"jit"}
_C_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.DOTALL)


@dataclass(frozen=True)
class Statement:
    """A top-level statement.

    Attributes:
        text: its canonical form, the same in every Python version.
        defines: the names that it binds.
        uses: names of this package that it mentions, each with the module that it is from.
    """

    text: str
    defines: frozenset[str] = frozenset()
    uses: frozenset[tuple[str, str]] = frozenset()


def path_of(module: str) -> Path:
    """Where a module's source lies, if it is one rather than a package."""
    return _ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")


@dataclass(frozen=True)
class Source:
    """A module's source.

    Attributes:
        statements: its own, and the C files beside it.
        imports: modules of this package that it imports, at its top or inside functions.
    """

    statements: tuple[Statement, ...]
    imports: frozenset[str]


@cache
def read(module: str) -> Source:
    """The source of a module."""
    path = path_of(module)
    source = of_python(path.read_text(encoding="utf-8"), module)
    beside = filter(Path.is_file, map(path.with_suffix, (".c", ".h")))
    c_files = (Statement(of_c(file.read_text(encoding="utf-8"))) for file in beside)
    return replace(source, statements=(*source.statements, *c_files))


def of_python(text: str, module: str = "") -> Source:
    """The source of a module with this text; of its imports, those that something else than types needs."""
    tree = ast.parse(text)
    reduction = _Reduction(tree, module)
    statements: list[Statement] = []
    imported: list[tuple[str, str]] = []
    used: set[str] = set()
    for node in map(reduction.of, tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported += _imported(node)
        elif node is not None:
            statements.append(
                Statement(_written(node), frozenset(_defined(node)), frozenset(reduction.names))
            )
            used |= reduction.mentioned
    statements += [Statement(line) for name, line in imported if name in used]
    return Source(tuple(statements), frozenset(name for name in reduction.imports if path_of(name).is_file()))


def of_c(text: str) -> str:
    """A C source without comments, layout, and the names of this package's headers."""
    bare = _C_TOKEN.sub(lambda token: " " if token[0].startswith("/") else token[0], text)
    lines = (" ".join(line.split()) for line in bare.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith('#include "'))


class _Reduction(ast.NodeTransformer):
    """Takes from a module's tree what computes nothing.

    Attributes:
        imports: modules, and maybe names in modules, that the module imports from this package.
        mentioned: names in the statement that was reduced last.
        names: those that may be of this package, as they are called where they are defined, with that module.
    """

    def __init__(self, tree: ast.Module, module: str) -> None:
        nodes = list(ast.walk(tree))
        # A name that is also bound to something else stays as it is written.
        taken = set(_bound(nodes))
        for_types = {part for node in nodes if _is_for_types(node) for part in ast.walk(node)}
        own = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) and _is_own(n)]
        self.imports: set[str] = set()
        self.mentioned: set[str] = set()
        self.names: set[tuple[str, str]] = set()
        self._module = module
        # Imported modules; and what is imported from modules, with the name that it has there.
        self._modules: dict[str, str] = {}
        self._names: dict[str, tuple[str, str]] = {}
        for node in own:
            place = (node.module or PACKAGE) if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                name, whole = alias.asname or alias.name, f"{place}.{alias.name}".lstrip(".")
                self.imports |= set() if node in for_types else {place, whole}
                if name not in taken and _is_module(whole):
                    self._modules[name] = whole
                elif name not in taken:
                    self._names[name] = alias.name, place

    def of(self, statement: ast.stmt) -> ast.AST | None:
        """A top-level statement without what computes nothing; None if that is all of it."""
        self.mentioned, self.names = set(), set()
        reduced: ast.AST | None = self.visit(statement)
        return reduced

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return None if _is_own(node) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if _is_own(node) else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        self.mentioned.add(node.id)
        return self._name(*self._names.get(node.id, (node.id, self._module)))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self._modules:
            return self._name(node.attr, self._modules[node.value.id])
        return self.generic_visit(node)

    def _name(self, name: str, place: str) -> ast.Name:
        self.names.add((name, place))
        return ast.Name(name)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        # The docstring of a function that a call makes.
        return None if node.arg == "doc" else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if _is_for_types(node) else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        lists_names = isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
        return None if lists_names else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        # A data class reads the annotations of its members.
        body, node.body = node.body, []
        self.generic_visit(node)
        for member in body:
            fields = isinstance(member, ast.AnnAssign)
            reduced: Any = self.generic_visit(member) if fields else self.visit(member)
            node.body += [reduced] if reduced else []
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not any(_last_name(decorator) in _COMPILERS for decorator in node.decorator_list):
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
        return self.generic_visit(node)


def _defined(node: ast.AST) -> Iterator[str]:
    """Names that a top-level statement binds, but in functions and classes."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _written(node: Any) -> str:
    """A syntax tree as text, without what is absent from a node: new versions of Python add to that."""
    if isinstance(node, list):
        return f"[{','.join(map(_written, node))}]"
    if isinstance(node, ast.Constant):
        return f"={node.value!r}"
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={_written(value)}"
        for name, value in ast.iter_fields(node)
        if name not in _SKIPPED and value is not None and value != []
    ]
    return f"{type(node).__name__}({','.join(fields)})"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, and the import of it alone."""
    place = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        name = alias.asname or alias.name.split(".")[0]
        yield name, f"import {place}{alias.name} as {name}"


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that are bound other than by importing."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _is_own(node: ast.Import | ast.ImportFrom) -> bool:
    place = node.module or PACKAGE if isinstance(node, ast.ImportFrom) else node.names[0].name
    return place.split(".")[0] == PACKAGE


def _is_for_types(node: ast.AST) -> bool:
    """Whether this is an `if TYPE_CHECKING` without an else."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_module(name: str) -> bool:
    path = path_of(name)
    return path.is_file() or path.with_suffix("").is_dir()


def _last_name(decorator: ast.expr) -> str:
    """`jit` of `triton.jit` and of `jit(…)`."""
    if isinstance(decorator, ast.Call):
        return _last_name(decorator.func)
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
