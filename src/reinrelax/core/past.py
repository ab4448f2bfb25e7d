"""The package's source at an earlier commit, read from git."""

import io
import re
import subprocess
import tarfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from reinrelax.core.sources import meant, reached
from reinrelax.core.statements import ROOT, Statement

REPOSITORY = ROOT.parent
# Trees that were extracted from git; deleted when the process ends.
_TREES: list[TemporaryDirectory[str]] = []


def changed_since(commit: str, roots: Iterable[str]) -> list[str] | None:
    """Return the definitions that `roots` reach and that changed since a commit, as `module.name`.

    Return None if git does not have the commit, or if a root did not exist at that commit.

    Args:
        commit: the full hash as written in provenance; one that ends in `+changes` is never found.
        roots: modules and `module:name`s, under their current names.
    """
    roots = list(roots)
    root = _tree(commit)
    if root is None or not all(meant(one, root) for one in roots):
        return None
    now, then = (
        {
            statement.text: _called(module, statement)
            for module, statement in reached(frozenset(roots), at)
        }
        for at in (ROOT, root)
    )
    return sorted({(now.get(text) or then[text]) for text in now.keys() ^ then.keys()})


def _called(module: str, statement: Statement) -> str:
    inside = module.partition(".")[2]
    if statement.key:
        return f"{inside}.{min(statement.defines)}[{statement.key}]"
    return f"{inside}.{min(statement.defines)}" if statement.defines else inside


@cache
def _tree(commit: str) -> Path | None:
    """Extract the package at a commit into a temporary folder; None if git lacks the commit."""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        return None
    git = ["git", "-C", str(REPOSITORY), "archive", commit, ROOT.name]
    try:
        archive = subprocess.run(git, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    _TREES.append(TemporaryDirectory(prefix="reinrelax-"))
    folder = Path(_TREES[-1].name)
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        file.extractall(folder, filter="data")
    return folder / ROOT.name
