"""Packing of finished results into a few MB that can be kept with the project.

A packed folder is laid out like a results folder, with tables and records compressed. Images,
parameters and logs are left out because they are too large. `manifest.json` marks the folder as
packed, and `README.md` says where the results are from.
"""

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reinrelax.config.load import Config
from reinrelax.core import files, provenance
from reinrelax.core.words import first_of
from reinrelax.errors import ResultsError
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs
from reinrelax.results.packed import COMPRESSED, MANIFEST, is_packed, name_of, replaced, unpack
from reinrelax.results.read import (
    IMAGES,
    checked,
    held,
    images_of,
    is_done,
    part,
    pictures_of,
    read_record,
    write_cell,
)

# Folder of published results, below the project's folder; each scale has a folder in it.
FOLDER = Path("published")
_README = "README.md"
_SHOWN = 10


@dataclass(frozen=True)
class PublishedSummary:
    """The outcome of packing, as names of jobs.

    Attributes:
        folder: the packed folder.
        taken: jobs that are finished here.
        kept: jobs that were packed before.
        parts: cells of which only some runs are packed, each with the number of its runs in words;
            they are in no other group.
        absent: jobs that are not packed.
        size: the size of all packed files in bytes.
    """

    folder: Path
    taken: tuple[str, ...]
    kept: tuple[str, ...]
    parts: Mapping[str, str]
    absent: tuple[str, ...]
    size: int

    def describe(self) -> str:
        """Describe the outcome in one line."""
        in_part = f"{len(self.parts)} incomplete, " if self.parts else ""
        return (
            f"{self.folder}: {len(self.taken)} jobs packed, {len(self.kept)} kept from before, "
            f"{in_part}{len(self.absent)} absent; {self.size / 1e6:.1f} MB"
        )


def publish(
    config: Config, into: Path, beside: Mapping[Path, str | None] | None = None
) -> PublishedSummary:
    """Pack every finished job of the configuration.

    Results that were packed before and are not finished here are kept, run by run. Everything is
    checked and packed next to `into` before it replaces `into`.

    Args:
        config: the configuration whose results are packed.
        into: the packed folder, created if missing.
        beside: further texts to pack, by path; None keeps the text that was packed before.

    Raises:
        ResultsError: nothing is finished; or results are damaged, were computed by uncommitted
            source, or from other images than those packed before. Nothing was written then. Or a
            file cannot be written.
    """
    planned = [job.published for job in jobs(config).values()]
    with tempfile.TemporaryDirectory() as scratch:
        before, both = (replace(config, results=Path(scratch, name)) for name in ("before", "both"))
        if is_packed(into):
            unpack(into, before.folder)
        here = [job for job in planned if is_done(config, job)]
        names = {job.name for job in here}
        old = [job for job in planned if job.name not in names and _has(before, job)]
        joined, fresh = _joined(
            config, before, both, [job for job in planned if job.name not in names]
        )
        old = [job for job in old if job.name not in joined]
        if not here and not old and not joined:
            raise ResultsError(f"{config.folder}: no finished results to publish")
        records = {job.name: checked(config, job) for job in here}
        records |= {job.name: checked(both, job, any_source=True) for job in joined.values()}
        _require_commits(config, records)
        records |= {job.name: checked(before, job, any_source=True) for job in old}
        _require_images(config, before, [job for job in (*here, *fresh) if job.reads_images])
        content: dict[Path, bytes] = {}
        for name, given in (beside or {}).items():
            if given is not None:
                content[name] = given.encode()
            elif (before.folder / name).exists():
                content[name] = (before.folder / name).read_bytes()
        for place in (before, config):
            if (place.folder / IMAGES).exists():
                content[IMAGES] = (place.folder / IMAGES).read_bytes()
        for place, chosen in ((before, old), (both, joined.values()), (config, here)):
            for job in chosen:
                for path in (*job.results, job.record):
                    content[path] = (place.folder / path).read_bytes()
    counts = {job.name: len(job.runs) for job in planned if job.runs}
    parts = {
        name: f"{len(record['run_ids'])} of {counts[name]} runs"
        for name, record in records.items()
        if name in counts and len(record.get("run_ids", ())) not in (0, counts[name])
    }
    absent = [job.name for job in planned if job.name not in records]
    manifest = {
        "scale": config.scale,
        "jobs": {name: _origin(record) for name, record in sorted(records.items())},
        "parts": parts,
        "absent": absent,
        "files": {path.as_posix(): len(text) for path, text in sorted(content.items())},
    }
    packed = {name_of(path): _compressed(path, text) for path, text in content.items()}
    packed[Path(MANIFEST)] = (json.dumps(manifest, indent=1) + "\n").encode()
    packed[Path(_README)] = _readme(config, manifest, planned).encode()
    with replaced(into) as new:
        for path, text in packed.items():
            files.write_bytes(new / path, text)
    return PublishedSummary(
        into,
        tuple(job.name for job in here),
        tuple(job.name for job in old if job.name not in parts),
        parts,
        tuple(absent),
        sum(map(len, packed.values())),
    )


