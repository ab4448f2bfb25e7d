"""Merging of finished results from the folders of several machines."""

import hashlib
import shutil
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reinrelax.config.load import Config
from reinrelax.core import files
from reinrelax.core.words import first_of
from reinrelax.datasets import data, images
from reinrelax.errors import ResultsError
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs
from reinrelax.jobs.runs import cells
from reinrelax.results import finished as finished_runs
from reinrelax.results import pictures
from reinrelax.results.finished import Finished
from reinrelax.results.packed import opened
from reinrelax.results.read import (
    IMAGES,
    checked,
    held,
    images_of,
    part,
    pictures_of,
    read_record,
    write_cell,
)

Runs = dict[str, Finished]
_DATA = ("train.npy", "test.npy", "data.json")
_SHOWN = 10
_REMEDY = "Keep one: delete {} or {}"


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge, as names of jobs.

    Attributes:
        taken: jobs that were copied, by folder.
        joined: cells that are complete now, with runs from several folders.
        parts: incomplete cells with some runs, each with the number of its runs in words; they are
            also in `missing`.
        present: jobs that were there already.
        missing: jobs that are not complete.
        passed_over: published jobs, by folder, that were computed from other settings or source.
    """

    taken: Mapping[Path, Sequence[str]]
    joined: Sequence[str]
    parts: Mapping[str, str]
    present: Sequence[str]
    missing: Sequence[str]
    passed_over: Mapping[Path, Sequence[str]]

    def describe(self) -> str:
        """Describe the outcome in several lines."""
        lines = [
            f"{folder}: {len(names)} copied{_names(names)}" for folder, names in self.taken.items()
        ]
        lines += [
            f"{folder}: {len(names)} skipped, computed from other settings or source{_names(names)}"
            for folder, names in self.passed_over.items()
            if names
        ]
        if self.joined:
            lines += [
                f"{len(self.joined)} joined from runs of several folders{_names(self.joined)}"
            ]
        if self.parts:
            lines += [
                f"{len(self.parts)}"
                f" incomplete{_names([f'{k} ({v})' for k, v in self.parts.items()])}"
            ]
        lines += [f"{len(self.present)} were already there"]
        return "\n".join([*lines, f"{len(self.missing)} are still missing{_names(self.missing)}"])


def merge(config: Config, into: Path, folders: Sequence[Path]) -> Merged:
    """Copy finished results from other folders that `into` does not have.

    Everything is checked before anything is copied. Each file appears whole, and a job's record
    comes last, so repeating an interrupted merge completes it.

    Args:
        config: defines the jobs, and the settings and source that they must be computed from.
        into: a results folder, named as the scale; created if missing.
        folders: results folders of other machines, or published ones. Published results outlive
            their source: jobs with other settings or source are skipped. The images, which are not
            published, are prepared.

    Raises:
        ResultsError: a folder does not exist; or results are damaged, were computed from other
            settings, source or images, or differ between folders for the same job. Nothing was
            copied then. Or a file cannot be written.
        DataError: the images of published results are not available.
    """
    if into.name != config.scale:
        raise ResultsError(
            f"{into}: the configuration has scale {config.scale!r}, so the folder must have that"
            " name. Name that folder, or give the configuration of this folder's scale"
        )
    for folder in folders:
        if not folder.is_dir():
            raise ResultsError(f"{folder}: no such results folder")
    others = [folder for folder in dict.fromkeys(folders) if folder.resolve() != into.resolve()]
    with ExitStack() as stack:
        places = {folder: stack.enter_context(opened(folder)) for folder in others}
        return _merge(config, into, places)


def _merge(config: Config, into: Path, places: Mapping[Path, Path]) -> Merged:
    """Merge folders; a packed folder is read at the place where it was unpacked."""
    planned = jobs(config).values()
    packed = {place for folder, place in places.items() if place != folder}
    there, finished, passed_over = {}, {}, {}
    for place in (into, *places.values()):
        # Published results lack the snapshots, and so do results merged from them.
        those = [job.published for job in planned] if place in (into, *packed) else planned
        there[place] = [job for job in those if (place / job.record).exists()]
        finished[place] = [
            job for job in there[place] if _fingerprint(place, job) == job.fingerprint
        ]
    try:
        shares = _check(config, there, finished, packed)
    except ResultsError as error:
        text = str(error)
        for folder, place in places.items():
            text = text.replace(str(place), str(folder))
        raise ResultsError(text) from None
    for folder, place in places.items():
        if place in packed:
            used = {*(job.name for job in finished[place]), *shares.get(place, ())}
            passed_over[folder] = [job.name for job in there[place] if job.name not in used]
    sources: dict[str, tuple[Path, Job]] = {}
    for place, found in finished.items():
        for job in found:
            sources.setdefault(job.name, (place, job))
    taken: dict[Path, list[str]] = {folder: [] for folder in places}
    _copy_images(into, list(places.values()))
    if not (into / IMAGES).exists():
        _prepare_images(config, into, [place for place in places.values() if place in packed])
    names = {place: folder for folder, place in places.items()}
    joined, parts = [], {}
    for job in planned:
        if job.name in sources:
            place, found_job = sources[job.name]
            if place != into:
                _copy_job(found_job, place, into)
                taken[names[place]].append(job.name)
        elif shared := {
            place: runs[job.name] for place, runs in shares.items() if job.name in runs
        }:
            if _join(into, job, shared):
                joined.append(job.name)
            else:
                have = len(set().union(*shared.values()))
                parts[job.name] = f"{have} of {len(job.runs)} runs"
    missing = [job.name for job in planned if job.name not in sources and job.name not in joined]
    present = [job.name for job in finished[into]]
    return Merged(taken, joined, parts, present, missing, passed_over)


def _copy_job(job: Job, place: Path, into: Path) -> None:
    for path in (*job.optional, *job.results, job.record):
        if path in (*job.results, job.record) or (place / path).exists():
            _copy(place / path, into / path)


def _join(into: Path, cell: Job, shares: Mapping[Path, Runs]) -> bool:
    """Combine the runs of a cell from several folders, and return whether the cell is complete.

    If not, they are saved as finished runs, and the cell's job trains the missing ones.
    """
    runs: Runs = {}
    for share in shares.values():
        runs = {**share, **runs}
    there = part(cell, runs)
    table = into / f"{cell.name}.csv"
    drawn = [found for place in shares if (found := pictures_of(place, cell))]
    if drawn:
        pictures.write(pictures.kept(table), pictures.joined(there.runs, drawn))
    finished_runs.write(table, runs)
    if len(runs) < len(cell.runs):
        return False
    write_cell(into, cell, runs, drawn)
    return True


def _fingerprint(folder: Path, job: Job) -> str:
    return str(read_record(folder / job.record, ("fingerprint",))["fingerprint"])


def _check(
    config: Config,
    there: Mapping[Path, Sequence[Job]],
    finished: Mapping[Path, Sequence[Job]],
    packed: Collection[Path],
) -> dict[Path, dict[str, Runs]]:
    """Check that the results of all folders are compatible.

    Returns:
        The runs of incomplete cells, by folder and cell.

    Raises:
        ResultsError: as in `merge`; names the first problems.
    """
    problems: list[str] = []
    origins: dict[str, str] = {}  # hash of the images to the place that says so
    contents: dict[str, tuple[Path, dict[Path, str]]] = {}
    shares: dict[Path, dict[str, Runs]] = {}
    for folder, found in finished.items():
        here = replace(config, results=folder.parent, scale=folder.name)
        data = images_of(folder)
        if data:
            origins.setdefault(data, f"{folder}/data")
        for job in found:
            try:
                images_read = _images_read(checked(here, job))
                content = _content(folder, job)
            except (ResultsError, OSError, zipfile.BadZipFile) as error:
                problems.append(str(error))
                continue
            if job.reads_images:
                if not (images_read or data):
                    problems.append(
                        f"{folder / job.record}: its images are unknown, because"
                        f" {folder / IMAGES} is missing. Copy that file as well"
                    )
                origins.setdefault(images_read or data or "", str(folder / job.record))
            first, known = contents.setdefault(job.name, (folder, content))
            # Published results lack the snapshots.
            if any(known[path] != content[path] for path in known.keys() & content.keys()):
                problems.append(_different(job.name, first, folder, str(job.record)))
        whole = {job.name for job in found}
        try:
            shares[folder] = _shares(here, whole)
            for job in there[folder]:
                if job.name not in whole | shares[folder].keys() and folder not in packed:
                    checked(here, job)  # raises an error that says what is wrong
        except ResultsError as error:
            problems.append(str(error))
    problems += _contradictions(shares)
    if len(origins.keys() - {""}) > 1:
        places = ", ".join(place for sha, place in origins.items() if sha)
        problems.append(
            f"different images: {places} are from different data sets. Merge only folders of the"
            " same data set"
        )
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ResultsError("nothing was merged.\n" + "\n".join(problems[:_SHOWN]) + more)
    return shares


def _shares(config: Config, whole: Collection[str]) -> dict[str, Runs]:
    """Return the finished runs of a folder's incomplete cells, except of cells with snapshots."""
    found = {
        name: held(config, cell)
        for name, cell in cells(config).items()
        if name not in whole and not cell.snapshots
    }
    return {name: runs for name, runs in found.items() if runs}


