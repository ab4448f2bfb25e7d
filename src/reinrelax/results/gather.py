"""Results on disk of every planned job: its readable tables, and a line with its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims.model import METRICS
from reinrelax.config.declared import COLUMNS
from reinrelax.config.load import Config
from reinrelax.config.run import in_words
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS
from reinrelax.results.commands import compare_anew, recompute
from reinrelax.results.read import read_job

# Column with the hidden layers of a network that is not the paper's.
_NETWORK = "hidden"
_COUNTS = ("planned_seeds", "seeds", "diverged")
_FACTS = ("dataset", "products", "train_images", "test_images", "batch_size", "epochs", "draws")
_SETTINGS = ("optimizer", "learning_rate", *(name for name in HYPERPARAMETERS if name != "draws"))
# Fields of a record that say where and how a job was computed; `dataset` is in `_FACTS`.
_MACHINE = (
    "device",
    "host",
    "platform",
    "processor",
    "threads",
    "commit",
    "started",
    "wall_seconds",
)
_VERSIONS = ("python", "torch", "numpy")
ORIGIN = (
    *_MACHINE,
    *_VERSIONS,
    *(
        "peak_memory_mb",
        "dataset_sha256",
        "versions",
        "core_seconds",
        "gpu_seconds",
        "source_changed",
    ),
)
# Settings that only paper A's trainings have.
_MORE_SETTINGS = tuple(name for name in OF_LATENTS if name not in HYPERPARAMETERS)
# Columns of the line of a planned job.
_LINE = (
    *("job", "experiment", "estimator", "latent", "environment", "algorithm", "state", "message"),
    *(*_COUNTS, *_FACTS, _NETWORK, "settings", *ORIGIN, "target", "log", "command"),
)
# Types of columns in tables of studies, chosen to allow missing values.
_KINDS = {str: "str", int: "Int64", float: "float"}
_NEEDED = (
    "run_id",
    "estimator",
    "categories",
    "latents",
    "seed",
    "status",
    "epoch",
    *METRICS,
    *_FACTS,
    *_SETTINGS,
)


@dataclass(frozen=True)
class TrainingResults:
    """The results on disk.

    Attributes:
        rows: one row per epoch and run of all readable cells.
        plan: one row per planned job.
        tables: tables of studies, by experiment and name.
    """

    rows: pd.DataFrame
    plan: pd.DataFrame
    tables: Mapping[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def of(self, *experiments: str) -> "TrainingResults":
        """Return the trainings of these experiments only.

        The same estimator and shape can occur in several experiments.
        """
        rows, plan = (
            table[table["experiment"].isin(experiments)].reset_index(drop=True)
            for table in (self.rows, self.plan)
        )
        return TrainingResults(rows, plan)

    def studied(self, experiment: str) -> Mapping[str, pd.DataFrame]:
        """Return every table that a study can write, with the rows of one experiment's studies."""
        return {
            name: self.tables.get((experiment, name), pd.DataFrame(columns=list(columns)))
            for name, columns in COLUMNS.items()
        }


def gather(config: Config, root: Path, any_source: bool = False) -> TrainingResults:
    """Read every planned job. A job that cannot be read keeps the reason and has no rows.

    Args:
        config: the configuration whose results are read.
        root: the project's folder.
        any_source: as in `read_job`.
    """
    rows: list[pd.DataFrame] = []
    plan = []
    studied: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for job in jobs(config).values():
        line = _planned(job, recompute(config, job.target.as_posix(), root))
        try:
            if result := read_job(config, job, any_source):
                # Take all of a job's tables or none: half a study would pass for a whole one.
                tables = {
                    name: _checked(config, job, name, table)
                    for name, table in result.tables.items()
                }
                line.update(state="done", **provenance(result.record, job))
                if job.runs:
                    rows += tables.values()
                    line.update(_done(tables[job.target.stem]))
                    if len(result.job.runs) < len(job.runs):
                        held = f"{len(result.job.runs)} of {len(job.runs)} trainings are there"
                        line.update(state="partial", message=held)
                    elif not any_source:
                        line.update(command=compare_anew(config, job))
                else:
                    for name, table in tables.items():
                        studied.setdefault((job.experiment, name), []).append(table)
        except ResultsError as error:
            line.update(state="unreadable", message=str(error))
        plan.append(line)
    # Use nullable integers: jobs without a count stay empty, and the other counts stay whole
    # numbers.
    counted = dict.fromkeys((*_COUNTS, *_FACTS[2:]), "Int64")
    return TrainingResults(
        (
            pd.concat(rows, ignore_index=True)
            if rows
            else pd.DataFrame(columns=[*_NEEDED, "latent", "experiment"])
        ),
        pd.DataFrame(plan, columns=_LINE).astype(counted),
        {place: pd.concat(parts, ignore_index=True) for place, parts in studied.items()},
    )


