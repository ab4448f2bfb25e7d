"""Figures of the project's benchmark: time relative to a lower bound, and time over model sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.core import records
from reinrelax.display.charts import lines, maps
from reinrelax.display.charts.lines import LineFigure, LinePanel
from reinrelax.display.charts.maps import ColourScale, MapFigure, MapPanel
from reinrelax.display.charts.tidy_tables import cells, panel_title, stacked, tidy
from reinrelax.display.tables import read_table
from reinrelax.display.text_format import commit, count, fixed, significant
from reinrelax.errors import ResultsError

# The folder in the project to which `make bench` writes a table and a record per device.
RESULTS = Path("benchmarks/results")
DEVICES = ("cpu", "cuda")
EPOCH = 60_000
# Seconds and bounds are per replica and epoch, for training steps only.
_NAMES = ("part", "program", "estimator", "latent")
COLUMNS = (
    *(*_NAMES, "replicas", "threads", "draws", "seconds", "seconds_low", "seconds_high"),
    *("bound_blas", "bound_onednn", "bound_traffic", "bound", "ratio", "peak_memory_mb"),
)
# Timings are not results of a run, so the remedy is another.
_REMEDY = "Restore it from the repository, or run make bench"
_ABSENCE = "No figure of speed: make bench has not been run"
_SECONDS = "Seconds per model and epoch"
_BOUND = "Matrix products"
# The parts of the table, and their horizontal axes.
_AXES = {
    "replicas": "Models trained together (R)",
    "categories": "Categories (C)",
    "latents": "Latent variables (L)",
    "draws": "Monte Carlo draws (K)",
}
_HIGHEST = 6.0


def plans(folder: Path) -> Sequence[MapFigure | LineFigure]:
    """Plan `speed`, ratios by estimator and latent shape, and `scaling`, seconds over R, C, L, K.

    Args:
        folder: the folder of the timings; a device without timings gets no panels.

    Raises:
        ResultsError: timings are damaged.
    """
    tables, origins = [], []
    for device in DEVICES:
        path = folder / f"{device}.csv"
        if path.exists():
            table, record = _read(path)
            tables.append(table.assign(device=device))
            where = record["processor"] if device == "cpu" else record["device"]
            origins.append(f"{where}, torch {record['torch']}, commit {commit(record['commit'])}")
    timings = stacked(tables, [*COLUMNS, "device"])
    timings = timings[timings["program"] == "engine"]
    measured = f"; measured by make bench on {' and on '.join(origins)}" if origins else ""
    return _ratios(timings, measured), _scaling(timings, measured)


def _read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the timings of a device, and their record."""
    try:
        record = records.read(path.with_suffix(".json"), ("processor", "device", "torch", "commit"))
        records.check(path, record)
        table = read_table(path, set(COLUMNS) - set(_NAMES))
    except ResultsError as error:
        # Replace the remedy, which is for the results of a run.
        raise ResultsError(f"{str(error).rsplit('. ', 1)[0]}. {_REMEDY}") from None
    if lacking := set(COLUMNS) - set(table.columns):
        raise ResultsError(f"{path}: column {min(lacking)!r} is missing. {_REMEDY}")
    return table, record


def _ratios(timings: pd.DataFrame, measured: str) -> MapFigure:
    """Plan a map per device, with estimators as rows and latent shapes as columns."""
    table = timings[timings["part"] == "tables"]
    parts, panels = [], []
    for device, rows in table.groupby("device", sort=False):
        first = rows.iloc[0]
        title = (
            f"{count(int(first['replicas']), 'model')} together,"
            f" {_place(str(device), first['threads'])}"
        )
        shapes, names = (tuple(dict.fromkeys(rows[key])) for key in ("latent", "estimator"))
        texts = [panel_title(latent) for latent in shapes]
        scale = ColourScale(
            1.0, max(2.0, min(_HIGHEST, rows["ratio"].max())), "times the bound", digits=2
        )
        panels.append(
            MapPanel(
                str(device),
                title,
                "Categories × latent variables",
                "",
                tuple(texts),
                names[::-1],
                scale,
            )
        )
        notes = [_note(row) for row in rows.to_dict("records")]
        x = [panel_title(latent) for latent in rows["latent"]]
        parts.append(cells(str(device), x, list(rows["estimator"]), rows["ratio"], notes))
    what = (
        "Time of a training step as a multiple of its network’s float32 matrix products, by"
        f" estimator and latent shape{measured}"
    )
    return MapFigure(
        *("speed", what, stacked(parts, maps.COLUMNS), tuple(panels)),
        size=(5.6, 3.0),
        absence=_ABSENCE if not panels else "",
    )


