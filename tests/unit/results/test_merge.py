"""Results of several machines in one folder: what is taken, what is refused, and nothing half
there.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import yaml

from reinrelax import cli
from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.core import sources
from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies
from reinrelax.results.merge import merge
from reinrelax.results.read import is_done, read_job
from tests.conftest import ROOT
from tests.helpers.synthetic import write_results, write_studies

Machines = Callable[..., Path]
Loader = Callable[..., Config]
PIXELS = np.arange(784, dtype=np.uint8)[None]


def of_elbo(cell: Job) -> bool:
    return cell.first.experiment == "elbo"


def not_elbo(cell: Job) -> bool:
    return not of_elbo(cell)


def final(run: Run) -> tuple[float, float]:
    return 100.0 + run.seed, 101.0


@pytest.fixture
def machine(load_config: Loader, tmp_path: Path) -> Machines:
    """Makes a results folder: of these cells and studies, with images of this shade."""

    def make(
        name: str,
        cells_of: Callable[[Job], bool] = of_elbo,
        studies_of: Callable[[str], bool] = lambda name: False,
        shade: int = 0,
        **changes: Any,
    ) -> Path:
        config = load_config(results=str(tmp_path / name), **changes)
        prepared = Images("digits", PIXELS + np.uint8(shade), PIXELS)
        images.save(prepared, config.folder / "data")
        write_results(config, final, only=cells_of, sha256=prepared.sha256)
        write_studies(config, only=studies_of)
        for cell in filter(cells_of, cells(config).values()):
            log = config.folder / f"logs/train/{cell.name}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("trained")
            if cell.snapshots:
                (config.folder / f"{cell.name}.pt").write_bytes(b"parameters")
        return config.folder

    return make


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_machines_make_a_whole(machine: Machines, load_config: Loader) -> None:
    a, b = machine("a"), machine("b", not_elbo, lambda name: name != "identities")
    config = load_config()
    merged = merge(config, config.folder, [a, b])
    assert files_of(config.folder) == {**files_of(a), **files_of(b)}
    names = list(cells(config))
    assert list(merged.taken[a]) == [name for name in names if name.startswith("elbo/")]
    assert {"gradients/8x4/ReinMax", "relaxations/20x1/Top-k.1", "cost"} <= set(merged.taken[b])
    assert list(merged.missing) == ["identities"]
    assert all(is_done(config, cell) for cell in cells(config).values())
    assert all(is_done(config, s) for s in studies(config).values() if s.name != "identities")
    for cell in cells(config).values():
        assert read_job(config, cell) is not None
    assert read_job(config, studies(config)["bridge"]) is not None
    # What Snakemake compares: images are not younger than trainings, nor these than what reads
    # them.
    times = [
        (config.folder / path).stat().st_mtime_ns
        for path in (
            "data/train.npy",
            "gradients/8x4/ReinMax.pt",
            "gradients/epoch-2/estimators.csv",
        )
    ]
    assert times == sorted(times)
    text = merged.describe()
    assert f"{a}: 6 copied: elbo/8x4/ST, " in text
    assert "0 were already there\n1 are still missing: identities" in text


def test_doing_it_again_changes_nothing(machine: Machines, load_config: Loader) -> None:
    a, b, config = machine("a"), machine("b", lambda cell: True), load_config()
    first = merge(config, config.folder, [a, b])
    assert len(first.taken[a]) == 6  # the same results in both, taken once
    before = {p: p.stat().st_mtime_ns for p in config.folder.rglob("*")}
    again = merge(config, config.folder, [a, b, config.folder])
    assert not any(again.taken.values())
    assert len(again.present) == len(cells(config))
    assert {p: p.stat().st_mtime_ns for p in config.folder.rglob("*")} == before


@pytest.mark.parametrize("stop", [1, 5, 12, 20])
def test_an_interruption_leaves_no_half_job_and_is_made_good(
    machine: Machines, load_config: Loader, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    a, config = machine("a", lambda cell: True, lambda name: True), load_config()
    copy, left = shutil.copyfileobj, iter(range(stop))

    def failing(source: IO[bytes], target: IO[bytes]) -> None:
        if next(left, None) is None:
            target.write(source.read(1))
            raise KeyboardInterrupt
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfileobj", failing)
    with pytest.raises(KeyboardInterrupt):
        merge(config, config.folder, [a])
    for path, content in files_of(config.folder).items():
        assert content == (a / path).read_bytes(), path
    for cell in cells(config).values():
        if is_done(config, cell):
            assert read_job(config, cell) is not None
    for study in studies(config).values():
        if (config.folder / study.name / "record.json").exists():
            assert read_job(config, study) is not None
    monkeypatch.setattr(shutil, "copyfileobj", copy)
    assert not merge(config, config.folder, [a]).missing
    assert files_of(config.folder) == files_of(a)


def refused(config: Config, *folders: Path) -> str:
    before = files_of(config.folder)
    with pytest.raises(ResultsError) as caught:
        merge(config, config.folder, folders)
    assert files_of(config.folder) == before
    return str(caught.value)


def test_other_settings_and_source_are_refused(machine: Machines, load_config: Loader) -> None:
    a = machine("a")
    other = load_config(settings={"ST": {"8x4": {"tau": 0.9}}})
    message = refused(other, a)
    assert f"{a / 'elbo/8x4/ST.csv'} was computed from another configuration or source" in message
    assert message.count("another configuration") == 1
    record = a / "elbo/4x24/ReinMax.json"
    known = json.loads(record.read_text())
    foreign = {"fingerprint": "0" * 64, "source_hash": f"{sources.FORMAT}0"}
    record.write_text(json.dumps({**known, **foreign}))
    message = refused(load_config(), a)
    assert "elbo/4x24/ReinMax.csv was computed from another configuration or source" in message
    record.write_text(json.dumps({**known, **foreign, "source_hash": "0" * 64}))
    message = refused(load_config(), a)
    assert "elbo/4x24/ReinMax.csv was computed by an earlier version" in message
    assert "Delete it and rerun" in message


def test_other_images_are_refused(machine: Machines, load_config: Loader) -> None:
    a, b = machine("a"), machine("b", not_elbo, shade=1)
    message = refused(load_config(), a, b)
    assert f"different images: {a}/data, {b}/data are from different data sets" in message
    c = machine("c", not_elbo)
    (c / "data/data.json").unlink()
    record = next(c.glob("beta/8x4/*.json"))
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, "dataset": {"name": "digits", "sha256": "1" * 64}}))
    assert f"{a}/data, {record} are from different data sets" in refused(load_config(), a, c)


def test_what_reads_images_must_have_them_beside(machine: Machines, load_config: Loader) -> None:
    a = machine("a", lambda cell: False, lambda name: name in ("cost", "bridge"))
    shutil.rmtree(a / "data")
    message = refused(load_config(), a)
    assert f"{a / 'cost/record.json'}: its images are unknown" in message
    assert "bridge" not in message


def test_two_different_results_of_a_job_are_refused(machine: Machines, load_config: Loader) -> None:
    a, b, config = machine("a"), machine("b"), load_config()
    table = b / "elbo/8x4/ST.csv"
    table.write_text(table.read_text().rstrip("\n") + "1\n")
    message = refused(config, a, b)
    assert f"elbo/8x4/ST: {a} and {b} have different results for it" in message
    assert message.count("different results") == 1
    merge(config, config.folder, [a])
    assert f"elbo/8x4/ST: {config.folder} and {b} have different results for it" in refused(
        config, b
    )


def test_packing_of_archives_is_no_difference(machine: Machines, load_config: Loader) -> None:
    a, b = machine("a", not_elbo), machine("b", not_elbo)
    path = b / "relaxations/2x20/REBAR.npz"
    with np.load(path) as content:
        arrays = dict(content)
    np.savez(path, **arrays)
    assert path.read_bytes() != (a / "relaxations/2x20/REBAR.npz").read_bytes()
    config = load_config()
    merge(config, config.folder, [a, b])
    arrays["originals"] = arrays["originals"] ^ 1
    np.savez(path, **arrays)
    assert "relaxations/2x20/REBAR: " in refused(config, a, b)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("elbo/8x4/ST.csv", None, "elbo/8x4/ST.csv is missing, but the job's other files exist"),
        ("elbo/8x4/ST.csv", b"\xff", "ST.csv: cannot be read as a results table"),
        ("elbo/8x4/ST.csv", b"run_id\nabc\n", "does not contain the runs listed in its record"),
        ("elbo/8x4/ST.json", b"{", "provenance cannot be read"),
        (
            "gradients/8x4/ReinMax.pt",
            None,
            "gradients/8x4/ReinMax.pt is missing, but its record exists",
        ),
        ("bridge/densities.csv", None, "is missing, but the job's other files exist"),
        ("data/data.json", b"[]", "provenance cannot be read"),
    ],
)
def test_damaged_folders_are_refused(
    machine: Machines, load_config: Loader, file: str, content: bytes | None, says: str
) -> None:
    a = machine("a", lambda cell: True, lambda name: True)
    (a / file).unlink() if content is None else (a / file).write_bytes(content)
    assert says in refused(load_config(), a)


def test_what_is_unfinished_elsewhere_is_missing(machine: Machines, load_config: Loader) -> None:
    a, config = machine("a"), load_config()
    (a / "elbo/8x4/ST.json").unlink()
    (a / "elbo/8x4/ST.checkpoint").write_bytes(b"half")
    merged = merge(config, config.folder, [a])
    assert "elbo/8x4/ST" in merged.missing
    assert [path.parent.name for path in config.folder.rglob("ST.c*")] == ["4x24"]


def test_the_command_says_what_it_did(
    machine: Machines,
    raw_config: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = machine("a")
    monkeypatch.chdir(ROOT)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(raw_config))

    def run(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["merge", "--config", str(tmp_path / "config.yaml"), *map(str, arguments)])
        shown = capsys.readouterr()
        return int(stopped.value.code or 0), shown.out + shown.err

    status, text = run(tmp_path / "results/test", a)
    assert status == 0
    assert f"{a}: 6 copied: elbo/8x4/ST, " in text
    assert " are still missing: beta/8x4/ReinMax-RK2, " in text
    status, text = run(tmp_path / "results/other", a)
    assert status == 1
    assert "results/other: the configuration has scale 'test'" in text
    assert (
        "nowhere: no such results folder" in run(tmp_path / "results/test", tmp_path / "nowhere")[1]
    )
