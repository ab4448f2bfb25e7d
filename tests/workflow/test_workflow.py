"""The workflow as a user runs it, on the tests' scale: whole, again, after changes, kills and mistakes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from reinrelax.config.declared import CAPTIONS
from tests.conftest import ROOT, made_once, merge

pytestmark = pytest.mark.slow
SCALE = ["--configfile", "workflow/scales/test.yaml"]
PARTS = ["Snakefile", "config.yaml", "workflow", "profiles", "report", "benchmarks", "environment.yml"]


def copy_project(target: Path) -> Path:
    """The project's files as a clone has them: without results, and with file times of now."""
    ignore = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        source = ROOT / part
        if source.is_symlink():
            (target / part).symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, target / part, ignore=ignore, copy_function=shutil.copyfile)
        else:
            target.mkdir(exist_ok=True)
            shutil.copyfile(source, target / part)
    return target


def run(folder: Path, *arguments: str, module: str = "snakemake") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=environment,
    )


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "--cores", "2", *SCALE, *arguments)


def planned(folder: Path, *arguments: str) -> set[str]:
    """The trainings that a run would do."""
    done = snakemake(folder, "--dry-run", "--quiet", "host", "--", *arguments) if arguments else None
    done = done or snakemake(folder, "--dry-run", "--quiet", "host")
    assert done.returncode == 0, done.stderr
    return jobs(done)


