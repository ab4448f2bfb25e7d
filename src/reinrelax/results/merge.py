"""Finished results of other machines' folders brought into one."""

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
    """What came of it: names of jobs taken, by folder; of those already there; and of those missing.

    Attributes:
        joined: cells that are whole now, with runs of several folders.
        parts: cells of which some runs are there, each with how many of how many; they are among the missing.
        passed_over: published jobs, by folder, that were computed from other settings or source.
    """

    taken: Mapping[Path, Sequence[str]]
    joined: Sequence[str]
    parts: Mapping[str, str]
    present: Sequence[str]
    missing: Sequence[str]
    passed_over: Mapping[Path, Sequence[str]]

    def describe(self) -> str:
        """Lines for a person."""
        lines = [f"{folder}: {len(names)} taken{_names(names)}" for folder, names in self.taken.items()]
        lines += [
            f"{folder}: {len(names)} passed over, computed from other settings or source{_names(names)}"
            for folder, names in self.passed_over.items()
            if names
        ]
        if self.joined:
            lines += [f"{len(self.joined)} joined from runs of several folders{_names(self.joined)}"]
        if self.parts:
            lines += [f"{len(self.parts)} in part{_names([f'{k} ({v})' for k, v in self.parts.items()])}"]
        lines += [f"{len(self.present)} were there already"]
        return "\n".join([*lines, f"{len(self.missing)} are still missing{_names(self.missing)}"])


def merge(config: Config, into: Path, folders: Sequence[Path]) -> Merged:
    """Copy what other folders have finished and `into` has not.

    All is checked before anything is copied, each file appears whole, and a job's record comes last: what an
    interruption leaves is completed by doing it again.

    Args:
        config: says which jobs there are, and what they must have been computed from.
        into: a results folder, named as the scale; made if need be.
        folders: results folders of other machines, or published ones. Of these, which outlive the source,
            jobs of other settings or source are passed over, and the images, which they lack, are prepared.

    Raises:
        ResultsError: a folder is not there; results are damaged, were computed from other settings, source or
            images, or are two different ones of a job; then nothing was copied. Or a file cannot be written.
        DataError: the images of published results cannot be had.
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
    with ExitStack() as stack:
        places = {folder: stack.enter_context(opened(folder)) for folder in others}
        return _merge(config, into, places)


def _merge(config: Config, into: Path, places: Mapping[Path, Path]) -> Merged:
    """Merge folders, each of which is read at another place if it is packed."""
    planned = jobs(config).values()
    packed = {place for folder, place in places.items() if place != folder}
    there, finished, passed_over = {}, {}, {}
    for place in (into, *places.values()):
        # Published results lack the snapshots, and so does what was merged from them.
        those = [job.published for job in planned] if place in (into, *packed) else planned
        there[place] = [job for job in those if (place / job.record).exists()]
        finished[place] = [job for job in there[place] if _fingerprint(place, job) == job.fingerprint]
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
        elif shared := {place: runs[job.name] for place, runs in shares.items() if job.name in runs}:
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
    """Bring the runs of a cell that several folders have into one; whether they make it whole.

    If not, they are kept as finished runs, and its job trains those that are missing.
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
    """Do nothing if all of this belongs together; the runs of cells that are not whole, by folder and cell.

    Raises:
        ResultsError: as `merge`; names the first ones.
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
                        f"{folder / job.record}: from which images is not known, because "
                        f"{folder / IMAGES} is missing. Copy it there, too"
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
                    checked(here, job)  # says what is wrong with it
        except ResultsError as error:
            problems.append(str(error))
    problems += _contradictions(shares)
    if len(origins.keys() - {""}) > 1:
        places = ", ".join(place for sha, place in origins.items() if sha)
        problems.append(f"different images: {places} are from different data sets. Merge folders of one")
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ResultsError("nothing was merged.\n" + "\n".join(problems[:_SHOWN]) + more)
    return shares


def _shares(config: Config, whole: Collection[str]) -> dict[str, Runs]:
    """The finished runs of a folder's cells that are not whole; none where snapshots are asked for."""
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
    """Of a job that has different results in two folders, which its files tell."""
    remedy = _REMEDY.format(folder / file, first / file)
    return f"{name}: {first} and {folder} have different results of it. {remedy}"


def _images_read(record: Mapping[str, Any]) -> str | None:
    """The hash of the images that a job's results were computed from, if its record says."""
    dataset = record.get("dataset")
    return str(dataset["sha256"]) if isinstance(dataset, dict) and "sha256" in dataset else None


def _content(folder: Path, job: Job) -> dict[Path, str]:
    """Hashes of what was computed; of an archive's members, whose packing says nothing."""
    out = {}
    for path in job.results:
        digest = hashlib.sha256()
        if zipfile.is_zipfile(folder / path):
            with zipfile.ZipFile(folder / path) as archive:
                for name in sorted(archive.namelist()):
                    digest.update(name.encode() + b"\0" + hashlib.sha256(archive.read(name)).digest())
        else:
            digest.update((folder / path).read_bytes())
        out[path] = digest.hexdigest()
    return out


def _copy_images(into: Path, others: Sequence[Path]) -> None:
    """Without them Snakemake would prepare them anew, and then all that depends on them."""
    for folder in others:
        if not (into / IMAGES).exists() and all((folder / "data" / name).exists() for name in _DATA):
            images.save(images.load(folder / "data"), into / "data")


def _prepare_images(config: Config, into: Path, published: Sequence[Path]) -> None:
    """For the same reason: those that published results were computed from, and which are not published."""
    known = next(filter(None, map(images_of, published)), None)
    if known:
        prepared = data.prepare(config.dataset)
        if prepared.sha256 != known:
            raise ResultsError(
                f"nothing was merged.\ndifferent images: the published results are not from those of this "
                f"configuration ({prepared.name})"
            )
        images.save(prepared, into / "data")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, files.atomic(target) as writing:
        shutil.copyfileobj(reading, writing)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f": {', '.join(names[:_SHOWN])}{more}" if names else ""
