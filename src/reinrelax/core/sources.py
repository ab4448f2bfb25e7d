"""A hash of the source that a result depends on, so that a change elsewhere does not recompute it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from reinrelax.core.statements import ROOT, WHOLE, Statement, Used, is_import, path_of, read
from reinrelax.errors import ResultsError

# A statement and the module that it is from.
Part = tuple[str, Statement]

# What a hash of source begins with; those of earlier versions were of more, and cannot be compared with it.
FORMAT = "reached-"


def fingerprint(roots: Iterable[str], root: Path = ROOT) -> str:
    """SHA-256 over what these compute: modules, or `module:name`, a function or class of one.

    It is of the set of top-level statements that they reach (`reached`), each in the form of `statements`, so
    files may be moved, renamed, merged and reworded, and what is beside these statements changed. A package's
    `__init__` does not count: it is a catalogue, and a new line in it changes no result.

    Args:
        roots: which.
        root: where the package lies.
    """
    return _fingerprint(frozenset(roots), root)


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
def reached(roots: frozenset[str], root: Path = ROOT) -> frozenset[Part]:
    """What these modules and `module:name`s hold and use, however far away: statements, each with its module.

    What is used is followed by name. With any statement of a module come those that are run for their
    effect, its C files, and what is registered with something that is reached. Of a table of parameters come
    the entries whose names are written in any of these.
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
            pending += [*statement.uses, *((name, module) for name in statement.defines), ("", module)]
        found |= parts
    return frozenset(found)


def meant(root_name: str, root: Path = ROOT) -> tuple[Part, ...]:
    """The statements that a module or `module:name` itself holds; none where it is not there."""
    module, _, name = root_name.partition(":")
    return _meant(name or WHOLE, module, root)


@cache
def _meant(name: str, module: str, root: Path) -> tuple[Part, ...]:
    """What a name of a module stands for; without a name, what the module does when it is imported."""
    if not path_of(module, root).is_file():
        return ()
    source = read(module, root)
    if name == WHOLE:
        return tuple((module, statement) for statement in source.statements)
    if not name:
        return tuple((module, statement) for statement in source.statements if not statement.defines)
    own = [statement for statement in source.statements if name in statement.defines]
    if not own and name in source.imports:
        return _meant(*source.imports[name], root)
    if any(not is_import(statement) for statement in own):
        own += [s for s in source.statements if (name, module) in s.registered_with]
    return tuple((module, statement) for statement in own)


@cache
def _fingerprint(roots: frozenset[str], root: Path) -> str:
    parts = [(module, statement, _digest(statement.text)) for module, statement in reached(roots, root)]
    pieces = defaultdict(list)
    for module, statement, digest in parts:
        for name in statement.defines:
            pieces[name, module].append(digest)
    definitions = {used: _digest("".join(sorted(digests))) for used, digests in pieces.items()}
    several = defaultdict(set)
    for (name, _), digest in definitions.items():
        several[name].add(digest)
    # In a set it could not be told which of these is meant, so the definition says it.
    ambiguous = {key: digest for key, digest in definitions.items() if len(several[key[0]]) > 1}
    found = set()
    for _, statement, digest in parts:
        meant = sorted((name, ambiguous[name, place]) for name, place in statement.uses & ambiguous.keys())
        found.add(_digest(repr((digest, meant))) if meant else digest)
    return FORMAT + _digest("".join(sorted(found)))


@cache
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
