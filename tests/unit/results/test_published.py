"""Results packed to be kept with the project: what is in, what is refused, and what outlives its
source.
"""

import difflib
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reinrelax.config.load import Config
from reinrelax.core import records, sources
from reinrelax.datasets import data, images
from reinrelax.display.tables import read_json, read_table
from reinrelax.errors import ResultsError
from reinrelax.experiments.relaxed_vae.baseline import baseline
from reinrelax.jobs import job
from reinrelax.jobs.planned import jobs
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies
from reinrelax.reporting import collect, exports, figures, overview
from reinrelax.results.merge import merge
from reinrelax.results.packed import unpack
from reinrelax.results.published import publish
from reinrelax.results.read import is_done, read_job
from tests.conftest import ROOT
from tests.helpers.pages import flat, rendered
from tests.helpers.synthetic import write_results, write_studies

Loader = Callable[..., Config]
EARLIER = {"fingerprint": "f" * 64, "source_hash": f"{sources.FORMAT}{'f' * 64}"}


@pytest.fixture
def finished(load_config: Loader) -> Config:
    """A configuration whose every job is done, with the images that it asks for."""
    config = load_config()
    compute(config)
    return config


def compute(config: Config, **record: Any) -> None:
    prepared = data.prepare(config.dataset)
    images.save(prepared, config.folder / "data")
    write_results(config, flat, **{**record, "dataset": prepared.name, "sha256": prepared.sha256})
    write_studies(config, **record)
    for cell in cells(config).values():
        if cell.snapshots:
            (config.folder / f"{cell.name}.pt").write_bytes(b"parameters")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def change(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def refused(config: Config, into: Path) -> str:
    before = files_of(into)
    with pytest.raises(ResultsError) as caught:
        publish(config, into)
    assert files_of(into) == before
    assert [path.name for path in into.parent.glob(".*")] == []
    return str(caught.value)


def test_what_is_unpacked_is_what_was_packed(finished: Config, tmp_path: Path) -> None:
    log = finished.folder / "logs/train/elbo/8x4/ST.log"
    log.parent.mkdir(parents=True)
    log.write_text("trained")
    packed = tmp_path / "published/test"
    done = publish(finished, packed)
    assert set(done.taken) == {job.name for job in jobs(finished).values()}
    assert (done.kept, done.absent) == ((), ())
    assert done.size == sum(map(len, files_of(packed).values()))
    unpack(packed, tmp_path / "unpacked/test")
    found, original = files_of(tmp_path / "unpacked/test"), files_of(finished.folder)
    del found["unpacked.json"]
    left_out = {name for name in original if name.endswith((".pt", ".npy", ".log"))}
    assert len(left_out) == 5
    assert found == {name: content for name, content in original.items() if name not in left_out}
    assert "relaxations/2x20/REBAR.npz" in found


def test_packing_again_changes_no_byte(finished: Config, tmp_path: Path) -> None:
    packed = tmp_path / "published/test"
    publish(finished, packed, {Path("data/baseline.csv"): "quantity,value\n"})
    before = files_of(packed)
    assert before["data/baseline.csv.gz"][4:8] == bytes(4)  # no time
    publish(finished, packed, {Path("data/baseline.csv"): "quantity,value\n"})
    assert files_of(packed) == before
    # What is beside the results is kept where it is not at hand.
    publish(finished, packed, {Path("data/baseline.csv"): None})
    assert files_of(packed) == before
    assert [path.name for path in packed.parent.iterdir()] == ["test"]


def test_it_says_where_results_are_from_and_what_is_absent(
    finished: Config, tmp_path: Path
) -> None:
    (finished.folder / "elbo/8x4/ST.json").unlink()
    shutil.rmtree(finished.folder / "bridge")
    change(finished.folder / "cost/record.json", **EARLIER)
    done = publish(finished, tmp_path / "test")
    assert set(done.absent) == {"elbo/8x4/ST", "bridge", "cost"}
    text = (tmp_path / "test/README.md").read_text()
    assert f"- {'0' * 40}: {len(done.taken)}" in text
    assert "- Some processor, 4 cores; cpu; host somewhere" in text
    assert "| `elbo` | 5 of 6 |  | 8x4/ST |" in text
    assert "| `bridge` | 0 of 1 |  | all |" in text
    manifest = json.loads((tmp_path / "test/manifest.json").read_text())
    assert set(manifest["absent"]) == set(done.absent)
    assert manifest["jobs"]["identities"]["host"] == "somewhere"


def test_results_of_a_source_in_no_commit_are_refused(finished: Config, tmp_path: Path) -> None:
    packed = tmp_path / "published/test"
    publish(finished, packed)
    record = finished.folder / "elbo/8x4/ST.json"
    for entries in (
        {"commit": "0" * 40 + "+changes"},
        {"commit": "unknown"},
        {"commit": "0" * 40, "reused": {"abc": {"commit": "1" * 40 + "+changes", "host": "there"}}},
    ):
        change(record, **entries)
        message = refused(finished, packed)
        assert "uncommitted changes: elbo/8x4/ST. Commit the source" in message
    change(record, reused={"abc": {"commit": "1" * 40, "host": "there"}})
    publish(finished, packed)


def test_damage_is_found_before_packing_and_after_unpacking(
    finished: Config, tmp_path: Path
) -> None:
    folder, packed = finished.folder / "identities", tmp_path / "published/test"
    record = json.loads((folder / "record.json").read_text())
    records.write(folder / "record.json", record, [folder / "identities.csv"])
    publish(finished, packed)
    # A table of other numbers, well packed.
    table = packed / "identities/identities.csv.gz"
    intact = table.read_bytes()
    table.write_bytes(gzip.compress(gzip.decompress(intact).replace(b"Theorem 1", b"Theorem 2")))
    copy = Config(**{**vars(finished), "results": tmp_path / "copy"})
    unpack(packed, copy.folder)
    with pytest.raises(ResultsError, match="differs from the checksum"):
        read_job(copy, studies(copy)["identities"])
    for damaged in (intact[: len(intact) // 2], intact[:-6] + b"\0" + intact[-5:], b"no archive"):
        table.write_bytes(damaged)
        with pytest.raises(
            ResultsError, match=r"identities.csv.gz: cannot be unpacked .* git checkout"
        ):
            unpack(packed, copy.folder)
    table.write_bytes(intact)
    unpack(packed, copy.folder)
    assert read_job(copy, studies(copy)["identities"]) is not None
    (folder / "identities.csv").write_text("identity\n")
    assert "differs from the checksum" in refused(finished, packed)


def test_folders_that_are_not_for_this_are_left_alone(finished: Config, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no results are published there yet"):
        unpack(tmp_path / "nowhere", tmp_path / "unpacked")
    publish(finished, tmp_path / "published/test")
    before = files_of(finished.folder)
    with pytest.raises(ResultsError, match="already contains results"):
        unpack(tmp_path / "published/test", finished.folder)
    assert files_of(finished.folder) == before


def test_nothing_finished_is_nothing_to_publish(load_config: Loader, tmp_path: Path) -> None:
    assert "no finished results to publish" in refused(load_config(), tmp_path / "published/test")
    assert not (tmp_path / "published/test").exists()


def test_what_was_packed_before_stays_where_its_settings_are_asked_for(
    finished: Config, load_config: Loader, tmp_path: Path
) -> None:
    packed = tmp_path / "published/test"
    publish(finished, packed)
    before = files_of(packed)
    shutil.rmtree(finished.folder / "elbo")
    done = publish(finished, packed)
    assert {name.split("/")[0] for name in done.kept} == {"elbo"}
    assert files_of(packed) == before
    other = load_config(settings={"ST": {"8x4": {"tau": 0.9}}})
    done = publish(other, packed)
    assert done.absent == ("elbo/8x4/ST",)
    assert "elbo/8x4/ST.csv.gz" not in files_of(packed)
    assert "elbo/4x24/ST.csv.gz" in files_of(packed)


def test_other_images_than_those_packed_before_are_refused(
    finished: Config, tmp_path: Path
) -> None:
    packed = tmp_path / "published/test"
    publish(finished, packed)
    record = finished.folder / "data/data.json"
    change(record, sha256="1" * 64)
    assert "were computed from different images" in refused(finished, packed)
    record.unlink()
    assert "data/data.json is missing" in refused(finished, packed)


def test_published_results_become_finished_ones(finished: Config, tmp_path: Path) -> None:
    packed = tmp_path / "published/test"
    publish(finished, packed)
    shutil.rmtree(finished.folder)
    merged = merge(finished, finished.folder, [packed])
    assert not merged.missing
    assert len(merged.taken[packed]) == len(list(jobs(finished)))
    assert all(is_done(finished, cell) for cell in cells(finished).values())
    assert all(is_done(finished, study) for study in studies(finished).values())
    # The images are there, and older than what was made of them.
    assert images.load(finished.folder / "data").sha256 == data.prepare(finished.dataset).sha256
    made = (finished.folder / "data/data.json").stat().st_mtime_ns
    assert all(
        made <= (finished.folder / job.record).stat().st_mtime_ns for job in jobs(finished).values()
    )
    # Snapshots, which are not published, are no difference, whether they are made since or not.
    for _ in range(2):
        assert not merge(finished, finished.folder, [packed]).taken[packed]
        (finished.folder / "gradients/8x4/ReinMax.pt").write_bytes(b"parameters")
    table = finished.folder / "elbo/8x4/ST.csv"
    table.write_text(table.read_text().rstrip("\n") + "1\n")
    with pytest.raises(ResultsError, match=f"elbo/8x4/ST: .* and {packed} have different results"):
        merge(finished, finished.folder, [packed])


def test_published_results_of_another_source_are_passed_over(
    finished: Config, load_config: Loader, tmp_path: Path
) -> None:
    packed = tmp_path / "published/test"
    publish(finished, packed)
    shutil.rmtree(finished.folder)
    other = load_config(settings={"ST": {"8x4": {"tau": 0.9}}})
    merged = merge(other, other.folder, [packed])
    assert merged.passed_over == {packed: ["elbo/8x4/ST"]}
    assert merged.missing == ["elbo/8x4/ST"]
    assert (
        f"{packed}: 1 skipped, computed from other settings or source: elbo/8x4/ST"
        in merged.describe()
    )
    shutil.rmtree(other.folder)
    changed = load_config(dataset={"test_images": 50})
    with pytest.raises(ResultsError, match="were not computed from those of this configuration"):
        merge(changed, changed.folder, [packed])
    assert not (changed.folder / "identities").exists()


def test_results_outlive_their_source_in_a_report_of_published_ones_alone(
    load_config: Loader,
) -> None:
    config = load_config()
    compute(config, **EARLIER)
    write_studies(config, only=lambda name: name == "identities", commit="a" * 40)

    def summary(any_source: bool) -> tuple[overview.Summary, list[str]]:
        collect.write_tables(config, ROOT, any_source)
        tables = config.folder / "tables"
        planned, rules = (read_table(tables / f"{name}.csv") for name in ("jobs", "rules"))
        states = [*planned["state"]]
        stated = (read_json(tables / f"{name}.json") for name in ("claims", "findings"))
        return overview.summary(config, planned, *stated, rules), states

    _, states = summary(any_source=False)
    assert sorted(set(states)) == ["done", "unreadable"]
    assert states.count("done") == 1
    found, states = summary(any_source=True)
    assert set(states) == {"done"}
    (notice,) = (notice for notice in found.notices if "earlier source" in notice.title)
    total = len(states)
    assert (
        notice.title == f"{total - 1} of {total} published results computed by earlier source code:"
    )
    assert notice.text.startswith(
        f"commit {'0' * 12}. The code that computes them has changed since: "
    )
    assert "elbo (6 jobs)" in notice.text
    assert "gradients (3 jobs)" in notice.text
    assert "identities" not in notice.text
    # Other settings are another matter.
    change(config.folder / "cost/record.json", settings_hash="0" * 64)
    _, states = summary(any_source=True)
    assert states.count("unreadable") == 1


def test_the_baseline_of_the_images_is_read_where_they_are_not(
    finished: Config, tmp_path: Path
) -> None:
    computed = baseline(finished.folder / "data")
    text = computed.to_csv(index=False)
    publish(finished, tmp_path / "test", {Path("data/baseline.csv"): text})
    unpack(tmp_path / "test", tmp_path / "unpacked")
    assert not (tmp_path / "unpacked/data/train.npy").exists()
    assert baseline(tmp_path / "unpacked/data").to_csv(index=False) == text


@pytest.mark.slow
def test_all_that_is_shown_outlives_its_source(
    finished: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a page shows of published results follows one rule: their settings, not their
    source.
    """
    small = baseline(finished.folder / "data").to_csv(index=False)
    publish(finished, tmp_path / "packed", {Path("data/baseline.csv"): small})

    def shown(name: str) -> tuple[dict[str, bytes], list[str]]:
        config = Config(**{**vars(finished), "results": tmp_path / name})
        unpack(tmp_path / "packed", config.folder)
        collect.write_tables(config, ROOT, any_source=True)
        figures.write_figures(config, ROOT)
        exports.write_exports(config, ROOT)
        html = rendered(config)
        made = {path: content for path, content in files_of(config.folder).items() if "/" in path}
        del made["tables/checksums.json"]  # of tables that tell the two apart
        planned = read_table(config.folder / "tables/jobs.csv")
        assert planned["source_changed"].eq(name == "foreign").all()
        made["tables/jobs.csv"] = planned.drop(columns="source_changed").to_csv().encode()
        place = str(config.results)
        made = {path: content.replace(place.encode(), b"") for path, content in made.items()}
        mark = '<div class="fine warn">source changed since</div>'
        return made, html.replace(place, "").replace(mark, "").splitlines()

    files, lines = shown("own")
    monkeypatch.setattr(job, "fingerprint", lambda modules: EARLIER["source_hash"])
    foreign_files, foreign_lines = shown("foreign")
    assert [name for name in files if files[name] != foreign_files.get(name)] == []
    assert files.keys() == foreign_files.keys()
    changes = [line for line in difflib.ndiff(lines, foreign_lines) if line[0] in "+-"]
    assert all(line[0] == "+" for line in changes), changes[:5]
    assert "earlier source" in " ".join(changes)
    assert len(changes) < 40
