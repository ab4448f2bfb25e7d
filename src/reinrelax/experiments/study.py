"""Run a study: its tables and a record of where they come from."""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any

import torch
from tqdm import tqdm

from reinrelax.config.declared import COLUMNS, DEMONSTRATIONS, named
from reinrelax.config.load import Config
from reinrelax.core import files, records
from reinrelax.datasets import images
from reinrelax.experiments.cost import measure as cost
from reinrelax.experiments.gradients import measure as gradients
from reinrelax.experiments.identities import measure as identities
from reinrelax.experiments.policy_gradient import measure as rl
from reinrelax.experiments.record import begun, ended
from reinrelax.experiments.snapshots import read_snapshot
from reinrelax.jobs.job import Job
from reinrelax.jobs.studies import snapshot_cell, snapshot_path
from reinrelax.training.process import prepare_process

Tables = Mapping[str, list[dict[str, Any]]]


def run_study(study: Job, config: Config, device: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a study's tables and write them, and then its record, into its folder.

    Args:
        study: which.
        config: where inputs and results lie.
        device: "cpu" or "cuda".
        extra: what else the record should say.

    Returns:
        The record.

    Raises:
        ResultsError: an input is missing or damaged, or a file cannot be written.
    """
    clock = time.perf_counter()
    described = begun(study, device, extra)
    tables = _runner(study.name)(study, config, device)
    seconds = time.perf_counter() - clock
    record = {**described, "gymnasium": version("gymnasium"), **ended(device, seconds)}
    paths = [config.folder / path for path in study.tables]
    for path in paths:
        files.write_text(path, _to_csv(COLUMNS[path.stem], tables[path.stem]))
    records.write(config.folder / study.record, record, paths)
    return record


def _runner(name: str) -> Callable[[Job, Config, str], Tables]:
    if name in DEMONSTRATIONS:
        measure = named(DEMONSTRATIONS[name].measure)
        return lambda study, config, device: measure(config.demonstrations[name])
    if name.startswith("rl/"):
        return _rl
    return {"identities": _identities, "cost": _cost}.get(name, _gradients)


def _gradients(study: Job, config: Config, device: str) -> Tables:
    prepare_process()
    epoch, spec = study.settings["epoch"], config.gradients[study.experiment]
    shape = snapshot_cell(config, study.experiment).first.shape
    model, seeds = read_snapshot(snapshot_path(config, study.experiment), shape, epoch, device)
    train = images.load(config.folder / "data").train
    pixels = train[gradients.chosen(len(train), seeds, spec, epoch)]
    batches = torch.from_numpy(pixels).to(device).float().div_(255)
    return gradients.measure(model, seeds, batches, spec, epoch=epoch, last=study.settings["last"])


def _identities(study: Job, config: Config, device: str) -> Tables:
    spec = config.identities
    rows = identities.measure(
        shapes=[(shape.categories, shape.latents) for shape in spec.shapes],
        betas=spec.betas,
        taus=spec.taus,
        functions=spec.functions,
    )
    return {"identities": rows}


def _cost(study: Job, config: Config, device: str) -> Tables:
    spec = config.cost
    total = 2 * spec.rounds * len(spec.estimators)
    with tqdm(total=total, unit="measurement", mininterval=2, file=sys.stderr) as bar:
        return {"cost": cost.measure(spec, images.load(config.folder / "data"), device, bar.update)}


def _rl(study: Job, config: Config, device: str) -> Tables:
    prepare_process()
    spec = config.rl
    with tqdm(total=spec.episodes, unit="episode", mininterval=2, file=sys.stderr) as bar:
        chosen = {key: study.settings[key] for key in ("environment", "cap", "algorithm")}
        return rl.measure(spec, **chosen, on_episode=bar.update)


def _to_csv(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Tidy CSV, numbers in full precision; what is None or NaN is left empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value != value else value for key, value in row.items()})
    return buffer.getvalue()
