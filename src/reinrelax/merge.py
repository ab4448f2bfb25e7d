"""Finished results of other machines' folders brought into one."""

import hashlib
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reinrelax import files, images
from reinrelax.config import Config
from reinrelax.errors import ResultsError
from reinrelax.results import read_cell, read_record, read_study
from reinrelax.runs import Cell, cells
from reinrelax.studies import Study, studies

_DATA = ("train.npy", "test.npy", "data.json")
_SHOWN = 10


@dataclass(frozen=True)
class Job:
    """A cell or a study as files below a results folder.

    Attributes:
        results: what it computed; the record, which says that the rest is whole, is not among them.
        optional: what may lie beside: pictures, snapshots, log, benchmark.
    """

    source: Cell | Study
    record: Path
    results: tuple[Path, ...]
    optional: tuple[Path, ...]

    @property
    def name(self) -> str:
        """As in the run table."""
        return self.source.name

    @property
    def reads_images(self) -> bool:
        """Whether the result depends on the images."""
        return isinstance(self.source, Cell) or self.name == "cost" or self.name.startswith("gradients/")


@dataclass(frozen=True)
class Merged:
    """What came of it: names of jobs taken, by folder; of those already there; and of those missing."""

    taken: Mapping[Path, Sequence[str]]
    present: Sequence[str]
    missing: Sequence[str]

    def describe(self) -> str:
        """Lines for a person."""
        lines = [f"{folder}: {len(names)} taken{_names(names)}" for folder, names in self.taken.items()]
        lines += [f"{len(self.present)} were there already"]
        return "\n".join([*lines, f"{len(self.missing)} are still missing{_names(self.missing)}"])


def merge(config: Config, into: Path, folders: Sequence[Path]) -> Merged:
    """Copy what other folders have finished and `into` has not.

    All is checked before anything is copied, each file appears whole, and a job's record comes last: what an
    interruption leaves is completed by doing it again.

    Args:
        config: says which jobs there are, and what they must have been computed from.
        into: a results folder, named as the scale; made if need be.
        folders: results folders of other machines.

    Raises:
        ResultsError: a folder is not there; results are damaged, were computed from other settings, source or
            images, or are two different ones of a job; then nothing was copied. Or a file cannot be written.
    """
    if into.name != config.scale:
        raise ResultsError(
            f"{into}: the configuration is of scale {config.scale!r}, whose folder bears that name. Name "
            "that folder, or give the scale's configuration"
        )
    for folder in folders:
        if not folder.is_dir():
            raise ResultsError(f"{folder}: no such results folder")
    others = [folder for folder in dict.fromkeys(folders) if folder.resolve() != into.resolve()]
    jobs = list(_jobs(config))
    finished = {folder: [job for job in jobs if (folder / job.record).exists()] for folder in (into, *others)}
    _check(config, finished)
    sources: dict[str, Path] = {}
    for folder, there in finished.items():
        for job in there:
            sources.setdefault(job.name, folder)
    taken: dict[Path, list[str]] = {folder: [] for folder in others}
    _copy_images(into, others)
    for job in jobs:
        folder = sources.get(job.name, into)
        if folder != into:
            for path in (*job.optional, *job.results, job.record):
                if path in (*job.results, job.record) or (folder / path).exists():
                    _copy(folder / path, into / path)
            taken[folder].append(job.name)
    missing = [job.name for job in jobs if job.name not in sources]
    return Merged(taken, [job.name for job in finished[into]], missing)


