"""A copy of the package's source that tests may change, and the hashes that jobs have by it."""

import ast
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from reinrelax.core import sources, statements

Name = Callable[[str], str]


class SourceTree:
    """A copy of `src/reinrelax`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "reinrelax"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(statements.ROOT, self.root, ignore=ignored)

    def path(self, module: str) -> Path:
        return self.root.joinpath(*module.split(".")[1:]).with_suffix(".py")

    def modules(self) -> list[str]:
        """All modules but the packages' own."""
        paths = (path for path in self.root.rglob("*.py") if path.stem != "__init__")
        return sorted(
            ".".join(["reinrelax", *path.relative_to(self.root).with_suffix("").parts])
            for path in paths
        )

    def replace(self, module: str, old: str, new: str) -> None:
        text = self.path(module).read_text()
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {module}"
        self.path(module).write_text(text.replace(old, new))

    def move(self, places: Mapping[str, str]) -> int:
        """Move modules, by their names, with the files beside them; how many imports were
        rewritten.
        """
        count = 0
        known = set(self.modules())
        for module in known:
            text, rewritten = _rewritten(self.path(module).read_text(), places, known)
            self.path(module).write_text(text)
            count += rewritten
        for old, new in places.items():
            self.path(new).parent.mkdir(parents=True, exist_ok=True)
            for suffix in (".py", ".c", ".h"):
                if self.path(old).with_suffix(suffix).is_file():
                    self.path(old).with_suffix(suffix).rename(self.path(new).with_suffix(suffix))
        return count

    def hashes(self, jobs: Mapping[str, tuple[str, ...]], name: Name = str) -> dict[str, str]:
        """Of each job, by its modules and `module:name`s, whose modules may have been given other
        names.
        """
        clear()

        def renamed(root: str) -> str:
            module, colon, rest = root.partition(":")
            return name(module) + colon + rest

        return {
            job: sources.fingerprint(map(renamed, roots), self.root) for job, roots in jobs.items()
        }


def clear() -> None:
    """Forget what was read of source files."""
    for read in (statements.read, sources.reached, sources._meant, sources._fingerprint):
        read.cache_clear()


def _rewritten(text: str, places: Mapping[str, str], known: set[str]) -> tuple[str, int]:
    """A module's text with its imports from elsewhere in the package, and how many of them
    changed.
    """
    lines, count = text.splitlines(), 0
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    for node in sorted(found, key=lambda node: -node.lineno):
        if (node.module or "").split(".")[0] != "reinrelax":
            continue
        new = []
        for alias in node.names:
            whole, renamed = (
                f"{node.module}.{alias.name}",
                f" as {alias.asname}" if alias.asname else "",
            )
            if whole in known:
                package, _, last = places.get(whole, whole).rpartition(".")
                bound = renamed or (f" as {alias.name}" if last != alias.name else "")
                new.append(f"from {package} import {last}{bound}")
            else:
                place = places.get(node.module or "", node.module)
                new.append(f"from {place} import {alias.name}{renamed}")
        before = lines[node.lineno - 1 : node.end_lineno]
        indent = before[0][: len(before[0]) - len(before[0].lstrip())]
        lines[node.lineno - 1 : node.end_lineno] = [indent + line for line in new]
        count += before != new
    return "\n".join(lines) + "\n", count
