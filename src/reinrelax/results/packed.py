"""Folders of packed results, and results folders of other people and machines: read, and not
trusted.

A packed folder is laid out as a results folder, with tables and records compressed. Beside the
results lies `manifest.json`, which marks the folder as a packed one and lists its files with their
sizes. Nothing outside of a folder is read, and nothing becomes larger than the manifest says.
"""

import gzip
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from reinrelax.core import files
from reinrelax.errors import ResultsError

MANIFEST = "manifest.json"
# What the manifest is called in a folder that was unpacked, which may be replaced for that.
_UNPACKED = "unpacked.json"
COMPRESSED = (".csv", ".json")
# Bytes that a packed folder's files may come to: some ten times what all of the papers' scale does.
_LARGEST = 2 * 1024**3
_CHUNK = 1024**2


def is_packed(folder: Path) -> bool:
    """Whether this is a folder that `publish` made."""
    return (folder / MANIFEST).is_file()


def unpack(packed: Path, folder: Path) -> None:
    """Make `folder` a results folder of what is packed, in the place of what was unpacked there
    before.

    Raises:
        ResultsError: nothing is packed there; a file is missing, damaged or of another size than it
            is said to be; a path or a link leads out; `folder` holds results of its own. Nothing is
            written then.
    """
    if not is_packed(packed):
        raise ResultsError(
            f"{packed}: nothing is published there yet. `make paper` computes and `make publish`"
            " packs"
        )
    if folder.exists() and not (folder / _UNPACKED).exists():
        raise ResultsError(
            f"{folder}: has results of its own, which are not replaced by published ones. Rename it"
        )
    check_links(packed)
    listed = _listed(packed)
    with replaced(folder) as new:
        for path, size in listed.items():
            source = packed / name_of(path)
            if not source.is_file():
                raise ResultsError(f"{source}: is missing. Restore it: git checkout -- {packed}")
            with files.atomic(new / path) as target:
                try:
                    with (
                        gzip.open(source) if path.suffix in COMPRESSED else source.open("rb")
                    ) as content:
                        _copy(content, target, size)
                except (OSError, EOFError, zlib.error, ValueError) as error:
                    raise ResultsError(
                        f"{source}: cannot be unpacked ({error}). Restore it: git checkout --"
                        f" {packed}"
                    ) from None
        files.write_bytes(new / _UNPACKED, (packed / MANIFEST).read_bytes())


def _listed(packed: Path) -> dict[Path, int]:
    """The files that a packed folder says it has, and how large each is when it is unpacked."""
    path = packed / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["files"]
        sizes = {str(name): int(size) for name, size in found.items()}
    except (
        *(OSError, ValueError, OverflowError, KeyError),
        *(TypeError, AttributeError, RecursionError),
    ) as error:
        raise ResultsError(
            f"{path}: does not list the folder's files with their sizes ({error!r}). Restore it:"
            f" git checkout -- {packed}. If an earlier version packed it, delete it and publish"
            " again"
        ) from None
    for name in sizes:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not place.name or not name.isprintable():
            raise ResultsError(
                f"{path}: lists {name!r}, which is no file of this folder. Do not use it"
            )
    if sum(sizes.values()) > _LARGEST or min(sizes.values(), default=0) < 0:
        raise ResultsError(
            f"{path}: lists files of {sum(sizes.values()) / 1e9:.1f} GB, and at most"
            f" {_LARGEST / 1e9:.1f} GB are unpacked. Do not use it"
        )
    return {Path(name): size for name, size in sizes.items()}


def _copy(source: BinaryIO | gzip.GzipFile, target: IO[bytes], size: int) -> None:
    """Copy a file of so many bytes.

    Raises:
        ValueError: it has more or fewer; more are not read.
    """
    left = size
    while chunk := source.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"it has more than the {size} bytes that the manifest says")
        target.write(chunk)
    if left:
        raise ValueError(f"it has {left} fewer than the {size} bytes that the manifest says")


def check_links(folder: Path) -> None:
    """Do nothing if no link in a folder leads out of it.

    Raises:
        ResultsError: names the link.
    """
    inside = folder.resolve()
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise ResultsError(
                    f"{path}: is a link out of its folder, to {path.readlink()}. Put the file in"
                    " its place"
                )


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """The results folder itself, or of a packed one a temporary copy that is unpacked.

    Raises:
        ResultsError: as `unpack`.
    """
    if not is_packed(folder):
        check_links(folder)
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        unpack(folder, Path(scratch, folder.name))
        yield Path(scratch, folder.name)


def name_of(path: Path) -> Path:
    """Where a file of a results folder lies in a packed one."""
    return path.with_name(f"{path.name}.gz") if path.suffix in COMPRESSED else path


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of this one on success, and vanishes on failure."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent)
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written ({error}). {files.REMEDY}") from None
    new, old = Path(scratch, "new"), Path(scratch, "old")
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise ResultsError(f"{folder}: cannot be written ({error}). {files.REMEDY}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
