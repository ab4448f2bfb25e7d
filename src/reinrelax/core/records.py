"""Provenance records: JSON files with checksums of themselves and of the files they describe."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reinrelax.core import files
from reinrelax.errors import ResultsError

# The key of the checksums, and in it the name of the record's own (over all its other keys). The
# checksums of files are stored under their names.
_KEY, _SELF = "checksums", "record"


def write(path: Path, record: Mapping[str, Any], beside: Iterable[Path] = ()) -> None:
    """Write a record with the checksums of complete files in its folder.

    Raises:
        ResultsError: the record cannot be written.
    """
    files.write_text(path, json.dumps(sealed(record, beside), indent=2) + "\n")


def sealed(record: Mapping[str, Any], beside: Iterable[Path] = ()) -> dict[str, Any]:
    """Return the record with the checksums of itself and of these files."""
    sums = {file.name: _of_file(file) for file in beside}
    return {**record, _KEY: {**sums, _SELF: _of_record(record)}}


def read(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Read a record, check that it has these keys, and verify its checksum if it has one.

    Raises:
        ResultsError: the record is missing or damaged.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key in keys:
            record[key]
        require(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ResultsError(
            f"{path}: provenance cannot be read ({error!r}). Delete it and rerun"
        ) from None
    return record


def require(record: Mapping[str, Any]) -> None:
    """Verify a record's own checksum; a record without one passes.

    Raises:
        ValueError: the checksum differs.
    """
    sums = record.get(_KEY)
    if sums is not None and sums[_SELF] != _of_record(record):
        raise ValueError("differs from its checksum")


def check_beside(path: Path) -> None:
    """Verify a file against the record with the same stem, if that exists.

    Raises:
        ResultsError: as for `check`, or the record is damaged.
    """
    record = path.with_suffix(".json")
    check(path, read(record, ()) if record.exists() else {})


def check(path: Path, record: Mapping[str, Any]) -> None:
    """Verify a file against its checksum in the record, if the record has one.

    Raises:
        ResultsError: the checksum differs, or the file cannot be read.
    """
    expected = (record.get(_KEY) or {}).get(path.name)
    try:
        found = _of_file(path) if expected else None
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error!r}). Delete it and rerun") from None
    if found != expected:
        raise ResultsError(f"{path}: differs from the checksum in its record. Delete it and rerun")


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_record(record: Mapping[str, Any]) -> str:
    """Hash the content of a record, independent of its layout."""
    rest = {key: value for key, value in json.loads(json.dumps(record)).items() if key != _KEY}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
