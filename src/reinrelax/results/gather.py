"""What lies on disk for every planned cell: readable rows, and a line that says what became of it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims.model import METRICS
from reinrelax.config.load import Config
from reinrelax.config.run import in_words
from reinrelax.core.document import flow, path_of
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.jobs.runs import Cell, cells, table_path
from reinrelax.jobs.studies import Study
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS
from reinrelax.results.read import read_cell

# Of a network that is not the paper's, its hidden layers.
_NETWORK = "hidden"
_FACTS = ("dataset", "products", "train_images", "test_images", "batch_size", "epochs", "draws")
_SETTINGS = ("optimizer", "learning_rate", *(name for name in HYPERPARAMETERS if name != "draws"))
# What a record says of where and how a cell or study was computed; `dataset` stands among the facts.
_MACHINE = ("device", "host", "platform", "processor", "threads", "commit", "started", "wall_seconds")
_VERSIONS = ("python", "torch", "numpy")
ORIGIN = (
    *_MACHINE,
    *_VERSIONS,
    *("peak_memory_mb", "dataset_sha256", "versions", "core_seconds", "gpu_seconds", "source_changed"),
)
# Of paper A's trainings alone.
_MORE_SETTINGS = tuple(name for name in OF_LATENTS if name not in HYPERPARAMETERS)
# The columns of a planned cell's line.
_LINE = (
    *("cell", "experiment", "estimator", "latent", "state", "message", "planned_seeds", "seeds", "diverged"),
    *(*_FACTS, _NETWORK, "settings", *ORIGIN, "table", "log", "command"),
)
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
class Gathered:
    """What lies on disk: `rows` one an epoch and run of all readable cells, `plan` one a planned cell."""

    rows: pd.DataFrame
    plan: pd.DataFrame

    def of(self, *experiments: str) -> "Gathered":
        """The part of these experiments: the same estimator and shape occur in several."""
        return Gathered(
            *(
                table[table["experiment"].isin(experiments)].reset_index(drop=True)
                for table in (self.rows, self.plan)
            )
        )


def gather(config: Config, root: Path, any_source: bool = False) -> Gathered:
    """Read every planned cell; one that cannot be read keeps the reason and gives no rows.

    Args:
        config: whose results.
        root: the project's folder.
        any_source: as of `results.read_cell`.
    """
    tables, plan = [], []
    for cell in cells(config).values():
        line: dict[str, Any] = {
            "cell": cell.name,
            "experiment": cell.first.experiment,
            "estimator": cell.first.estimator,
            "latent": str(cell.first.shape),
            "state": "missing",
            "message": "",
            "planned_seeds": len(cell.runs),
            **dict.fromkeys(("seeds", "diverged"), 0),
            **dict.fromkeys((*_FACTS, "settings", *ORIGIN)),
            _NETWORK: in_words(cell.first.hidden),
            "table": table_path(config, cell.name).as_posix(),
            "log": (config.folder / "logs" / "train" / f"{cell.name}.log").as_posix(),
            "command": recompute(config, f"{cell.name}.csv", root),
        }
        try:
            result = read_cell(config, cell, any_source)
            if result.table is not None and result.record is not None:
                table = _checked(cell, config, result.table)
                line.update(_done(table), **provenance(result.record, cell))
                if len(result.cell.runs) < len(cell.runs):
                    held = f"{len(result.cell.runs)} of {len(cell.runs)} trainings are there"
                    line.update(state="partial", message=held)
                elif not any_source:
                    line.update(command=compare_anew(config, cell))
                tables.append(table)
        except ResultsError as error:
            line.update(state="unreadable", message=str(error))
        plan.append(line)
    rows = (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=[*_NEEDED, "latent", "experiment"])
    )
    # Counts of cells that have none yet stay empty, and those of the others whole.
    return Gathered(rows, pd.DataFrame(plan, columns=_LINE).astype(dict.fromkeys(_FACTS[2:], "Int64")))


def last_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a run that has ended, at its last epoch, with `diverged`; a run cut short has no row."""
    if rows.empty:
        return rows.assign(diverged=pd.Series(dtype=bool))
    last = rows.loc[rows.groupby("run_id", sort=False)["epoch"].idxmax()]
    finite = np.isfinite(last[list(METRICS)].to_numpy(dtype=float)).all(axis=1)
    last = last.assign(diverged=(last["status"] == "diverged") | ~finite)
    return last[last["diverged"] | (last["epoch"] == last["epochs"])]


