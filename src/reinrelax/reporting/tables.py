"""Reading back the tables that the report is made of."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.errors import ResultsError

_NUMBERS = (
    *("planned_seeds", "seeds", "diverged", "train_images", "test_images", "batch_size", "epochs", "draws"),
    *("wall_seconds", "epoch", "mean", "ci_low", "ci_high", "paper_mean", "paper_plus_minus"),
    *("difference", "difference_low", "difference_high"),
)
_REMEDY = "Run snakemake again, which writes it"


def read_table(path: Path) -> pd.DataFrame:
    """A CSV table: the columns of `_NUMBERS` as numbers, NaN where empty, all others as text.

    Raises:
        ResultsError: missing or damaged.
    """
    try:
        # Left to guess, a commit of digits alone or a column without entries would pass for numbers.
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table.assign(
            **{name: pd.to_numeric(table[name]) for name in table.columns if name in _NUMBERS}
        )
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None


def read_text(path: Path) -> str:
    """A text file.

    Raises:
        ResultsError: missing or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        ResultsError: missing or damaged.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None