def _scaling(timings: pd.DataFrame, measured: str) -> LineFigure:
    """Plan a panel for each of C, L and K, and for R per latent shape, with the bound as a line."""
    parts, panels = [], []
    table = timings[timings["part"].isin(_AXES)]
    for (device, part), rows in table.groupby(["device", "part"], sort=False):
        own = rows.assign(x_=[_size(str(part), row) for row in rows.to_dict("records")])
        for name, title, group in _split(str(device), str(part), own):
            bound = group.drop_duplicates(["x_", "threads"])
            bound = bound.assign(
                estimator=_BOUND,
                seconds=bound["bound"],
                seconds_low=float("nan"),
                seconds_high=float("nan"),
            )
            both = pd.concat([group, bound], ignore_index=True)
            named = zip(both["estimator"], both["threads"], strict=True)
            both = both.assign(
                panel=name, series=[_with_threads(line, threads) for line, threads in named]
            )
            ends, extra = ("seconds_low", "seconds_high"), ("threads", "replicas", "ratio")
            parts.append(tidy(both, "panel", "series", "x_", "seconds", ends, extra))
            label = _AXES[str(part)]
            panels.append(LinePanel(name, title, label, _SECONDS, log=True, log_x=True))
    what = (
        "Seconds per model and epoch of 60,000 images over the number of models, categories,"
        " latent variables and Monte Carlo draws, compared with the network’s matrix"
        f" products{measured}"
    )
    return LineFigure(
        *("scaling", what, stacked(parts, lines.COLUMNS), tuple(panels)),
        absence=_ABSENCE if not panels else "",
    )


def _split(device: str, part: str, rows: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Return name, title and rows of the panels of a part."""
    named = f"{device}-{part}"
    place = "" if device == DEVICES[0] else ", on a GPU"
    if part == "replicas":
        return [
            (f"{named}-{latent}", f"ReinMax at {panel_title(str(latent))}{place}", group)
            for latent, group in rows.groupby("latent", sort=False)
        ]
    categories, latents = str(rows["latent"].iloc[0]).split("x")
    replicas, draws = (int(rows[key].iloc[0]) for key in ("replicas", "draws"))
    fixed_at = {
        "categories": f"L = {latents}, K = {draws}",
        "latents": f"C = {categories}, K = {draws}",
        "draws": f"C = {categories}, L = {latents}",
    }[part]
    return [(named, f"{fixed_at}, R = {replicas}{place}", rows)]


def _note(row: Mapping[Any, Any]) -> str:
    """Return the tooltip of a cell of the map."""
    return (
        f"{row['estimator']} at {panel_title(row['latent'])}: {significant(row['seconds'])} s per"
        f" model and epoch, {fixed(row['ratio'])} times its bound of {significant(row['bound'])} s;"
        f" {row['peak_memory_mb']:,.0f} MB"
    )


def _size(part: str, row: Mapping[Any, Any]) -> float:
    categories, latents = row["latent"].split("x")
    sizes = {
        "categories": categories,
        "latents": latents,
        "replicas": row["replicas"],
        "draws": row["draws"],
    }
    return float(sizes[part])


def _with_threads(name: str, threads: float) -> str:
    return f"{name}, {count(int(threads), 'thread')}" if threads > 1 else name


def _place(device: str, threads: float) -> str:
    return count(int(threads), "thread") if device == "cpu" else "on a GPU"
