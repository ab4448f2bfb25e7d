"""Packed folders, and results folders of other people and machines, read as untrusted input.

A packed folder is laid out like a results folder, with tables and records compressed. Its
`manifest.json` marks the folder as packed and lists its files with their sizes. Nothing outside of
a folder is read, and no file becomes larger than the manifest says.
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
# Name of the manifest in an unpacked folder. It marks the folder as one that may be replaced.
_UNPACKED = "unpacked.json"
COMPRESSED = (".csv", ".json")
# Limit on the unpacked size of a folder in bytes: about ten times the size of the full papers'
# scale.
_LARGEST = 2 * 1024**3
_CHUNK = 1024**2


def is_packed(folder: Path) -> bool:
    """Return whether a folder was made by `publish`."""
    return (folder / MANIFEST).is_file()


def unpack(packed: Path, folder: Path) -> None:
    """Unpack a packed folder into the results folder `folder`.

    It replaces what was unpacked there before.

    Raises:
        ResultsError: `packed` is not a packed folder; a file is missing, damaged or of another size
            than listed; a path or link leads out of the folder; or `folder` has results of its own.
            Nothing is written then.
    """
    if not is_packed(packed):
        raise ResultsError(
            f"{packed}: no results are published there yet. `make paper` computes them and `make"
            " publish` packs them"
        )
    if folder.exists() and not (folder / _UNPACKED).exists():
        raise ResultsError(
            f"{folder}: already contains results, which published ones do not replace. Rename it"
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
    """Return the files that a packed folder lists, each with its unpacked size."""
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
                f"{path}: lists {name!r}, which is not a file in this folder. Do not use it"
            )
    if sum(sizes.values()) > _LARGEST or min(sizes.values(), default=0) < 0:
        raise ResultsError(
            f"{path}: lists files of {sum(sizes.values()) / 1e9:.1f} GB in total; the limit is"
            f" {_LARGEST / 1e9:.1f} GB. Do not use it"
        )
    return {Path(name): size for name, size in sizes.items()}


def _copy(source: BinaryIO | gzip.GzipFile, target: IO[bytes], size: int) -> None:
    """Copy a file of `size` bytes.

    Raises:
        ValueError: the file is shorter or longer; if it is longer, the rest is not read.
    """
    left = size
    while chunk := source.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"it has more than the {size} bytes stated in the manifest")
        target.write(chunk)
    if left:
        raise ValueError(f"it has {left} fewer than the {size} bytes stated in the manifest")


def check_links(folder: Path) -> None:
    """Check that no link in a folder leads out of it.

    Raises:
        ResultsError: names the link.
    """
    inside = folder.resolve()
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise ResultsError(
                    f"{path}: is a link to {path.readlink()}, outside its folder. Replace it with"
                    " the file"
                )


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """Yield a results folder itself, or a temporary unpacked copy of a packed one.

    Raises:
        ResultsError: as in `unpack`.
    """
    if not is_packed(folder):
        check_links(folder)
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        unpack(folder, Path(scratch, folder.name))
        yield Path(scratch, folder.name)


def name_of(path: Path) -> Path:
    """Return where a packed folder has a file of a results folder."""
    return path.with_name(f"{path.name}.gz") if path.suffix in COMPRESSED else path


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `folder` on success and is removed on failure."""
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
