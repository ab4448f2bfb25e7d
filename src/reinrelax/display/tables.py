"""Reading back the tables that the report is made of."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.claims.model import LEARNING
from reinrelax.core import records
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS

# What a column holds goes by its name; what is named nowhere here is text.
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
        *("threads", "wall_seconds", "core_seconds", "gpu_seconds", "peak_memory_mb"),
        *("epochs", "epoch", "categories", "functions", "round", "rounds"),
        # settings
        *("replicas", "estimates", "learning_rate", *HYPERPARAMETERS),
        # measured values and what they are held against
        *("mean", "ci_low", "ci_high", "value", "low", "high", "x", "y", "slope", "integral", "nelbo"),
        *("authors_mean", "authors_low", "authors_high", "authors_seeds"),
        *("searched", "left_out", "plus_minus", "second_mean", "rivals", "optimism", "chosen_again"),
        *(
            "paper_mean",
            "paper_plus_minus",
            "difference",
            "to_base",
            "to_base_low",
            "to_base_high",
            "difference_low",
            "difference_high",
        ),
        *("paper_ratio", "ratio", "ratio_low", "ratio_high", "paper_seconds", "seconds", "seconds_low"),
        *("seconds_high", "batched_seconds", "batched_ratio", "train_nelbo", "test_nelbo"),
        *("best_nelbo", "paper_nelbo", "gap", "rank", "points", "finished", "within_half", "above_best"),
        *("train", "train_low", "train_high", "test", "test_low", "test_high", "paper_train", "paper_test"),
        *("delta_train", "delta_test"),
        # ours beside the authors' own runs
        *("paper_seeds", "paper_spread", "sd", "authors_sd"),
        *(
            f"{part}{name}"
            for part in ("", "train_", "test_")
            for name in (
                "mean",
                "authors_mean",
                "difference",
                "to_base",
                "to_base_low",
                "to_base_high",
                "difference_low",
                "difference_high",
            )
        ),
        *(f"{part}spread_ratio{end}" for part in ("", "train_", "test_") for end in ("", "_low", "_high")),
        *("bound", "bound_blas", "bound_onednn", "bound_traffic"),
        # of paper A
        *("tau_forward", "tau_backward", "k", "row", "i", "j", "sample", "gate", "size", "category"),
        *("cap", "episode", "episodes", "length", "return", "running", "share", "start", "without_start"),
        *("probability", "iqm", "iqm_low", "iqm_high", *LEARNING),
        *("expected", "total", "density", "relaxed", "relaxed_low", "relaxed_high", "gap_low", "gap_high"),
        *(
            f"{name}{end}"
            for name in ("test_reconstruction", "test_kl", "below_baseline")
            for end in ("", "_low", "_high")
        ),
    )
)
_FLAGS = frozenset(("is_best", "is_paper", "in_grid", "closest", "comparable", "source_changed"))
# Names that stand for numbers in one table and for words in others.
_NUMBERS_OF = {
    **{name: {"paper"} for name in ("table1", "table1_run", "rl_summary")},
    "identities": {"latents"},
}
# In a folder of what the report is made of: the checksums of its files, written last.
CHECKSUMS = "checksums.json"
_REMEDY = "Delete it, if it is there, and run snakemake again"


def read_table(path: Path) -> pd.DataFrame:
    """A CSV table: numbers, NaN where empty; flags as truth values, false where empty; all else as text.

    Raises:
        ResultsError: missing or damaged.
    """
    table = read_as_text(path)
    try:
        numbers = _NUMBERS | _NUMBERS_OF.get(path.stem, set())
        return table.assign(
            **{name: pd.to_numeric(table[name]) for name in table.columns if name in numbers},
            **{name: table[name] == "True" for name in table.columns if name in _FLAGS},
        )
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None


def read_as_text(path: Path) -> pd.DataFrame:
    """A CSV table with every entry as it is written.

    Raises:
        ResultsError: missing or damaged.
    """
    try:
        # Left to guess, a commit of digits alone or a column without entries would pass for numbers.
        return pd.read_csv(io.StringIO(read_text(path)), dtype=str, keep_default_na=False)
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None


def read_text(path: Path) -> str:
    """A text file, which must agree with its checksum if its folder has one.

    Raises:
        ResultsError: missing, not UTF-8, or not what was written there.
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
    """A JSON file.

    Raises:
        ResultsError: missing or damaged.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise ResultsError(f"{path}: cannot be read ({error}). {_REMEDY}") from None