def _has(config: Config, job: Job) -> bool:
    """Return whether there are results of a job with these settings, by whichever source."""
    path = config.folder / job.record
    return path.exists() and job.settings_hash == read_record(path, ("fingerprint",)).get(
        "settings_hash"
    )


def _joined(
    config: Config, before: Config, into: Config, planned: Iterable[Job]
) -> tuple[dict[str, Job], list[Job]]:
    """Write the cells of which some runs are here or were packed before.

    Returns:
        The jobs of these runs by name, and those with runs that are here.
    """
    found, fresh = {}, []
    for job in planned:
        if not job.runs:
            continue
        here, old = held(config, job), held(before, job, any_source=True)
        runs = {**old, **here}
        if not runs or (not here and _has(before, job)):
            continue
        found[job.name] = there = part(job, runs)
        drawn = [p for place in (config, before) if (p := pictures_of(place.folder, there))]
        write_cell(into.folder, there, {run.run_id: runs[run.run_id] for run in there.runs}, drawn)
        fresh += [job] if here else []
    return found, fresh


def _require_commits(config: Config, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that all results were computed by committed source."""
    wrong = []
    for name, record in records.items():
        origins = [record, *record.get("reused", {}).values()]
        if any(
            str(o["commit"]).endswith(provenance.CHANGED) or o["commit"] == "unknown"
            for o in origins
        ):
            wrong.append(name)
    if wrong:
        raise ResultsError(
            f"nothing was published: {config.folder} has results computed with uncommitted"
            f" changes: {first_of(wrong, _SHOWN)}. Commit the source, delete the files of"
            " these jobs (also .runs.json) and run them again"
        )


def _require_images(config: Config, before: Config, readers: Iterable[Job]) -> None:
    """Check that results here and those packed before are from the same, known images."""
    here, there = (images_of(place.folder) for place in (config, before))
    first = next(iter(readers), None)
    if first and not here:
        raise ResultsError(
            f"{config.folder / IMAGES} is missing, so the images of {first.name} are unknown"
        )
    if here and there and here != there:
        raise ResultsError(
            f"{config.folder} and the results published earlier were computed from different"
            " images. Delete one of them"
        )


def _origin(record: Mapping[str, Any]) -> dict[str, Any]:
    names = ("commit", "host", "processor", "device", "started", "wall_seconds")
    return {name: record.get(name, "") for name in names}


def _compressed(path: Path, content: bytes) -> bytes:
    """Compress tables and records reproducibly: the same content always gives the same bytes."""
    return gzip.compress(content, 9, mtime=0) if path.suffix in COMPRESSED else content


def _readme(config: Config, manifest: Mapping[str, Any], planned: Iterable[Job]) -> str:
    origins = manifest["jobs"].values()
    counts = {
        "commits": Counter(origin["commit"] for origin in origins),
        "machines": Counter(f"{o['processor']}; {o['device']}; host {o['host']}" for o in origins),
    }
    lines = [
        f"# Results at the scale `{config.scale}`",
        "",
        "Tidy tables and provenance records as a run of the workflow leaves them, compressed.",
        (
            "`make paper-report` builds their report. This command adds them to a run as"
            " finished jobs:"
        ),
        "",
        "```sh",
        f"make merge SCALE={config.scale} INTO=results/{config.scale} FROM={FOLDER}/{config.scale}",
        "```",
        "",
    ]
    for title, found in counts.items():
        lines += [
            f"Jobs by {title}:",
            "",
            *(f"- {name}: {number}" for name, number in found.most_common()),
            "",
        ]
    lines += ["| part | published | in part | absent |", "|---|---|---|---|"]
    absent = set(manifest["absent"])
    parts: dict[str, list[Job]] = {}
    for job in planned:
        parts.setdefault(job.experiment, []).append(job)
    for name, members in parts.items():
        missing = [job.name.removeprefix(f"{name}/") for job in members if job.name in absent]
        all_of_it = "all" if len(missing) == len(members) else ", ".join(missing)
        halves = {
            job.name.removeprefix(f"{name}/"): manifest["parts"].get(job.name) for job in members
        }
        halved = ", ".join(f"{job} ({runs})" for job, runs in halves.items() if runs)
        whole = len(members) - len(missing) - sum(map(bool, halves.values()))
        lines.append(f"| `{name}` | {whole} of {len(members)} | {halved} | {all_of_it} |")
    return "\n".join(lines) + "\n"
