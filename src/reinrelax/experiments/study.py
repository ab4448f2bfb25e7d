"""Run a study: compute its tables and a record of their origin."""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch
from tqdm import tqdm

from reinrelax.config.declared import COLUMNS, DEMONSTRATIONS, named
from reinrelax.config.load import Config
from reinrelax.core import files, provenance, records
from reinrelax.datasets import images
from reinrelax.experiments.cost import measure as cost
from reinrelax.experiments.gradients import measure as gradients
from reinrelax.experiments.identities import measure as identities
from reinrelax.experiments.policy_gradient import measure as rl
from reinrelax.experiments.snapshots import read_snapshot
from reinrelax.experiments.training import describe_device, kernels
from reinrelax.jobs.studies import Study, snapshot_cell, snapshot_path, study_folder
from reinrelax.training.process import prepare_process

Tables = Mapping[str, list[dict[str, Any]]]


def run_study(study: Study, config: Config, device: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the tables of a study and write them, and then its record, to its folder.

    Args:
        study: the study.
        config: the configuration, with the places of inputs and results.
        device: "cpu" or "cuda".
        extra: further entries for the record.

    Returns:
        The record.

    Raises:
        ResultsError: an input is missing or damaged, or a file cannot be written.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    tables = _runner(study.name)(study, config, device)
    record = {
        **extra,
        "study": study.name,
        "fingerprint": study.fingerprint,
        **provenance.describe(describe_device(device)),
        "gymnasium": version("gymnasium"),
        "threads": torch.get_num_threads(),
        "kernels": kernels(device),
        "started": started.isoformat(timespec="seconds"),
        "wall_seconds": round(time.perf_counter() - clock, 3),
        "peak_memory_mb": round(provenance.peak_memory_mb(), 1),
    }
    folder = study_folder(config, study.name)
    paths = [folder / f"{name}.csv" for name in study.tables]
    for name, path in zip(study.tables, paths, strict=True):
        files.write_text(path, _to_csv(COLUMNS[name], tables[name]))
    records.write(folder / "record.json", record, paths)
    return record


def _runner(name: str) -> Callable[[Study, Config, str], Tables]:
    if name in DEMONSTRATIONS:
        measure = named(DEMONSTRATIONS[name].measure)
        return lambda study, config, device: measure(config.demonstrations[name])
    if name.startswith("rl/"):
        return _rl
    return {"identities": _identities, "cost": _cost}.get(name, _gradients)


def _gradients(study: Study, config: Config, device: str) -> Tables:
    prepare_process()
    epoch, spec = study.settings["epoch"], config.gradients[study.experiment]
    shape = snapshot_cell(config, study.experiment).first.shape
    model, seeds = read_snapshot(snapshot_path(config, study.experiment), shape, epoch, device)
    train = images.load(config.folder / "data").train
    pixels = train[gradients.chosen(len(train), seeds, spec, epoch)]
    batches = torch.from_numpy(pixels).to(device).float().div_(255)
    return gradients.measure(model, seeds, batches, spec, epoch=epoch, last=study.settings["last"])


def _identities(study: Study, config: Config, device: str) -> Tables:
    spec = config.identities
    rows = identities.measure(
        shapes=[(shape.categories, shape.latents) for shape in spec.shapes],
        betas=spec.betas,
        taus=spec.taus,
        functions=spec.functions,
    )
    return {"identities": rows}


def _cost(study: Study, config: Config, device: str) -> Tables:
    spec = config.cost
    total = 2 * spec.rounds * len(spec.estimators)
    with tqdm(total=total, unit="measurement", mininterval=2, file=sys.stderr) as bar:
        return {"cost": cost.measure(spec, images.load(config.folder / "data"), device, bar.update)}


def _rl(study: Study, config: Config, device: str) -> Tables:
    prepare_process()
    spec = config.rl
    with tqdm(total=spec.episodes, unit="episode", mininterval=2, file=sys.stderr) as bar:
        chosen = {key: study.settings[key] for key in ("environment", "cap", "algorithm")}
        return rl.measure(spec, **chosen, on_episode=bar.update)


def _to_csv(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return tidy CSV with numbers in full precision; None and NaN become empty entries."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value != value else value for key, value in row.items()})
    return buffer.getvalue()
