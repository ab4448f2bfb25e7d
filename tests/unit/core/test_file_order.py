"""In which order files are written: whenever a job is killed, no record is there without what it is
of.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from reinrelax.config.load import Config
from reinrelax.core import files, records
from reinrelax.datasets import images as prepared
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.experiments import study as running
from reinrelax.experiments.training import train_cell
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells, table_path
from reinrelax.jobs.studies import studies
from reinrelax.results import finished
from reinrelax.results.read import held, read_job

Load = Callable[..., Config]


class Killed(BaseException):
    """No error that anything would catch."""


@contextmanager
def killed_after(writes: int) -> Iterator[list[str]]:
    """Of what is written inside, so many files are; gives their names."""
    whole, names = files.atomic, []

    @contextmanager
    def counted(path: Path) -> Iterator[IO[bytes]]:
        if len(names) == writes:
            raise Killed
        with whole(path) as file:
            yield file
        names.append(path.name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "atomic", counted)
        yield names


def test_content_is_on_disk_before_it_takes_the_files_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut between the two would otherwise leave an empty file where there was a
    whole one.
    """
    path, events = tmp_path / "a", []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        events.append(("synced", os.fstat(descriptor).st_size, path.read_text()))
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        events.append(("replaced", self.stat().st_size, path.read_text()))
        return replace(self, target)

    files.write_text(path, "old")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    files.write_text(path, "new content")
    assert events == [("synced", 11, "old"), ("replaced", 11, "old")]
    assert path.read_text() == "new content"


def _fail(path: Path, before: list[str]) -> None:
    """Begin to write, beside what is there before, and fail."""
    with files.atomic(path) as file:
        file.write(b"half")
        file.flush()
        (temporary,) = {other.name for other in path.parent.iterdir()} - set(before)
        assert temporary.startswith(".a.")
        assert path.exists() == bool(before)
        raise ZeroDivisionError


def test_a_file_is_old_until_its_writer_is_done_and_stays_so_if_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "new/a"
    for before in ([], ["a"]):
        with pytest.raises(ZeroDivisionError):
            _fail(path, before)
        assert [other.name for other in path.parent.iterdir()] == before
        files.write_text(path, "whole")
    assert path.read_text() == "whole"
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def small(load_config: Load, name: str) -> tuple[Config, Job]:
    """One seed, two epochs."""
    brief = {"seeds": 1, "epochs": 2}
    config = load_config(experiments={"elbo": brief, "relaxations": brief})
    return config, cells(config)[name]


def train(config: Config, cell: Job, digits: Images) -> dict[str, Any]:
    return train_cell(
        cell,
        Images("digits", digits.train[:40], digits.test[:20]),
        table=table_path(config, cell.name),
        known=held(config, cell, tolerant=True),
        device="cpu",
        checkpoint_every=1,
        extra={},
    )


@pytest.mark.parametrize("name", ["elbo/8x4/ST", "relaxations/2x20/ST-Bernoulli"])
def test_a_training_killed_between_any_two_files_is_done_or_goes_on(
    load_config: Load, digits: Images, name: str
) -> None:
    """Killed after each of its files: no record without its table, and nothing of the work
    is lost.
    """
    config, cell = small(load_config, name)
    table = table_path(config, cell.name)
    with killed_after(99) as written:
        train(config, cell, digits)
    expected = table.read_bytes()
    assert written[0] == f"{table.stem}.checkpoint"
    assert written[-1] == f"{table.stem}.json"
    for count in range(len(written)):
        for path in table.parent.iterdir():
            path.unlink()
        with pytest.raises(Killed), killed_after(count):
            train(config, cell, digits)
        assert not table.with_suffix(".json").exists()
        assert table.with_suffix(".checkpoint").exists() == (count > 0)
        record = train(config, cell, digits)
        kept = finished.place(table).name in written[:count]
        assert record["images_trained"] == (0 if kept else 40 * (1 if count else 2))
        assert table.read_bytes() == expected
        records.check(table, records.read(table.with_suffix(".json"), ["fingerprint"]))
        assert read_job(config, cell)
        assert not table.with_suffix(".checkpoint").exists()


def test_a_study_is_recorded_after_its_tables(
    load_config: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config()
    for study in studies(config).values():
        tables: dict[str, list[Any]] = {path.stem: [] for path in study.tables}
        monkeypatch.setattr(running, "_runner", lambda name, tables=tables: lambda *_: tables)
        for count in range(len(tables) + 1):
            with pytest.raises(Killed), killed_after(count) as written:
                running.run_study(study, config, "cpu", {})
            assert written == [f"{name}.csv" for name in tables][:count]
        running.run_study(study, config, "cpu", {})
        record = records.read(config.folder / study.record, ["fingerprint"])
        assert set(record["checksums"]) == {"record", *(f"{name}.csv" for name in tables)}


def test_images_are_described_after_they_are_there(digits: Images, tmp_path: Path) -> None:
    for count in range(3):
        with pytest.raises(Killed), killed_after(count) as written:
            prepared.save(digits, tmp_path / str(count))
        assert written == ["train.npy", "test.npy"][:count]
    prepared.save(digits, tmp_path / "a")
    others = Images("digits", digits.train[:50], digits.test[:50])
    for count in (1, 2):
        with pytest.raises(Killed), killed_after(count):
            prepared.save(others, tmp_path / "a")
        with pytest.raises(ResultsError, match="differ from their checksum"):
            prepared.load(tmp_path / "a")
