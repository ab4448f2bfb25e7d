"""Top-level statements of a module in a canonical form, independent of wording and order.

The form omits comments, docstrings, layout, annotations without effect, and the module of this
package that a name is imported from: a name has the same form where it is defined, where it is
imported, and as an attribute of its module.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "reinrelax"
# The name that stands for all definitions of a module that is used as a value.
WHOLE = "*"
ROOT = Path(__file__).parents[1]
# Fields of syntax nodes that do not affect the program.
_SKIPPED = {"ctx", "kind", "type_comment", "type_ignores"}
# Tables of parameters. An entry counts only for source that contains its name, such as the function
# that takes the parameter.
_PARAMETERS = {"HYPERPARAMETERS"}
# Decorators that compile a function; they use its annotations.
_COMPILERS = {"jit"}
_C_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.DOTALL)

# A name and the module that defines it.
Used = tuple[str, str]


@dataclass(frozen=True)
class Statement:
    """A top-level statement, or an entry of a table of parameters.

    Attributes:
        text: the canonical form, the same in every Python version.
        defines: the names that it binds; a statement without any is run for its effect.
        uses: the names that it uses, each with its module; `WHOLE` for a module itself.
        registered_with: names in the arguments of its decorators, and objects whose methods the
            decorators are.
        words: all names, parameters and strings in it, as written.
        key: the key of an entry; empty for a statement.
    """

    text: str
    defines: frozenset[str] = frozenset()
    uses: frozenset[Used] = frozenset()
    registered_with: frozenset[Used] = frozenset()
    words: frozenset[str] = frozenset()
    key: str = ""


def is_import(statement: Statement) -> bool:
    """Check whether this is an import from another package."""
    return statement.text.startswith("import ")


def path_of(module: str, root: Path = ROOT) -> Path:
    """Return the path of a module's source, given the folder `root` of the package reinrelax."""
    return root.joinpath(*module.split(".")[1:]).with_suffix(".py")


@dataclass(frozen=True)
class Source:
    """A module's source.

    Attributes:
        statements: its statements, its imports from other packages, and its C files.
        imports: the original name and the module of each name imported from this package.
    """

    statements: tuple[Statement, ...]
    imports: Mapping[str, Used]


@cache
def read(module: str, root: Path = ROOT) -> Source:
    """Read the source of a module of the package at `root`."""
    path = path_of(module, root)
    source = of_python(path.read_text(encoding="utf-8"), module, root)
    beside = filter(Path.is_file, map(path.with_suffix, (".c", ".h")))
    c_files = (Statement(of_c(file.read_text(encoding="utf-8"))) for file in beside)
    return replace(source, statements=(*source.statements, *c_files))


def of_python(text: str, module: str = "", root: Path = ROOT) -> Source:
    """Parse the text of a module; imports that only annotations use are omitted."""
    tree = ast.parse(text)
    reduction = _Reduction(tree, module, root)
    statements: list[Statement] = []
    imported: list[tuple[str, str]] = []
    for node in (part for statement in tree.body for part in _parts(statement)):
        registered_with = reduction.uses_of(_registrars(node))
        reduced = reduction.of(node)
        if isinstance(reduced, ast.Import | ast.ImportFrom):
            imported += _imported(reduced)
        elif reduced is not None:
            defined = frozenset(_defined(reduced))
            uses, words = frozenset(reduction.names), frozenset(_words(reduced))
            statements.append(
                Statement(_written(reduced), defined, uses, registered_with, words, _key(reduced))
            )
    used = {name for statement in statements for name, place in statement.uses if place == module}
    statements += [Statement(line, frozenset([name])) for name, line in imported if name in used]
    return Source(tuple(statements), reduction.imports)


def of_c(text: str) -> str:
    """Return a C source without comments, layout and includes of this package's headers."""
    bare = _C_TOKEN.sub(lambda token: " " if token[0].startswith("/") else token[0], text)
    lines = (" ".join(line.split()) for line in bare.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith('#include "'))


