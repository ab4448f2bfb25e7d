"""Pictures of what paper A's VAEs have learned, in a `.npz` next to the table of their cell.

Pixel probabilities are uint8. The file contains `originals` `[8, 784]`. For the first seed of each
of S settings it contains `hard` and `relaxed` reconstructions `[S, 8, 784]` and `samples` of the
discrete prior `[S, 64, 784]`; the runs shown are `shown_run_ids`. For every run it contains
`run_ids`, the values of `Latent.facts` and, for binary latent variables, `probability` and
`probability_share`. A second copy is kept for runs that are not trained again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from reinrelax.config.run import Run
from reinrelax.core import files, records
from reinrelax.errors import ResultsError

Pictures = dict[str, np.ndarray[Any, Any]]
_DRAWN = ("hard", "relaxed", "samples")
# Limit on the unpacked size of a file, which may come from elsewhere, in bytes. The pictures of a
# hundred settings take a tenth of it.
_LARGEST = 2**28


def kept(table: Path) -> Path:
    """Return the path of the second copy, for a cell's table."""
    return table.with_suffix(".runs.npz")


def read(path: Path) -> Pictures:
    """Read the content of a file.

    Raises:
        ResultsError: the file is damaged, or is not the one that its record was written for.
    """
    records.check_beside(path)
    try:
        # np.load does not close a damaged file, so it is opened here.
        with path.open("rb") as file, np.load(file) as content:
            if (size := sum(entry.file_size for entry in content.zip.infolist())) > _LARGEST:
                raise ValueError(
                    f"it unpacks to {size / 1e6:.0f} MB; the limit for pictures is"
                    f" {_LARGEST / 1e6:.0f} MB"
                )
            return dict(content)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ResultsError(
            f"{path}: cannot be read as pictures ({error!r}). Delete it and rerun"
        ) from None


def write(path: Path, content: Pictures) -> None:
    """Write a file for `read`.

    Raises:
        ResultsError: the file cannot be written.
    """
    with files.atomic(path) as file:
        np.savez_compressed(file, **content)  # type: ignore[arg-type]


def joined(runs: Sequence[Run], parts: Sequence[Pictures]) -> Pictures:
    """Return the pictures of `runs`, each from the first part that has it.

    Reconstructions and samples are those of the first seed only.
    """
    drawn = {str(run_id) for part in parts for run_id in part["shown_run_ids"]}
    first = min((run.seed for run in runs if run.run_id in drawn), default=0)
    shown = [run.run_id for run in runs if run.seed == first and run.run_id in drawn]
    out: dict[str, Any] = {
        "originals": parts[0]["originals"],
        "shown_run_ids": np.array(shown, dtype=str),
    }
    out["run_ids"] = np.array([run.run_id for run in runs])
    for name in parts[0]:
        if name not in out:
            names, wanted = (
                ("shown_run_ids", shown) if name in _DRAWN else ("run_ids", out["run_ids"])
            )
            rows: dict[str, Any] = {}
            for part in reversed(parts):
                rows |= dict(zip(part[names].tolist(), part[name], strict=True))
            out[name] = (
                np.stack([rows[str(run)] for run in wanted]) if len(wanted) else parts[0][name][:0]
            )
    return out
