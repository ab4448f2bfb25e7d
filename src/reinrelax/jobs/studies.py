"""Studies: jobs that do not train a VAE. Each computes a few tidy tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reinrelax import rl
from reinrelax.config.declared import EXPERIMENTS
from reinrelax.config.load import Config
from reinrelax.config.specs import Measured
from reinrelax.estimators import CATALOGUE, Paper, lookup
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import PROCESS, cells


def studies(config: Config) -> dict[str, Job]:
    """Return all requested studies by name."""
    return {
        study.name: study for study in _studies(config) if study.experiment in config.experiments
    }


def snapshot_cell(config: Config, experiment: str) -> Job:
    """Return the training at whose snapshots the gradients of an experiment are measured."""
    (cell,) = (cell for cell in cells(config).values() if cell.first.experiment == experiment)
    return cell


def snapshot_path(config: Config, experiment: str) -> Path:
    """Return the path of the parameters at its snapshots."""
    return config.folder / f"{snapshot_cell(config, experiment).name}.pt"


def _studies(config: Config) -> Iterator[Job]:
    for experiment, spec in config.gradients.items():
        # Leave out options that are not set, so that adding an option changes no existing hash.
        asked = {key: value for key, value in asdict(spec).items() if value and key != "snapshots"}
        training = snapshot_cell(config, experiment)
        for epoch in spec.snapshots:
            yield _study(
                f"{experiment}/epoch-{epoch}",
                spec.tables,
                (
                    "reinrelax.experiments.gradients.measure",
                    *_modules(spec.measured),
                    *training.modules,
                ),
                {
                    "training": training.settings_hash,
                    "epoch": epoch,
                    "last": epoch == spec.snapshots[-1],
                    **asked,
                },
                reads_images=True,
            )
    yield _study(
        "identities",
        ("identities",),
        (
            "reinrelax.experiments.identities.measure",
            *(entry.source for entry in CATALOGUE.values() if isinstance(entry, Paper)),
        ),
        asdict(config.identities),
    )
    yield _study(
        "cost",
        ("cost",),
        ("reinrelax.experiments.cost.measure", *_modules(config.cost.estimators)),
        {
            "dataset": config.dataset.name,
            "train_images": config.dataset.train_images,
            **asdict(config.cost),
        },
        reads_images=True,
    )
    for name, spec in config.demonstrations.items():
        one = EXPERIMENTS[name]
        source = f"reinrelax.experiments.{one.measure.partition(':')[0]}"
        yield _study(name, tuple(one.writes), (source, *one.reached), asdict(spec))

    learning = asdict(config.rl)
    if config.rl.seeds == tuple(range(count := len(config.rl.seeds))):
        learning["seeds"] = count  # as in results from before seeds could be named
    del learning["environments"], learning["algorithms"]
    for environment, cap in config.rl.environments:
        for algorithm in config.rl.algorithms:
            yield _study(
                f"rl/{environment}-{cap}/{algorithm}",
                tuple(EXPERIMENTS["rl"].writes),
                (*PROCESS, "reinrelax.experiments.policy_gradient.measure"),
                {
                    **{"environment": environment, "cap": cap, "algorithm": algorithm},
                    **{"definition": asdict(rl.lookup(algorithm)), **learning},
                },
            )


def _study(
    name: str,
    tables: Iterable[str],
    modules: Iterable[str],
    settings: Mapping[str, Any],
    reads_images: bool = False,
) -> Job:
    return Job(
        name,
        tuple(modules),
        record=Path(name, "record.json"),
        results=tuple(Path(name, f"{table}.csv") for table in tables),
        optional=(Path(f"logs/studies/{name}.log"), Path(f"benchmarks/studies/{name}.tsv")),
        reads_images=reads_images,
        settings=settings,
    )


def _modules(measured: Iterable[Measured]) -> list[str]:
    return sorted({lookup(one.estimator).source for one in measured})