def recompute(config: Config, targets: str | Sequence[str], root: Path) -> str:
    """The shell command that computes files of the results folder anew."""
    scale = Path("workflow/scales") / f"{config.scale}.yaml"
    chosen = f"--configfile {scale.as_posix()} " if (root / scale).exists() else ""
    if only := config.raw.get("only"):
        chosen += f"--config {shlex.quote(f'only={flow(only)}')} "
    names = [targets] if isinstance(targets, str) else targets
    # Not the place where published results are unpacked: the configured one.
    folder = shlex.quote((path_of("results", config.raw["results"]) / config.scale).as_posix())
    return f"snakemake --cores all {chosen}--force {' '.join(f'{folder}/{name}' for name in _braced(names))}"


def compare_anew(config: Config, cell: Cell) -> str:
    """The shell command that trains a finished cell anew, and says what differs."""
    file = (path_of("results", config.raw["results"]) / config.scale / "config.yaml").as_posix()
    return f"python -m reinrelax recompute --config {shlex.quote(file)} {shlex.quote(cell.name)}"


def _braced(names: Sequence[str]) -> list[str]:
    """Paths as a shell takes them: those that differ in their last folder or name alone share braces."""
    names = [shlex.quote(name) for name in dict.fromkeys(names)]
    for depth in (-1, -2):
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            parts = name.split("/")
            if len(parts) < -depth:
                return names
            groups.setdefault((*parts[:depth], "", *parts[len(parts) + depth + 1 :]), []).append(parts[depth])
        names = [
            "/".join(part or _any(options) for part in key) if "" in key else "/".join(key)
            for key, options in groups.items()
        ]
    return names


def _any(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else "{" + ",".join(options) + "}"


def provenance(record: Mapping[str, Any], job: Cell | Study) -> dict[str, Any]:
    """What a record adds to the line of its cell or study: `ORIGIN`, empty where it does not say.

    `source_changed` is whether its source was another one than today's; `started` is when the first of its
    runs was. `core_seconds` is wall time times threads of what ran on a CPU, `gpu_seconds` the wall time of
    what ran on a GPU; the records do not tell how busy either was.
    """
    libraries = ("reinrelax", *_VERSIONS)
    # Runs of earlier jobs took their time, too, and were begun before.
    earlier = [*record.get("reused", {}).values()]
    wall = float(record["wall_seconds"]) + sum(origin.get("wall_seconds", 0.0) for origin in earlier)
    on_cpu = record.get("device") == "cpu"
    dataset = record.get("dataset")
    return {
        **{name: record.get(name, "") for name in (*_MACHINE, *_VERSIONS, "peak_memory_mb")},
        "started": min((str(at["started"]) for at in (record, *earlier) if at.get("started")), default=""),
        "wall_seconds": wall,
        "dataset_sha256": dataset.get("sha256", "") if isinstance(dataset, Mapping) else "",
        "versions": ", ".join(f"{name} {record[name]}" for name in libraries if name in record),
        "core_seconds": wall * int(record.get("threads", 1)) if on_cpu else "",
        "gpu_seconds": "" if on_cpu else wall,
        "source_changed": _sources(record) != {job.source_hash},
    }


def _sources(record: Mapping[str, Any]) -> set[str]:
    """Hashes of the sources that a job's results, or each of its runs, were computed by."""
    own, reused = record.get("source_hash"), record.get("reused", {})
    found = {str(origin.get("source_hash", own)) for origin in reused.values()}
    return found | ({str(own)} if set(record.get("run_ids", ("",))) - set(reused) else set())


def _checked(cell: Cell, config: Config, table: pd.DataFrame) -> pd.DataFrame:
    path = table_path(config, cell.name)
    if missing := [column for column in _NEEDED if column not in table]:
        raise ResultsError(f"{path}: column {missing[0]!r} is missing. Delete it and rerun")
    try:
        table = table.astype({"epoch": int, "seed": int, **dict.fromkeys((*METRICS, *_SETTINGS[1:]), float)})
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"{path}: holds something other than numbers ({error}). Delete it and rerun"
        ) from None
    first = cell.first
    network = {_NETWORK: in_words(first.hidden)}
    return table.assign(
        latent=str(first.shape), estimator=first.estimator, experiment=first.experiment, **network
    )


def _done(table: pd.DataFrame) -> dict[str, Any]:
    """What a computed cell adds to its line of the plan."""
    ended = last_rows(table)
    return {
        "state": "done",
        "seeds": int((~ended["diverged"]).sum()),
        "diverged": int(ended["diverged"].sum()),
        **{name: _plain(table[name].iloc[0]) for name in _FACTS if pd.notna(table[name].iloc[0])},
        "settings": ", ".join([_settings(table), *_layers(table[_NETWORK].iloc[0])]),
    }


def _layers(units: str) -> list[str]:
    return [f"hidden layers {units}"] if units else []


def _settings(table: pd.DataFrame) -> str:
    """A cell's settings in words: the value, or the range of values that it trains side by side."""
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
    """A whole number without its decimal point: counts are floats in a column that has gaps."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