def _planned(job: Job, command: str) -> dict[str, Any]:
    """Return the line of a job without results."""
    line = {
        **dict.fromkeys(_LINE),
        "job": job.name,
        "experiment": job.experiment,
        "state": "missing",
        "message": "",
        "target": job.target.as_posix(),
        "log": next(path for path in job.optional if path.suffix == ".log").as_posix(),
        "command": command,
    }
    if job.runs:
        first = job.first
        line |= {
            "estimator": first.estimator,
            "latent": str(first.shape),
            _NETWORK: in_words(first.hidden),
        }
        line |= {"planned_seeds": len(job.runs), "seeds": 0, "diverged": 0}
    return line | {
        key: job.settings[key] for key in ("environment", "algorithm") if key in job.settings
    }


def last_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per ended run, at its last epoch, with `diverged`; omit unfinished runs."""
    if rows.empty:
        return rows.assign(diverged=pd.Series(dtype=bool))
    last = rows.loc[rows.groupby("run_id", sort=False)["epoch"].idxmax()]
    finite = np.isfinite(last[list(METRICS)].to_numpy(dtype=float)).all(axis=1)
    last = last.assign(diverged=(last["status"] == "diverged") | ~finite)
    return last[last["diverged"] | (last["epoch"] == last["epochs"])]


def provenance(record: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Return the fields `ORIGIN` of a job's line from its record; empty where it lacks them.

    `source_changed` is whether its source differs from the present one. `started` is when the first
    of its runs started. `core_seconds` is wall time times threads of jobs on a CPU, `gpu_seconds`
    the wall time of jobs on a GPU; records do not say how busy either was.
    """
    libraries = ("reinrelax", *_VERSIONS)
    # Runs reused from earlier jobs took time too, and started earlier.
    earlier = [*record.get("reused", {}).values()]
    wall = float(record["wall_seconds"]) + sum(
        origin.get("wall_seconds", 0.0) for origin in earlier
    )
    on_cpu = record.get("device") == "cpu"
    dataset = record.get("dataset")
    return {
        **{name: record.get(name, "") for name in (*_MACHINE, *_VERSIONS, "peak_memory_mb")},
        "started": min(
            (str(at["started"]) for at in (record, *earlier) if at.get("started")), default=""
        ),
        "wall_seconds": wall,
        "dataset_sha256": dataset.get("sha256", "") if isinstance(dataset, Mapping) else "",
        "versions": ", ".join(f"{name} {record[name]}" for name in libraries if name in record),
        "core_seconds": wall * int(record.get("threads", 1)) if on_cpu else "",
        "gpu_seconds": "" if on_cpu else wall,
        "source_changed": _sources(record) != {job.source_hash},
    }


def _sources(record: Mapping[str, Any]) -> set[str]:
    """Return the hashes of the sources that computed a job's results, or each of its runs."""
    own, reused = record.get("source_hash"), record.get("reused", {})
    found = {str(origin.get("source_hash", own)) for origin in reused.values()}
    return found | ({str(own)} if set(record.get("run_ids", ("",))) - set(reused) else set())


def _checked(config: Config, job: Job, name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a job's table after checking its columns.

    The table of a cell gets latent shape, estimator, experiment and hidden layers from its job.

    Raises:
        ResultsError: a column is missing or has values of another type.
    """
    path = config.folder / job.record.with_name(f"{name}.csv")
    types: dict[str, Any] = {
        "epoch": int,
        "seed": int,
        **dict.fromkeys((*METRICS, *_SETTINGS[1:]), float),
    }
    if not job.runs:
        types = {column: _KINDS[holds] for column, holds in COLUMNS[name].items()}
    needed = _NEEDED if job.runs else tuple(types)
    if missing := [column for column in needed if column not in table]:
        raise ResultsError(f"{path}: column {missing[0]!r} is missing. Delete it and rerun")
    try:
        table = table.astype(types)
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"{path}: contains values that are not numbers ({error}). Delete it and rerun"
        ) from None
    if not job.runs:
        return table[list(types)]
    first = job.first
    said = {
        "latent": str(first.shape),
        "estimator": first.estimator,
        "experiment": first.experiment,
    }
    return table.assign(**said, **{_NETWORK: in_words(first.hidden)})


def _done(table: pd.DataFrame) -> dict[str, Any]:
    """Return the fields that a computed cell adds to its line of the plan."""
    ended = last_rows(table)
    return {
        "seeds": int((~ended["diverged"]).sum()),
        "diverged": int(ended["diverged"].sum()),
        **{name: _plain(table[name].iloc[0]) for name in _FACTS if pd.notna(table[name].iloc[0])},
        "settings": ", ".join([_settings(table), *_layers(table[_NETWORK].iloc[0])]),
    }


def _layers(units: str) -> list[str]:
    return [f"hidden layers {units}"] if units else []


def _settings(table: pd.DataFrame) -> str:
    """Describe a cell's settings: each value, or the range of values trained side by side."""
    names = [name for name in (*_SETTINGS, *_MORE_SETTINGS) if name in table]
    used = table[names].drop_duplicates()
    words = []
    for name in names:
        values = [str(_plain(value)) for value in sorted(used[name].dropna().unique())]
        if name == "optimizer":
            words.append(f"{name} {' and '.join(values)}")
        elif values:
            words.append(f"{name} {' to '.join(dict.fromkeys((values[0], values[-1])))}")
    many = f"{len(used)} settings: " if len(used) > 1 else ""
    return many + ", ".join(words)


def _plain(value: Any) -> Any:
    """Return a whole number without decimal point: a column with gaps stores counts as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