def _contradictions(shares: Mapping[Path, Mapping[str, Runs]]) -> Iterator[str]:
    first: dict[tuple[str, str], tuple[Path, Finished]] = {}
    for folder, by_cell in shares.items():
        for name, runs in by_cell.items():
            for run_id, run in runs.items():
                place, known = first.setdefault((name, run_id), (folder, run))
                if repr(known.results) != repr(run.results):  # NaN equals itself here
                    yield _different(name, place, folder, f"{name}.*")
                    break


def _different(name: str, first: Path, folder: Path, file: str) -> str:
    """Return the message for a job whose files have different results in two folders."""
    remedy = _REMEDY.format(folder / file, first / file)
    return f"{name}: {first} and {folder} have different results for it. {remedy}"


def _images_read(record: Mapping[str, Any]) -> str | None:
    """Return the hash of the images that a job's results are from, if its record has it."""
    dataset = record.get("dataset")
    return str(dataset["sha256"]) if isinstance(dataset, dict) and "sha256" in dataset else None


def _content(folder: Path, job: Job) -> dict[Path, str]:
    """Return hashes of a job's results; for an archive only of its members, not of its packing."""
    out = {}
    for path in job.results:
        digest = hashlib.sha256()
        if zipfile.is_zipfile(folder / path):
            with zipfile.ZipFile(folder / path) as archive:
                for name in sorted(archive.namelist()):
                    digest.update(
                        name.encode() + b"\0" + hashlib.sha256(archive.read(name)).digest()
                    )
        else:
            digest.update((folder / path).read_bytes())
        out[path] = digest.hexdigest()
    return out


def _copy_images(into: Path, others: Sequence[Path]) -> None:
    """Copy the images, if they are missing, from the first folder that has them.

    Without them Snakemake would prepare them again, and then rerun everything that depends on them.
    """
    for folder in others:
        if not (into / IMAGES).exists() and all(
            (folder / "data" / name).exists() for name in _DATA
        ):
            images.save(images.load(folder / "data"), into / "data")


def _prepare_images(config: Config, into: Path, published: Sequence[Path]) -> None:
    """Prepare the images of published results, which do not include them, for the same reason.

    Raises:
        ResultsError: the images of this configuration are not those of the published results.
    """
    known = next(filter(None, map(images_of, published)), None)
    if known:
        prepared = data.prepare(config.dataset)
        if prepared.sha256 != known:
            raise ResultsError(
                "nothing was merged.\ndifferent images: the published results were not computed"
                f" from those of this configuration ({prepared.name})"
            )
        images.save(prepared, into / "data")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, files.atomic(target) as writing:
        shutil.copyfileobj(reading, writing)


def _names(names: Sequence[str]) -> str:
    return f": {first_of(names, _SHOWN)}" if names else ""