class _Reduction(ast.NodeTransformer):
    """A transformer that removes the parts of a module's syntax tree without effect on results.

    Attributes:
        imports: for each name imported from this package, its original name and module.
        names: the names used in the statement that was reduced last.
    """

    def __init__(self, tree: ast.Module, module: str, root: Path) -> None:
        nodes = list(ast.walk(tree))
        # Names that are also bound locally must not be replaced by the imported ones.
        self._taken = set(_bound(nodes))
        self.imports: dict[str, Used] = {}
        self.names: set[Used] = set()
        self._module = module
        self._modules: dict[str, str] = {}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom) and _is_own(node):
                place = (node.module or PACKAGE) if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    name, whole = alias.asname or alias.name, f"{place}.{alias.name}".lstrip(".")
                    if _is_module(whole, root):
                        self._modules[name] = whole
                    else:
                        self.imports[name] = alias.name, place

    def of(self, statement: ast.AST) -> ast.AST | None:
        """Reduce a top-level statement; None if nothing of it affects results."""
        self.names = set()
        reduced: ast.AST | None = self.visit(statement)
        return reduced

    def uses_of(self, expressions: Iterable[ast.expr]) -> frozenset[Used]:
        """Return the names used in expressions, which are not modified."""
        self.names = set()
        for expression in expressions:
            self.visit(deepcopy(expression))
        return frozenset(self.names)

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return None if _is_own(node) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if _is_own(node) else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._modules:
            self.names.add((WHOLE, self._modules[node.id]))
        return self._name(node, *self.imports.get(node.id, (node.id, self._module)))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not (isinstance(node.value, ast.Name) and node.value.id in self._modules):
            return self.generic_visit(node)
        own = self._name(node.value, node.attr, self._modules[node.value.id])
        return node if node.value.id in self._taken else own

    def _name(self, node: ast.Name, name: str, place: str) -> ast.Name:
        """Replace a name by the one it has in the module that defines it, and record the use."""
        self.names.add((name, place))
        if node.id not in self._taken:
            return ast.Name(name)
        self.names.add((node.id, self._module))
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        # `doc` is the docstring of a function that the call creates.
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
        # Keep the annotations of members: data classes read them.
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
    """Yield the names that a top-level statement binds, not those within functions and classes."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (
            n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)
        )


def _parts(node: ast.stmt) -> list[ast.stmt]:
    """Split a table of parameters into one table per entry; return any other statement as it is."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    table = getattr(node, "value", None)
    if not (
        isinstance(target, ast.Name) and target.id in _PARAMETERS and isinstance(table, ast.Dict)
    ):
        return [node]
    pairs = zip(table.keys, table.values, strict=True)
    return [ast.Assign([ast.Name(target.id)], ast.Dict([key], [value])) for key, value in pairs]


def _registrars(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the arguments of a definition's decorators, and the objects whose methods they are."""
    for decorator in getattr(node, "decorator_list", ()):
        if isinstance(decorator, ast.Call):
            yield from (*decorator.args, *(keyword.value for keyword in decorator.keywords))
        method = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(method, ast.Attribute):
            yield method.value


def _key(node: ast.AST) -> str:
    """Return the key of an entry split off by `_parts`; empty for any other statement."""
    if not isinstance(node, ast.Assign) or not _PARAMETERS & set(_defined(node)):
        return ""
    keys = node.value.keys if isinstance(node.value, ast.Dict) else []
    return str(keys[0].value) if keys and isinstance(keys[0], ast.Constant) else ""


def _words(node: ast.AST) -> Iterator[str]:
    """Yield all names, parameters and constants below a node."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant):
            yield str(part.value)
        yield from (
            v for v in (getattr(part, k, None) for k in ("id", "arg", "attr")) if isinstance(v, str)
        )


def _written(node: Any) -> str:
    """Format a syntax tree as text, without empty fields: new Python versions add some."""
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
    """Yield each name that an import binds, with an import of that name alone."""
    place = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        name = alias.asname or alias.name.split(".")[0]
        yield name, f"import {place}{alias.name} as {name}"


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield names that are bound other than by importing."""
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
    """Check whether this is an `if TYPE_CHECKING` without an else branch."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_module(name: str, root: Path) -> bool:
    path = path_of(name, root)
    return path.is_file() or path.with_suffix("").is_dir()


def _last_name(decorator: ast.expr) -> str:
    """Return the last part of a decorator's name: `jit` for `triton.jit` and for `jit(…)`."""
    if isinstance(decorator, ast.Call):
        return _last_name(decorator.func)
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