def _jobs(config: Config) -> Iterator[Job]:
    """Cells first: what a study reads must not be younger than the study, or Snakemake runs it again."""
    for name, cell in cells(config).items():
        kept = {"gradients": (".pt",), "relaxations": (".npz",)}.get(cell.first.experiment, ())
        # What saves a training later on, see `experiments.finished`.
        saving = (Path(f"{name}.runs{suffix}") for suffix in (".json", *kept))
        yield Job(
            cell,
            Path(f"{name}.json"),
            tuple(Path(f"{name}{suffix}") for suffix in (*kept, ".csv")),
            (*saving, Path(f"logs/train/{name}.log"), Path(f"benchmarks/train/{name}.tsv")),
        )
    for name, study in studies(config).items():
        yield Job(
            study,
            Path(name, "record.json"),
            tuple(Path(name, f"{table}.csv") for table in study.tables),
            (Path(f"logs/studies/{name}.log"), Path(f"benchmarks/studies/{name}.tsv")),
        )


def _check(config: Config, finished: Mapping[Path, Sequence[Job]]) -> None:
    """Do nothing if all of this belongs together.

    Raises:
        ResultsError: as `merge`; names the first ones.
    """
    problems: list[str] = []
    origins: dict[str, str] = {}  # hash of the images to the place that says so
    contents: dict[str, tuple[Path, str]] = {}
    for folder, jobs in finished.items():
        here = replace(config, results=folder.parent, scale=folder.name)
        data = _images_of(folder)
        if data:
            origins.setdefault(data, f"{folder}/data")
        for job in jobs:
            try:
                images_read = _read(here, folder, job)
                content = _content(folder, job)
            except (ResultsError, OSError, zipfile.BadZipFile) as error:
                problems.append(str(error))
                continue
            if job.reads_images:
                if not (images_read or data):
                    problems.append(
                        f"{folder / job.record}: from which images is not known, because "
                        f"{folder / 'data/data.json'} is missing. Copy it there, too"
                    )
                origins.setdefault(images_read or data or "", str(folder / job.record))
            first, known = contents.setdefault(job.name, (folder, content))
            if known != content:
                problems.append(
                    f"{job.name}: {first} and {folder} have different results of it. Keep one: delete "
                    f"{folder / job.record} or {first / job.record}"
                )
    if len(origins.keys() - {""}) > 1:
        places = ", ".join(place for sha, place in origins.items() if sha)
        problems.append(f"different images: {places} are from different data sets. Merge folders of one")
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ResultsError("nothing was merged.\n" + "\n".join(problems[:_SHOWN]) + more)


def _read(config: Config, folder: Path, job: Job) -> str | None:
    """Check a job's results; the hash of the images they were computed from, if its record says."""
    if isinstance(job.source, Cell):
        read_cell(config, job.source)
    else:
        read_study(config, job.source)
    for path in job.results:
        if not (folder / path).is_file():
            raise ResultsError(
                f"{folder / path} is missing beside its record. Delete {folder / job.record} and rerun"
            )
    record: dict[str, Any] = read_record(folder / job.record, ("fingerprint",))
    dataset = record.get("dataset")
    return str(dataset["sha256"]) if isinstance(dataset, dict) and "sha256" in dataset else None


def _content(folder: Path, job: Job) -> str:
    """A hash of what was computed; of an archive's members, whose packing says nothing."""
    digest = hashlib.sha256()
    for path in job.results:
        if zipfile.is_zipfile(folder / path):
            with zipfile.ZipFile(folder / path) as archive:
                for name in sorted(archive.namelist()):
                    digest.update(name.encode() + b"\0" + hashlib.sha256(archive.read(name)).digest())
        else:
            digest.update(hashlib.sha256((folder / path).read_bytes()).digest())
    return digest.hexdigest()


def _images_of(folder: Path) -> str | None:
    path = folder / "data/data.json"
    return str(read_record(path, ("sha256",))["sha256"]) if path.exists() else None


def _copy_images(into: Path, others: Sequence[Path]) -> None:
    """Without them Snakemake would prepare them anew, and then all that depends on them."""
    for folder in others:
        if not (into / "data/data.json").exists() and all(
            (folder / "data" / name).exists() for name in _DATA
        ):
            images.save(images.load(folder / "data"), into / "data")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, files.atomic(target) as writing:
        shutil.copyfileobj(reading, writing)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f": {', '.join(names[:_SHOWN])}{more}" if names else ""
