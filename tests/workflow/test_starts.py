"""Every way to start the workflow, and what it may leave behind."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_args

from tests.conftest import ROOT
from tests.workflow.planted import SCALE, rules, start, whole
from tests.workflow.test_readme import block

pytestmark = pytest.mark.slow


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files below a folder but Snakemake's own, with times and contents."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and ".snakemake" not in path.parts
    }


def test_from_another_directory_with_the_workflows_own_files_and_results_there(
    project: Path,
) -> None:
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    before = state(project)
    scale = project / "workflow/scales/test.yaml"
    done = start(elsewhere, "--snakefile", str(project / "Snakefile"), "--configfile", str(scale))
    assert done.returncode == 0, done.stdout + done.stderr
    assert whole(elsewhere)
    assert state(project) == before
    assert sorted(path.name for path in elsewhere.iterdir()) == [".snakemake", "results"]


def another_workflow(project: Path, *more: str) -> Path:
    """A workflow in a folder of its own that uses this one, as the README shows."""
    folder = project.parent / "another"
    folder.mkdir()
    scale = yaml.safe_load((project / "workflow/scales/test.yaml").read_text(encoding="utf-8"))
    text = block("module replication:").replace(
        "path/to/reinrelax/Snakefile", str(project / "Snakefile")
    )
    own = "\n".join([f"    config: { ({**scale, 'results': 'mine'})!r}", *more])
    text = re.sub("^    config: .*$", lambda _: own, text, flags=re.MULTILINE)
    (folder / "Snakefile").write_text(text, encoding="utf-8")
    return folder


def test_as_a_module_of_another_workflow(project: Path) -> None:
    """Its jobs are real ones here; what it is not told is as in the project's own configuration."""
    folder = another_workflow(project)
    before = state(project)
    some = ("replication_identities", "replication_data")
    done = start(
        folder, "--workflow-profile", str(project / "profiles/default"), "--", *some, BASH_ENV=""
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = folder / "mine/test"
    assert (results / "identities/record.json").is_file()
    assert (results / "data/data.json").is_file()
    assert (results / "config.yaml").is_file()
    plan = start(folder, "--dry-run", "--", "everything")
    assert plan.returncode == 0, plan.stderr
    found = rules(plan.stdout)
    finished = rules(start(project, *SCALE, "--dry-run", "--forceall").stdout)
    expected = {f"replication_{name}": count for name, count in finished.items() if name != "all"}
    del expected["replication_identities"], expected["replication_data"]
    assert found == {**expected, "everything": 1}
    assert state(project) == before


def test_a_module_whose_prefix_would_move_its_results_says_what_to_do(project: Path) -> None:
    done = start(another_workflow(project, '    prefix: "moved"'), "--dry-run", "everything")
    assert done.returncode != 0
    assert (
        "jobs write to the folder given by `results`. Set it in the module's `config`"
        in done.stdout
    )


def test_nested_numbers_and_targets_in_the_order_that_the_readme_shows(project: Path) -> None:
    """A nested value is what it would be in a file, also where Snakemake hands it to its jobs."""
    nested = "experiments={elbo: {epochs: 3}, identities: {functions: 4}}"
    shown = start(
        *(project, "--dry-run", "--quiet", "host", *SCALE),
        *("--config", nested, "machine={threads: 2}", "--", "identities"),
    )
    assert shown.returncode == 0, shown.stderr
    assert rules(shown.stdout) == {"identities": 1}
    assert "threads: 2" in shown.stdout
    first = start(project, "identities", "relaxations", "--dry-run", *SCALE)
    assert first.returncode == 0, first.stderr
    assert "Nothing to be done" in first.stdout


@pytest.mark.parametrize("name", ["elbo", "early", "beta", "grid", "readings"])
def test_an_experiment_is_a_target(project: Path, name: str) -> None:
    tables = [
        path
        for suffix in ("", "-run")
        for path in project.glob(f"results/test/{name}{suffix}/*/*.csv")
    ]
    for path in tables:
        path.unlink()
    planned = start(project, "--dry-run", *SCALE, "--", name)
    assert planned.returncode == 0, planned.stderr
    assert rules(planned.stdout) == {"train": len(tables), name: 1}


def test_some_of_it_is_asked_for_and_the_page_is_of_that(project: Path) -> None:
    """Of what is finished and left out nothing is lost."""
    before = state(project / "results")
    (project / "results/test/beta/8x4/ReinMax-RK2.csv").unlink()
    only = "only={experiments: [elbo], shapes: [8x4], estimators: [ST, ReinMax]}"
    done = start(project, *SCALE, "--config", only, BASH_ENV="")
    assert done.returncode == 0, done.stderr
    html = (project / "results/test/report.html").read_text(encoding="utf-8")
    assert "experiments: elbo, shapes: 8x4, estimators: ST, ReinMax" in html
    assert "2 of 2 cells done" in html
    after = state(project / "results")
    assert {
        name for name in before if name.endswith(".csv") and "/tables/" not in name
    } - after.keys() == {"test/beta/8x4/ReinMax-RK2.csv"}
    again = start(project, *SCALE, "--config", only, "--dry-run")
    assert "Nothing to be done" in again.stdout
    wrong = start(
        project, *SCALE, "--config", "only={experiments: [elbo], shapes: [9x9]}", "--dry-run"
    )
    assert "only.shapes[0]: no requested training has '9x9'" in wrong.stderr + wrong.stdout


def shown() -> Iterator[tuple[str, str]]:
    """Commands of Snakemake's that documents and files of the project show, with where they are
    shown.
    """
    named = ("README.md", "CONTRIBUTING.md", "config.yaml", "Makefile")
    paths = [*(ROOT / name for name in named), *(ROOT / "docs").glob("*.md")]
    paths += [
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "report").rglob("*.j2"),
        *(ROOT / "workflow").rglob("*.yaml"),
    ]
    for path in sorted(paths):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.search(r"\bsnakemake (-[^`#)]*)", line)
            if found and not re.search(r"[{$]", found[1]):
                command = re.split(r"[\"…]| {2}|, |\. ", found[1].replace('\\"', "'"))[0]
                yield path.relative_to(ROOT).as_posix(), command


