"""Read the tables that the report is made from."""

import io
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.claims.model import LEARNING
from reinrelax.config.declared import NUMBERS
from reinrelax.core import records
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS

# The name of a column sets its type. A column named neither here nor by its experiment is text.
_NUMBERS = frozenset(
    (
        # scale and provenance
        *(
            "planned_seeds",
            "seeds",
            "seed",
            "diverged",
            "train_images",
            "test_images",
            "images",
            "batch_size",
        ),
        *(
            "threads",
            "wall_seconds",
            "core_seconds",
            "gpu_seconds",
            "peak_memory_mb",
            "epochs",
            "epoch",
        ),
        # settings
        *("learning_rate", *HYPERPARAMETERS),
        # measured values and the values that they are compared with
        *(
            "mean",
            "ci_low",
            "ci_high",
            "value",
            "low",
            "high",
            "x",
            "ratio",
            "paper_ratio",
            *LEARNING,
        ),
        *("train", "train_low", "train_high", "test", "test_low", "test_high"),
        *("authors_mean", "authors_low", "authors_high", "authors_seeds"),
        *("difference", "difference_low", "difference_high"),
    )
)
_FLAGS = frozenset(("is_best", "is_paper", "in_grid", "closest", "comparable", "source_changed"))
# The checksums of the files in a folder that the report reads; written last.
CHECKSUMS = "checksums.json"
_REMEDY = "Delete it, if it exists, and run snakemake again"


def read_table(path: Path, more: Collection[str] = ()) -> pd.DataFrame:
    """Read a CSV table.

    Numbers are NaN if empty, flags become Booleans (false if empty), and other entries remain text.

    Args:
        path: of the table.
        more: the numeric columns, for a table that no experiment declares.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    table = read_as_text(path)
    try:
        numbers = _NUMBERS | NUMBERS.get(path.stem, frozenset(more))
        return table.assign(
            **{name: pd.to_numeric(table[name]) for name in table.columns if name in numbers},
            **{name: table[name] == "True" for name in table.columns if name in _FLAGS},
        )
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None


def read_as_text(path: Path) -> pd.DataFrame:
    """Read a CSV table with every entry as text.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    try:
        # Type inference would read empty columns, and commits that consist of digits, as numbers.
        return pd.read_csv(io.StringIO(read_text(path)), dtype=str, keep_default_na=False)
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None


def read_text(path: Path) -> str:
    """Read a text file and, if its folder has checksums, check it against them.

    Raises:
        ResultsError: the file is missing, not UTF-8, or does not match its checksum.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None
    sums = path.parent / CHECKSUMS
    if sums.exists():
        records.check(path, records.read(sums, ()))
    return text


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None
