"""The origin of the page's numbers: a row per cell and study, and the missing and failed jobs."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.declared import PURPOSES
from reinrelax.config.load import Config
from reinrelax.display.blocks import key
from reinrelax.display.wording import anchor, commit, count, duration, shape


def provenance(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row per planned cell: where its numbers come from and how to recompute them."""
    return [
        {
            **{key: line[key] for key in ("estimator", "settings", "table")},
            **_origin(line),
            "experiment": line["experiment"],
            "anchor": anchor("cell", line["cell"]),
            "latent": shape(line["latent"]),
            "part": line["cell"].rsplit("/", 1)[-1].removeprefix(line["estimator"]),
            "trainings": f"{int(line['seeds'])} of {int(line['planned_seeds'])}",
            "diverged": int(line["diverged"]),
            "source": line["experiment"],
            "sha256": line["dataset_sha256"][:12],
        }
        for line in cells.to_dict("records")
    ]


def study_rows(studies: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row per planned study."""
    return [
        {
            **_origin(line),
            "study": line["study"],
            "folder": line["folder"],
            "source": line["study"].partition("/")[0],
            "anchor": anchor("study", line["study"]),
        }
        for line in studies.to_dict("records")
    ]


def _origin(line: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the columns common to cells and studies: state, machine, source, time, command."""
    return {
        **{
            key: line[key]
            for key in ("state", "message", "device", "host", "versions", "started", "log", "command")
        },
        "commit": commit(line["commit"]),
        "source_changed": line["source_changed"],
        "wall": duration(line["wall_seconds"]),
        "wall_key": key(line["wall_seconds"]),
        "machine": ", ".join(filter(None, (line["processor"], _threads(line["threads"])))),
        "memory": f"{line['peak_memory_mb']:,.0f} MB" if line["peak_memory_mb"] > 0 else "",
    }


def with_links(row: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """Add links to those files of a cell or study that exist."""
    places = {"log": Path(row["log"])}
    if "table" in row:
        places |= {"CSV": Path(row["table"]), "record": Path(row["table"]).with_suffix(".json")}
    else:
        folder = Path(row["folder"])
        places |= {"record": folder / "record.json"}
        places |= {path.name: folder / path.name for path in sorted(folder.glob("*.csv"))}
    links = {
        name: Path(os.path.relpath(place, config.folder)).as_posix()
        for name, place in places.items()
        if place.is_file()
    }
    return {**row, "links": links}


def _threads(number: float) -> str:
    return count(int(number), "thread") if number > 0 else ""


def not_run(
    cells: pd.DataFrame, studies: pd.DataFrame, tables: Sequence[pd.DataFrame]
) -> dict[str, list[str]]:
    """List the missing, unreadable and diverged jobs, and the cells of these tables not planned."""
    elbo = cells[cells["experiment"] == "elbo"]
    planned = set(zip(elbo["estimator"], elbo["latent"], strict=True))
    asked = dict.fromkeys(
        (e, s) for judged in tables for e, s in zip(judged["estimator"], judged["latent"], strict=True)
    )
    unplanned: dict[str, list[str]] = {}
    for estimator, latent in asked:
        if (estimator, latent) not in planned:
            unplanned.setdefault(estimator, []).append(shape(latent))
    missing: dict[str, list[str]] = {}
    for line in cells[cells["state"] == "missing"].itertuples():
        name = f"{PURPOSES[str(line.experiment)]}, {line.estimator}"
        missing.setdefault(name, []).append(shape(str(line.latent)))
    return {
        "missing": [
            *(f"{name}: {', '.join(dict.fromkeys(latents))}" for name, latents in missing.items()),
            *(_study(str(name)) for name in studies.loc[studies["state"] == "missing", "study"]),
        ],
        "unreadable": [
            str(message)
            for table in (cells, studies)
            for message in table.loc[table["state"] == "unreadable", "message"]
        ],
        "diverged": [
            f"{PURPOSES[str(line.experiment)]}, {line.estimator} at {shape(str(line.latent))}: "
            f"{line.diverged} of {count(int(str(line.planned_seeds)), 'training')}"
            for line in cells[cells["diverged"] > 0].itertuples()
        ],
        "unplanned": [f"{name}: {', '.join(latents)}" for name, latents in unplanned.items()],
    }


def _study(name: str) -> str:
    source, _, part = name.partition("/")
    return f"{PURPOSES[source]}: {part.replace('-', ' ')}" if part else PURPOSES[source]