def jobs(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Names of the cells that a dry run lists."""
    lines = (done.stdout + done.stderr).splitlines()
    outputs = [
        line.split("output:")[1].split(",")[0].strip() for line in lines if line.strip().startswith("output:")
    ]
    kinds = (
        "/elbo/",
        "/elbo-run/",
        "/early/",
        "/early-run/",
        "/beta/",
        "/beta-run/",
        "/grid/",
        "/readings/",
        "/gradients/",
        "/identities/",
        "/cost/",
    )
    return {
        o.removeprefix("results/test/").removesuffix(".csv") for o in outputs if any(k in o for k in kinds)
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which the workflow has run, for one test process."""
    made = made_once(tmp_path_factory, "finished", run_all)
    return copy_of(made, tmp_path_factory.mktemp("finished") / "project")


def run_all(folder: Path) -> None:
    done = snakemake(copy_project(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report: results/test/report.html" in done.stdout + done.stderr
    assert "elbo/8x4/ReinMax: 2 replicas x 2 epochs" in done.stdout


def copy_of(folder: Path, target: Path) -> Path:
    """A copy with times as they were, because Snakemake compares them."""
    return Path(shutil.copytree(folder, target, copy_function=shutil.copy2, symlinks=True))


@pytest.fixture
def copy_of_finished(finished: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return copy_of(finished, tmp_path / "project")


def test_everything_is_there(finished: Path) -> None:
    results = finished / "results/test"
    for cell in ("8x4/ST", "8x4/ReinMax", "8x4/ReinMax-CV", "4x24/ST", "4x24/ReinMax", "4x24/ReinMax-CV"):
        lines = (results / f"elbo/{cell}.csv").read_text().splitlines()
        assert len(lines) == 1 + 2 * 2, cell
        record = json.loads((results / f"elbo/{cell}.json").read_text())
        assert record["seeds"] == [0, 1]
        assert record["dataset"]["name"] == "digits"
        assert record["diverged"] == {}
        assert record["wall_seconds"] > 0
        assert (results / f"logs/train/elbo/{cell}.log").exists()
        assert (results / f"benchmarks/train/elbo/{cell}.tsv").exists()
        assert not (results / f"elbo/{cell}.checkpoint").exists()
    for cell, rows in (
        ("beta/8x4/ReinMax-RK2", 3 * 2),
        ("grid/8x4/ReinMax-CV", 2),
        ("readings/8x4/ReinMax", 4),
    ):
        assert len((results / f"{cell}.csv").read_text().splitlines()) == 1 + rows, cell
    for study in ("gradients/epoch-0", "gradients/epoch-2", "identities", "cost", "rl/Taxi-v4-30/RELAX"):
        assert json.loads((results / study / "record.json").read_text())["wall_seconds"] > 0
        assert (results / f"logs/studies/{study}.log").exists()
    for figure in (
        "figure1",
        "figure2",
        "figure3",
        "figure4",
        "quadrature",
        "control",
        "sweep",
        "grid",
        "readings",
    ):
        assert (results / f"figures/{figure}.svg").stat().st_size > 1000, figure
    assert "ReinMax-CV" in (results / "report.html").read_text()


def test_a_second_run_does_nothing(finished: Path) -> None:
    done = snakemake(finished)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_snakemakes_own_report_has_all_results_by_kind_with_captions(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network: whatever asked for one would meet a closed port."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    done = snakemake(finished, "--report", str(tmp_path / "report.zip"))
    assert done.returncode == 0, done.stdout + done.stderr
    with ZipFile(tmp_path / "report.zip") as archive:
        page = archive.read("report/report.html").decode()
        names = archive.namelist()
    categories, results = (
        json.loads(re.findall(rf"^ *var {name} = (\{{.*\}});?$", page, re.MULTILINE)[0])
        for name in ("categories", "results")
    )
    assert {name: set(kinds) for name, kinds in categories.items()} == {
        "Beyond ReinMax": {"Figures", "Tables"},
        "Just Relax It!": {"Figures", "Tables"},
        "Report": {"Figures", "Page", "Tables"},
    }
    tables = categories["Beyond ReinMax"]["Tables"]
    assert {f"results/test/tables/table2.{suffix}" for suffix in ("csv", "tex", "md")} <= set(tables)
    assert "results/test/figures/a-figure3.svg" in categories["Just Relax It!"]["Figures"]
    assert results["results/test/tables/table2.tex"]["labels"] == {"shows": "Table 2", "format": "LaTeX"}
    listed = {path for kinds in categories.values() for paths in kinds.values() for path in paths}
    assert listed == set(results)
    for path, result in results.items():
        assert f"<strong>{result['labels']['shows']}</strong>" in result["caption"], path
        if Path(path).stem not in ("speed", "scaling"):  # of the benchmark, which is of no scale
            assert "Scale: test." in result["caption"], path
        assert f"report/{result['data_uri']}" in names, path
    assert {name for _, name in CAPTIONS} == {Path(path).stem for path in results}


def test_plan_counts_what_is_left(finished: Path) -> None:
    scale = ["--config", "config.yaml", "--config", "workflow/scales/test.yaml"]
    done = run(finished, "plan", *scale, module="reinrelax")
    assert re.search(r"^0 of \d+ jobs to do, 0 replicas:", done.stdout, re.MULTILINE), done.stderr
    paper = run(
        finished,
        "plan",
        "--config",
        "config.yaml",
        "--config",
        "workflow/scales/paper.yaml",
        module="reinrelax",
    )
    assert "233 of 233 jobs to do, 2852 replicas" in paper.stdout, paper.stderr


def test_new_file_times_rerun_nothing(copy_of_finished: Path) -> None:
    """As after a fresh clone beside old results."""
    for part in PARTS:
        for path in [copy_of_finished / part, *(copy_of_finished / part).rglob("*")]:
            os.utime(path)
    assert planned(copy_of_finished) == set()


def test_a_change_reruns_only_what_depends_on_it(copy_of_finished: Path) -> None:
    path = copy_of_finished / "workflow/scales/test.yaml"
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    merge(raw, {"settings": {"ReinMax": {"4x24": {"tau": 1.1}}}})
    path.write_text(yaml.safe_dump(raw))
    assert planned(copy_of_finished) == {"elbo/4x24/ReinMax"}
    merge(
        raw,
        {"settings": {}, "experiments": {"elbo": {"estimators": ["ST", "ReinMax", "ReinMax-CV", "STGS"]}}},
    )
    path.write_text(yaml.safe_dump(raw))
    assert planned(copy_of_finished) == {"elbo/4x24/ReinMax", "elbo/8x4/STGS", "elbo/4x24/STGS"}


def test_a_seed_more_trains_that_seed_alone(copy_of_finished: Path) -> None:
    results = copy_of_finished / "results/test/elbo"
    before = (results / "8x4/ST.csv").read_text()
    path = copy_of_finished / "workflow/scales/test.yaml"
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    merge(raw, {"experiments": {"elbo": {"seeds": 3}}})
    path.write_text(yaml.safe_dump(raw))
    names = ("ST", "ReinMax", "ReinMax-CV")
    assert planned(copy_of_finished) == {
        *(f"elbo/{shape}/{name}" for shape in ("8x4", "4x24") for name in names),
        *(f"elbo-run/{shape}/ReinMax-CV-run" for shape in ("8x4", "4x24")),
    }
    done = snakemake(copy_of_finished, "--", "results/test/elbo/8x4/ST.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((results / "8x4/ST.json").read_text())
    assert record["images_trained"] == 2 * 300  # epochs and images of one run
    assert len(record["reused"]) == 2
    assert (results / "8x4/ST.csv").read_text().startswith(before)


def test_a_change_of_a_study_reruns_that_study(copy_of_finished: Path) -> None:
    path = copy_of_finished / "workflow/scales/test.yaml"
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    merge(raw, {"experiments": {"gradients": {"samples": 40}, "identities": {"functions": 4}}})
    path.write_text(yaml.safe_dump(raw))
    studies = {f"gradients/epoch-{epoch}/estimators" for epoch in (0, 2)}
    assert planned(copy_of_finished) == {*studies, "identities/identities"}
    merge(raw, {"experiments": {"gradients": {"training": {"epochs": 3}}}})
    path.write_text(yaml.safe_dump(raw))
    studies |= {"gradients/epoch-3/estimators", "gradients/8x4/ReinMax"}
    assert planned(copy_of_finished) == {*studies, "identities/identities"}


def test_stale_tables_are_shown_as_such_by_the_report(copy_of_finished: Path) -> None:
    scale = ["--config", "config.yaml", "--config", "workflow/scales/test.yaml"]
    path = copy_of_finished / "workflow/scales/test.yaml"
    raw = yaml.safe_load(path.read_text())
    raw["settings"] = {"ReinMax": {"4x24": {"tau": 1.1}}}
    path.write_text(yaml.safe_dump(raw))
    done = run(copy_of_finished, "report", *scale, module="reinrelax")
    assert done.returncode == 0, done.stderr
    assert (
        "computed from another configuration or source"
        in (copy_of_finished / "results/test/details.html").read_text()
    )


def train(folder: Path, config: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "reinrelax",
        "compute",
        "--config",
        str(config),
        "--job",
        "elbo/8x4/ReinMax-CV",
    ]


def test_a_killed_training_goes_on_and_ends_with_the_same_table(finished: Path, tmp_path: Path) -> None:
    tables = []
    for name in ("straight", "killed"):
        raw = yaml.safe_load((finished / "results/test/config.yaml").read_text())
        merge(raw, {"results": str(tmp_path / name), "experiments": {"elbo": {"epochs": 12}}})
        config = tmp_path / f"{name}.yaml"
        config.write_text(yaml.safe_dump(raw))
        shutil.copytree(finished / "results/test/data", tmp_path / name / "test/data")
        folder = tmp_path / name / "test/elbo/8x4"
        if name == "killed":
            job = subprocess.Popen(train(finished, config), cwd=finished, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while not (folder / "ReinMax-CV.checkpoint").exists():
                assert time.monotonic() < deadline
                assert job.poll() is None, "finished before it could be killed"
                time.sleep(0.005)
            job.send_signal(signal.SIGKILL)
            assert job.wait() == -signal.SIGKILL
            assert not (folder / "ReinMax-CV.csv").exists()
        subprocess.run(train(finished, config), cwd=finished, check=True, capture_output=True)
        record = json.loads((folder / "ReinMax-CV.json").read_text())
        assert (record["resumed_after_epoch"] > 0) == (name == "killed")
        tables.append((folder / "ReinMax-CV.csv").read_bytes())
        names = ["ReinMax-CV.csv", "ReinMax-CV.json", "ReinMax-CV.runs.json"]
        assert sorted(p.name for p in folder.iterdir()) == names
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config", "sead=1"], "configuration: unknown key 'sead'; allowed: dataset, experiments"),
        (["--config", "scale=../up"], "scale: must be a name of a-z"),
        (
            ["--config", "experiments={elbo: {epochs: many}}"],
            "experiments.elbo.epochs: must be of type integer",
        ),
        (["--config", "results=config.yaml"], "cannot be written"),
    ],
)
def test_bad_input_stops_before_any_job(tmp_path: Path, arguments: list[str], says: str) -> None:
    folder = copy_project(tmp_path / "project")
    done = snakemake(folder, *arguments)
    assert done.returncode != 0
    assert says in done.stdout + done.stderr
    assert not (folder / "results").exists()


def test_missing_images_stop_with_the_remedy(tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    (folder / "empty/MNIST/raw").mkdir(parents=True)
    arguments = ["--config", "dataset={name: mnist, root: empty, when_missing: error}"]
    environment = os.environ.pop("MNIST_ROOT", None)
    try:
        done = snakemake(folder, *arguments, "--", "results/test/elbo/8x4/ST.csv")
    finally:
        if environment is not None:
            os.environ["MNIST_ROOT"] = environment
    assert done.returncode != 0
    assert (
        "train-images-idx3-ubyte is missing. Supply the four uncompressed files" in done.stdout + done.stderr
    )
    assert not list((folder / "results/test").rglob("*.npy"))


def test_slurm_profile_is_accepted(finished: Path, tmp_path: Path) -> None:
    done = run(finished, "--dry-run", "--workflow-profile", "workflow/profiles/slurm", *SCALE)
    assert done.returncode == 0, done.stdout + done.stderr
