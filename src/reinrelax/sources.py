"""A hash of the source that a result depends on, so that a change elsewhere does not recompute it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from reinrelax.errors import ResultsError
from reinrelax.statements import Statement, read

# What a hash of source begins with; those of earlier versions, of whole files, cannot be compared with it.
FORMAT = "statements-"


def fingerprint(modules: Iterable[str]) -> str:
    """SHA-256 over what these modules compute, and all of this package's modules that they import.

    It is of the set of their top-level statements (`statements`), so files may be moved, renamed, merged
    and reworded. A package's `__init__` does not count: it is a catalogue, and a new line in it changes no
    result.
    """
    return _fingerprint(closure(*modules))


def content_hash(paths: Iterable[str | Path], root: Path = Path()) -> str:
    """SHA-256 over the contents of files, and of all files below folders, and their names from `root`.

    Raises:
        ResultsError: a file or folder is not there.
    """
    digest = hashlib.sha256()
    for path in (root / path for path in paths):
        if not path.exists():
            raise ResultsError(f"{path}: missing, and results depend on it. Restore it from the repository")
        for file in sorted(path.rglob("*") if path.is_dir() else [path]):
            if file.is_file():
                name = str(file.relative_to(root))
                digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def closure(*modules: str) -> frozenset[str]:
    """These modules, and all of this package's modules that they import, however far away."""
    found: set[str] = set()
    pending = list(modules)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += read(name).imports
    return frozenset(found)


@cache
def _fingerprint(modules: frozenset[str]) -> str:
    definitions = {
        (name, module): digest
        for module in modules
        for statement, digest in _digests(module)
        for name in statement.defines
    }
    several = defaultdict(set)
    for (name, _), digest in definitions.items():
        several[name].add(digest)
    # In a set it could not be told which of these is meant, so the definition says it.
    ambiguous = {key: digest for key, digest in definitions.items() if len(several[key[0]]) > 1}
    found = set()
    for module in modules:
        for statement, digest in _digests(module):
            meant = sorted(
                (name, ambiguous[name, place]) for name, place in statement.uses & ambiguous.keys()
            )
            found.add(hashlib.sha256(repr((digest, meant)).encode()).hexdigest() if meant else digest)
    return FORMAT + hashlib.sha256("".join(sorted(found)).encode()).hexdigest()


@cache
def _digests(module: str) -> tuple[tuple[Statement, str], ...]:
    """A module's statements, each with the digest of its text."""
    return tuple((s, hashlib.sha256(s.text.encode()).hexdigest()) for s in read(module).statements)
