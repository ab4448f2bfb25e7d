"""What nothing asks for is listed, and only what is listed is removed."""

import json
import subprocess
import sys
from typing import Any

import pytest

from reinrelax.config.load import Config
from reinrelax.core import records
from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.execution import clean
from reinrelax.experiments.training import make_trainer
from reinrelax.jobs.runs import cells, table_path
from reinrelax.jobs.studies import studies
from reinrelax.training import checkpoint, progress
from tests.unit.results.test_finished import Load, planned, train

ST = "elbo/8x4/ST"
Files = dict[str, bytes]


def files(config: Config) -> Files:
    folder = config.folder
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def listed(config: Config) -> dict[str, set[str]]:
    """Names of files by why they are listed; listing changes nothing."""
    before, found = files(config), clean.leftovers(config)
    assert files(config) == before
    assert sum(one.size for one in found) == sum(
        p.stat().st_size for one in found for p in one.files
    )
    return {f"{one.name}: {one.why}": {path.name for path in one.files} for one in found}


@pytest.fixture
def trained(load_config: Load, digits: Images) -> Config:
    """A folder with a cell of three seeds, two of which are in its table, and a checkpoint of a new
    seed.
    """
    for seeds in (3, 2):
        config, cell = planned(load_config, seeds)
        images.save(digits, config.folder / "data")
        train(config, cell, digits)
    config, cell = planned(load_config, 4)
    run = cell.runs[3]
    trainer = make_trainer([run], digits, "cpu")
    trainer.run_epoch()
    of = progress.identity(cell.fingerprint, digits.sha256, "cpu", [run.run_id])
    checkpoint.save(table_path(config, ST).with_suffix(".checkpoint"), trainer, of)
    return config


def test_what_is_asked_for_is_not_listed(trained: Config, load_config: Load) -> None:
    assert listed(trained) == {}
    assert clean.describe([], removed=False) == "no files that the configuration does not request"
    # By another cell than the one whose table it is in.
    elbo = {"estimators": ["ST"], "latent_shapes": ["8x4"], "seeds": 4, "epochs": 2}
    split = load_config(experiments={"elbo": elbo}, machine={"max_replicas_per_job": 2})
    assert ST not in cells(split)
    assert set(listed(split)) == {f"{ST}: a checkpoint of a cell that is not in the configuration"}
    # The third seed alone is in the file of finished runs, and still asked for by it.
    fewer = planned(load_config, 1)[0]
    assert set(listed(fewer)) == {f"{ST}: a checkpoint that no job resumes from"}


@pytest.mark.parametrize(
    ("changes", "why", "state"),
    [
        ({"epochs": 3}, "of other settings or source", "a checkpoint that no job resumes from"),
        (
            {"estimators": ["ReinMax"]},
            "of a cell that is not in the configuration",
            "a checkpoint of a cell that is not in the configuration",
        ),
    ],
)
def test_what_is_not_asked_for_is_removed_and_nothing_else(
    changes: dict[str, Any], why: str, state: str, trained: Config, load_config: Load
) -> None:
    elbo = {"estimators": ["ST"], "latent_shapes": ["8x4"], "seeds": 4, "epochs": 2, **changes}
    config = load_config(experiments={"elbo": elbo})
    table = table_path(config, ST)
    table.with_name("mine.csv").touch()
    table.with_name("mine.json").touch()
    table.with_suffix(".runs.json.unreadable").touch()
    found = clean.leftovers(config)
    names = {"ST.csv", "ST.json"}, {"ST.runs.json"}, {"ST.checkpoint"}, {"ST.runs.json.unreadable"}
    whys = f"results {why}", f"results {why}", state, "finished runs that could not be read"
    assert [(one.name, one.why, {p.name for p in one.files}) for one in found] == [
        (ST, *entry) for entry in zip(whys, names, strict=True)
    ]
    assert clean.describe(found, removed=False).endswith("--remove deletes them")
    before = files(config)
    clean.remove(config, found)
    gone = {path.relative_to(config.folder).as_posix() for one in found for path in one.files}
    assert files(config) == {name: content for name, content in before.items() if name not in gone}
    assert listed(config) == {}


def test_studies_go_by_their_records(load_config: Load) -> None:
    config = load_config()
    planned_study = studies(config)["identities"]
    for name, fingerprint in (
        ("identities", planned_study.fingerprint),
        ("bridge", "another"),
        ("rl/Pong-9/RELAX", "another"),
    ):
        folder = config.folder / name
        folder.mkdir(parents=True)
        (folder / "numbers.csv").write_text("a\n")
        (folder / "own.txt").touch()
        record = {"fingerprint": fingerprint, "wall_seconds": 1.0}
        records.write(folder / "record.json", record, [folder / "numbers.csv"])
    # A record of another's, that names files outside.
    outside = config.folder / "precious"
    outside.touch()
    path = config.folder / "bridge/record.json"
    content = records.sealed(
        {"fingerprint": "another", "wall_seconds": 1.0}, [path.with_name("numbers.csv")]
    )
    content["checksums"]["../precious"] = ""
    path.write_text(json.dumps(content))
    assert listed(config) == {
        "bridge: a study of other settings or source": {"numbers.csv", "record.json"},
        "rl/Pong-9/RELAX: a study that is not in the configuration": {"numbers.csv", "record.json"},
    }
    clean.remove(config, clean.leftovers(config))
    left = {
        "identities/numbers.csv",
        "identities/record.json",
        "identities/own.txt",
        "bridge/own.txt",
    }
    assert set(files(config)) == {*left, "rl/Pong-9/RELAX/own.txt", "precious"}


def test_nothing_is_removed_below_a_run(trained: Config, load_config: Load) -> None:
    config = planned(load_config, 2, epochs=3)[0]
    found = clean.leftovers(config)
    assert found
    hold = (
        "import sys, pathlib; from reinrelax.execution import run_lock;"
        " run_lock.acquire(pathlib.Path(sys.argv[1]), "
    )
    hold += "pathlib.Path('none')); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(config.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "held\n"
        with pytest.raises(ResultsError, match="is in use by another run"):
            clean.remove(config, found)
        run.communicate()
    assert all(path.exists() for one in found for path in one.files)
