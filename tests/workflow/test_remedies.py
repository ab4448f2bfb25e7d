"""What is absent is made again, and whatever an error tells to do ends with results that
are whole.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from reinrelax.config.load import Config
from reinrelax.core.sources import FORMAT
from reinrelax.datasets import images
from reinrelax.display.charts.svg import take_apart
from reinrelax.display.tables import read_json, read_table
from reinrelax.errors import ResultsError
from reinrelax.execution import estimates
from reinrelax.experiments.relaxed_vae.tables import stored
from reinrelax.jobs.planned import jobs
from reinrelax.jobs.runs import cells
from reinrelax.results.gather import gather
from tests.conftest import ROOT, merge
from tests.workflow.planted import SCALE, rules, settings, start, whole

pytestmark = pytest.mark.slow
REPORT = {"judge", "draw", "export", "render", "all"}


def targets(output: str) -> set[str]:
    """Jobs of a dry run that compute something, by name."""
    logs = re.findall(
        r"^    log: results/test/logs/(?:train|studies)/(.*)\.log$", output, re.MULTILINE
    )
    return set(logs)


def dry(project: Path) -> str:
    done = start(project, *SCALE, "--dry-run", "--quiet", "host")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_that_fails_when_it_is_run_again_is_done_at_the_next_start(project: Path) -> None:
    scale = project / "workflow/scales/test.yaml"
    before = scale.read_text(encoding="utf-8")
    changed = yaml.safe_load(before)
    merge(changed, {"settings": {"ReinMax": {"4x24": {"tau": 1.1}}}})
    scale.write_text(yaml.safe_dump(changed), encoding="utf-8")
    failed = start(project, *SCALE, FAILING="elbo/4x24/ReinMax")
    assert failed.returncode != 0
    assert "told to fail" in failed.stderr
    assert not (project / "results/test/elbo/4x24/ReinMax.csv").exists()
    assert (project / "results/test/report.html").exists()
    output = dry(project)
    assert targets(output) == {"elbo/4x24/ReinMax"}
    assert rules(output) == {"train": 1, **dict.fromkeys(REPORT, 1)}
    scale.write_text(before, encoding="utf-8")  # of which a result lies ready
    done = start(project, *SCALE)
    assert done.returncode == 0, done.stderr
    assert whole(project)


def test_every_planned_job_is_done_whichever_of_its_files_is_absent(project: Path) -> None:
    """As the plan says; what only the next steps of the report lack is not computed."""
    config = settings(project)
    planned = [job for job in jobs(config).values() if not job.name.startswith("gradients/8x4")]
    for index, job in enumerate(planned):
        (config.folder / job.files[index % len(job.files)]).unlink()
    names = {job.name for job in planned}
    assert {path.suffix for path in absent(config)} == {".csv", ".json", ".npz"}
    assert estimates.remaining(config, ROOT).keys() == names
    output = dry(project)
    assert targets(output) == names
    assert sum(rules(output).values()) == len(names) + len(REPORT)


def absent(config: Config) -> list[Path]:
    return [
        path
        for job in jobs(config).values()
        for path in job.files
        if not (config.folder / path).exists()
    ]


def test_every_absent_file_of_the_report_is_made_and_nothing_computed(project: Path) -> None:
    folder = project / "results/test"
    (folder / "figures/figure1.csv").unlink()
    (folder / "tables/table2.tex").unlink()
    assert rules(dry(project)) == dict.fromkeys(REPORT - {"judge"}, 1)
    (folder / "tables/jobs.csv").unlink()
    assert rules(dry(project)) == dict.fromkeys(REPORT, 1)


def test_a_snapshot_that_is_wanted_and_absent_is_made_by_its_training(project: Path) -> None:
    """As its error says. Published results come without it, and nothing is done for that alone."""
    config = settings(project)
    (config.folder / "gradients/8x4/ReinMax.pt").unlink()
    assert estimates.remaining(config, ROOT) == {}
    assert "Nothing to be done" in dry(project)
    (config.folder / "gradients/epoch-2/record.json").unlink()
    assert targets(dry(project)) == {
        "gradients/8x4/ReinMax",
        "gradients/epoch-0",
        "gradients/epoch-2",
    }


def broken(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_checksums(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """Damage to a table whose record is from before there were checksums."""

    def damage(path: Path) -> None:
        change(path)
        for record in (path.with_suffix(".json"), path.parent / "record.json"):
            if record.exists():
                text = record.read_text(encoding="utf-8")
                record.write_text(re.sub(r',\s*"checksums": \{.*?\}', "", text, flags=re.DOTALL))

    return damage


def in_first_line(old: str, new: str) -> Callable[[Path], None]:
    return without_checksums(lambda path: path.write_text(path.read_text().replace(old, new, 1)))


def other_fingerprint(path: Path) -> None:
    """As of results that come from elsewhere: Snakemake does not know what they were made with."""
    text = re.sub(
        r',\s*"checksums": \{.*?\}', "", path.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    path.write_text(re.sub(f'("fingerprint": "|"source_hash": "{FORMAT})...', r"\1???", text))


def words(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([lines[0], *(re.sub(r"\d+\.\d+", "many", line) for line in lines[1:])]) + "\n"
    )


# What is done to which file.
DAMAGE: dict[str, Callable[[Path], object]] = {
    "elbo/8x4/ST.csv": broken,
    "elbo/8x4/ReinMax.json": broken,
    "elbo/8x4/ReinMax-CV.csv": without_checksums(lambda path: path.write_bytes(b"\xff")),
    "elbo/4x24/ST.csv": in_first_line("test_nelbo_nats", "other"),
    "elbo/4x24/ReinMax.csv": without_checksums(words),
    "elbo/4x24/ReinMax-CV.csv": without_checksums(
        lambda path: path.write_text("run_id\nsomething else\n")
    ),
    "beta/8x4/ReinMax-RK2.json": other_fingerprint,
    "relaxations/2x20/REBAR.npz": broken,
    "identities/identities.csv": Path.unlink,
    "copula/record.json": other_fingerprint,
    "bridge/bridge.csv": broken,
    "decoupled/record.json": broken,
    "properties/properties.csv": in_first_line("value", "other"),
    "rl/Taxi-v4-30/RELAX/episodes.csv": without_checksums(words),
    "tables/claims.json": broken,
    "tables/table2.csv": lambda path: path.write_bytes(b"\xff"),
    "figures/figure1.svg": lambda path: path.write_text("<svg"),
}


def complaints(config: Config) -> Iterator[str]:
    """What whoever reads the results has to say of them."""
    yield from filter(None, gather(config, ROOT).plan["message"])
    folder = config.folder
    for read in (
        lambda: list(
            stored(config, [run.run_id for cell in cells(config).values() for run in cell.runs])
        ),
        lambda: images.load(folder / "data"),
        lambda: read_json(folder / "tables/claims.json"),
        lambda: read_table(folder / "tables/table2.csv"),
        lambda: take_apart(
            (folder / "figures/figure1.svg").read_text(), str(folder / "figures/figure1")
        ),
    ):
        try:
            read()
        except ResultsError as error:
            yield str(error)


def obey(message: str) -> None:
    """Do what an error of a results folder says, word for word; running again is left to the
    caller.
    """
    path = Path(re.match(r"(.*?)(?:: | is missing| was computed)", message)[1])  # type: ignore[index]
    said = re.findall(r"\. ((?:Delete|If)[^.]*)$", message)[0]
    if said in (
        "Delete it and rerun",
        "Delete it and rerun, or give the configuration it was made with",
        "Delete it and run snakemake again",
        "Delete it, if it exists, and run snakemake again",
    ):
        path.unlink(missing_ok="if it exists" in said)
    elif said == "Delete them and rerun":
        for other in path.parent.iterdir():
            other.unlink()
    else:
        assert said == "Delete the folder and rerun", message
        shutil.rmtree(path)


def test_damage_is_mended_by_what_its_message_says(project: Path) -> None:
    config = settings(project)
    assert list(complaints(config)) == []
    for name, damage in DAMAGE.items():
        damage(config.folder / name)
    said = list(complaints(config))
    place = config.folder.as_posix()
    computed = {
        name: name.rsplit(".", 1)[0]
        for name in DAMAGE
        if name.count("/") == 2 and "rl/" not in name
    }
    for name in DAMAGE:
        beside = {f"{place}/{name}", f"{place}/{computed.get(name, name)}.csv"}
        assert any(text.startswith(tuple(beside)) for text in said), name
    for text in said:
        obey(text)
    done = start(project, *SCALE)
    assert done.returncode == 0, done.stderr
    assert rules(done.stderr) == {
        **{"train": 7, "relaxed": 1, "learn": 1, **dict.fromkeys(REPORT, 1)},
        **dict.fromkeys(("identities", "copula", "bridge", "decoupled", "properties"), 1),
    }
    assert list(complaints(config)) == []
    assert whole(project)


def test_damaged_images_are_mended_by_what_their_message_says(project: Path) -> None:
    config = settings(project)
    broken(config.folder / "data/train.npy")
    (text,) = complaints(config)
    obey(text)
    done = start(project, *SCALE)
    assert done.returncode == 0, done.stderr
    assert list(complaints(config)) == []
    assert whole(project)


@pytest.mark.parametrize("part", ["data", "."])
def test_files_of_the_future_stop_no_training_and_rerun_nothing(project: Path, part: str) -> None:
    """As after work while a clock was ahead: Snakemake refuses an output that is older than an
    input.
    """
    results, ahead = project / "results/test", time.time() + 24 * 3600
    for path in (results / part).rglob("*.*"):
        os.utime(path, (ahead, ahead))
    (results / "elbo/8x4/ST.csv").unlink()
    done = start(project, *SCALE, "--quiet", "host")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rules(done.stderr) == {"train": 1, **dict.fromkeys(REPORT, 1)}
    assert whole(project)
    assert max(path.stat().st_mtime for path in results.rglob("*.*")) <= time.time()