def test_no_option_of_a_shown_command_swallows_its_targets() -> None:
    commands = sorted(set(shown()))
    assert len(commands) > 10
    for place, command in commands:
        words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]
        _, options = parse_args(words)
        assert all((ROOT / path).is_file() for path in options.configfile), (place, command)
        assert all("=" in word for word in options.config or []), (place, command)


@pytest.mark.parametrize("option", ["--dry-run", "--summary"])
def test_what_starts_no_job_changes_no_results(project: Path, option: str) -> None:
    """Also with another configuration of the same scale, and one of a scale that has no results
    yet.
    """
    before = state(project / "results")
    other = project / "other.yaml"
    other.write_text("machine: {checkpoint_every_epochs: 7}\nexperiments: {elbo: {epochs: 3}}\n")
    done = start(project, *SCALE, "other.yaml", option)
    assert done.returncode == 0, done.stderr
    lock = {"test/.running"} if option == "--summary" else set()
    changed = {
        name for name, content in state(project / "results").items() if before.get(name) != content
    }
    assert changed <= lock
    if option == "--dry-run":
        new = start(project, *SCALE, option, "--config", "scale=new")
        assert new.returncode == 0, new.stderr
        assert [path.name for path in (project / "results").iterdir()] == ["test"]


def test_a_tilde_is_the_home_folder(project: Path, tmp_path: Path) -> None:
    """In the configuration; and what MNIST_ROOT names there has no MNIST, and nothing takes its
    place.
    """
    home = tmp_path / "home"
    home.mkdir()
    there = start(
        *(
            project,
            *SCALE,
            "--dry-run",
            "--quiet",
            "host",
            "--config",
            "results=~/mine",
            "--",
            "identities",
        ),
        HOME=str(home),
    )
    assert there.returncode == 0, there.stderr
    assert f"output: {home}/mine/test/identities/identities.csv" in there.stdout
    before = state(project)
    wrong = start(project, "--config", "scale=mistyped", HOME=str(home), MNIST_ROOT="~/date")
    assert wrong.returncode != 0
    assert wrong.stderr.count(f"MNIST_ROOT: {home}/date has no folder MNIST/raw. ") == 1, (
        wrong.stderr
    )
    assert "Traceback" not in wrong.stderr
    assert not (home / "date").exists()
    assert not (project / "~").exists()
    assert state(project) == before


def test_every_job_has_its_configuration_among_its_inputs() -> None:
    """Or it would lack it where nodes share no folder."""
    rules_of = [text for path in (ROOT / "workflow/rules").glob("*.smk") for text in blocks(path)]
    calling = [
        text for text in rules_of if re.search(r"^ +(reinrelax|compute)\(", text, re.MULTILINE)
    ]
    assert len(calling) == 10
    assert all("        CONFIGURED,\n" in text for text in calling)


def test_without_a_home_folder_that_can_be_written(project: Path) -> None:
    """As README.md starts it: jobs compute, and compile their kernels, with nothing set."""
    tables = ("elbo/8x4/ReinMax-CV", "identities/identities")
    for name in tables:
        (project / f"results/test/{name}.csv").unlink()
    (project / "results/test/elbo/8x4/ReinMax-CV.runs.json").unlink(missing_ok=True)
    done = start(
        *(project, *SCALE, "--", *(f"results/test/{name}.csv" for name in tables)),
        **{"HOME": "/dev/null/home", "XDG_CACHE_HOME": "", "BASH_ENV": ""},
    )
    assert done.returncode == 0, done.stderr
    log = project / "results/test/logs/train/elbo/8x4/ReinMax-CV.log"
    assert "WARNING" not in log.read_text(encoding="utf-8")
    assert list((project / ".snakemake/cache/reinrelax").glob("conditional-*.so"))


def blocks(path: Path) -> list[str]:
    """The rules of a file, and what follows each."""
    return re.split(
        r"^ *(?=(?:rule|use rule)\b)", path.read_text(encoding="utf-8"), flags=re.MULTILINE
    )[1:]
