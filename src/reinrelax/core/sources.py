"""Hashes of the source that a result depends on; other changes trigger no recomputation."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from reinrelax.core.statements import ROOT, WHOLE, Statement, Used, is_import, path_of, read
from reinrelax.errors import ResultsError

# A module and a statement in it.
Part = tuple[str, Statement]

# The prefix of source hashes. Hashes of earlier versions covered more source, so they cannot be
# compared with these.
FORMAT = "reached-"


def fingerprint(roots: Iterable[str], root: Path = ROOT) -> str:
    """Return a SHA-256 over the source that `roots` depend on.

    The hash covers the set of top-level statements that they reach (`reached`), in the canonical
    form of `statements`. Files may therefore be moved, renamed, merged or reworded, and unrelated
    statements changed. A package's `__init__` is excluded: it is a catalogue, and a new entry in it
    does not change results.

    Args:
        roots: modules, or functions and classes as `module:name`.
        root: the folder of the package.
    """
    return _fingerprint(frozenset(roots), root)


def content_hash(paths: Iterable[str | Path], root: Path = Path()) -> str:
    """Return a SHA-256 over the contents and names (relative to `root`) of files and folders.

    Raises:
        ResultsError: a file or folder is missing.
    """
    digest = hashlib.sha256()
    for path in (root / path for path in paths):
        if not path.exists():
            raise ResultsError(
                f"{path}: missing, and results depend on it. Restore it from the repository"
            )
        for file in sorted(path.rglob("*") if path.is_dir() else [path]):
            if file.is_file():
                name = str(file.relative_to(root))
                digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def reached(roots: frozenset[str], root: Path = ROOT) -> frozenset[Part]:
    """Return all statements that modules and `module:name`s contain or use, directly or indirectly.

    Uses are followed by name. Any statement of a module brings with it the module's statements that
    are run for their effect, its C files, and functions registered with a reached object. From a
    table of parameters only those entries count whose names occur in the reached statements.
    """
    found: set[Part] = set()
    entries: set[Part] = set()
    words: set[str] = set()
    followed: set[Used] = set()
    pending = [(name or WHOLE, module) for module, _, name in (one.partition(":") for one in roots)]
    while pending:
        used = pending.pop()
        if used in followed:
            continue
        followed.add(used)
        parts = set(_meant(*used, root))
        entries |= {part for part in parts if part[1].key}
        parts = {part for part in parts if not part[1].key}
        words.update(*(statement.words for _, statement in parts))
        parts |= {part for part in entries if part[1].key in words}
        for module, statement in parts - found:
            pending += [
                *statement.uses,
                *((name, module) for name in statement.defines),
                ("", module),
            ]
        found |= parts
    return frozenset(found)


def meant(root_name: str, root: Path = ROOT) -> tuple[Part, ...]:
    """Return the statements of a module or of a `module:name`; empty if it does not exist."""
    module, _, name = root_name.partition(":")
    return _meant(name or WHOLE, module, root)


@cache
def _meant(name: str, module: str, root: Path) -> tuple[Part, ...]:
    """Return the statements that define a name of a module.

    An empty name stands for the statements that the module runs for their effect on import.
    """
    if not path_of(module, root).is_file():
        return ()
    source = read(module, root)
    if name == WHOLE:
        return tuple((module, statement) for statement in source.statements)
    if not name:
        return tuple(
            (module, statement) for statement in source.statements if not statement.defines
        )
    own = [statement for statement in source.statements if name in statement.defines]
    if not own and name in source.imports:
        return _meant(*source.imports[name], root)
    if any(not is_import(statement) for statement in own):
        own += [s for s in source.statements if (name, module) in s.registered_with]
    return tuple((module, statement) for statement in own)


@cache
def _fingerprint(roots: frozenset[str], root: Path) -> str:
    parts = [
        (module, statement, _digest(statement.text)) for module, statement in reached(roots, root)
    ]
    pieces = defaultdict(list)
    for module, statement, digest in parts:
        for name in statement.defines:
            pieces[name, module].append(digest)
    definitions = {used: _digest("".join(sorted(digests))) for used, digests in pieces.items()}
    several = defaultdict(set)
    for (name, _), digest in definitions.items():
        several[name].add(digest)
    # If several definitions have the same name, each use includes the hash of the one it refers to.
    ambiguous = {key: digest for key, digest in definitions.items() if len(several[key[0]]) > 1}
    found = set()
    for _, statement, digest in parts:
        meant = sorted(
            (name, ambiguous[name, place]) for name, place in statement.uses & ambiguous.keys()
        )
        found.add(_digest(repr((digest, meant))) if meant else digest)
    return FORMAT + _digest("".join(sorted(found)))


@cache
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
