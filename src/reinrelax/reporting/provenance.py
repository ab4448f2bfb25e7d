"""The origin of the page's numbers: a row per job, and the missing and failed jobs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.declared import PURPOSES
from reinrelax.config.load import Config
from reinrelax.display.table_blocks import key
from reinrelax.display.text_format import anchor, commit, count, duration, shape

_AS_THEY_ARE = (
    *(
        "job",
        "experiment",
        "estimator",
        "settings",
        "state",
        "message",
        "device",
        "host",
        "versions",
    ),
    *("started", "source_changed", "command"),
)


def job_rows(config: Config, jobs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row per planned job: where its numbers come from, with links, and how to recompute
    them.
    """
    return [
        {
            **{key: line[key] for key in _AS_THEY_ARE},
            "anchor": anchor("cell" if line["estimator"] else "study", line["job"]),
            "latent": shape(line["latent"]),
            "part": line["job"].rsplit("/", 1)[-1].removeprefix(line["estimator"]),
            "trainings": f"{line['seeds']:.0f} of {line['planned_seeds']:.0f}",
            "diverged": f"{line['diverged']:.0f}" if line["diverged"] > 0 else "",
            "sha256": line["dataset_sha256"][:12],
            "commit": commit(line["commit"]),
            "wall": duration(line["wall_seconds"]),
            "wall_key": key(line["wall_seconds"]),
            "machine": ", ".join(filter(None, (line["processor"], _threads(line["threads"])))),
            "memory": f"{line['peak_memory_mb']:,.0f} MB" if line["peak_memory_mb"] > 0 else "",
            "links": _links(config, line),
        }
        for line in jobs.to_dict("records")
    ]


def _links(config: Config, line: Mapping[Any, Any]) -> dict[str, str]:
    """Return a job's files that exist, as links from the report."""
    target = Path(line["target"])
    places = {"log": Path(line["log"])}
    if line["estimator"]:
        places |= {"CSV": target, "record": target.with_suffix(".json")}
    else:
        tables = sorted((config.folder / target.parent).glob("*.csv"))
        places |= {"record": target, **{path.name: target.with_name(path.name) for path in tables}}
    return {
        name: path.as_posix() for name, path in places.items() if (config.folder / path).is_file()
    }


def _threads(number: float) -> str:
    return count(int(number), "thread") if number > 0 else ""


def not_run(jobs: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> dict[str, list[str]]:
    """List the missing, unreadable and diverged jobs, and the cells of these tables not planned."""
    elbo = jobs[jobs["experiment"] == "elbo"]
    planned = set(zip(elbo["estimator"], elbo["latent"], strict=True))
    asked = dict.fromkeys(
        (e, s)
        for judged in tables
        for e, s in zip(judged["estimator"], judged["latent"], strict=True)
    )
    unplanned: dict[str, list[str]] = {}
    for estimator, latent in asked:
        if (estimator, latent) not in planned:
            unplanned.setdefault(estimator, []).append(shape(latent))
    missing: dict[str, list[str]] = {}
    for line in jobs[jobs["state"] == "missing"].to_dict("records"):
        if line["estimator"]:
            name = f"{PURPOSES[line['experiment']]}, {line['estimator']}"
            missing.setdefault(name, []).append(shape(line["latent"]))
        else:
            missing[_study(line["job"])] = []
    return {
        "missing": [
            f"{name}: {', '.join(dict.fromkeys(latents))}" if latents else name
            for name, latents in missing.items()
        ],
        "unreadable": [
            str(message) for message in jobs.loc[jobs["state"] == "unreadable", "message"]
        ],
        "diverged": [
            f"{PURPOSES[line['experiment']]}, {line['estimator']} at {shape(line['latent'])}: "
            f"{line['diverged']:.0f} of {count(int(line['planned_seeds']), 'training')}"
            for line in jobs[jobs["diverged"] > 0].to_dict("records")
        ],
        "unplanned": [f"{name}: {', '.join(latents)}" for name, latents in unplanned.items()],
    }


def _study(name: str) -> str:
    source, _, part = name.partition("/")
    return f"{PURPOSES[source]}: {part.replace('-', ' ')}" if part else PURPOSES[source]
