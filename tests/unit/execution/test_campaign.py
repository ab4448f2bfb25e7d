"""A scale in stages: their order, what is left out, failures, and an end in time."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from reinrelax import cli
from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.errors import ConfigError
from reinrelax.execution import campaign, estimates
from reinrelax.jobs.planned import jobs
from tests.conftest import DEADLINE, ROOT, merge, wait_for
from tests.helpers.pages import flat
from tests.helpers.synthetic import write_results, write_studies

Loader = Callable[..., Config]


def test_stages_have_every_job_once_and_the_conclusive_ones_first(load_config: Loader) -> None:
    config = load_config(experiments={"elbo": {"latent_shapes": ["10x30", "8x4", "8x16"]}})
    found = campaign.stages(config, ROOT)
    names = [job.name for stage in found for job in stage.jobs]
    assert sorted(names) == sorted(job.name for job in jobs(config).values())
    assert [stage.name for stage in found] == [
        "gradients, identities, copula, bridge, decoupled, properties, library",
        "relaxations",
        "rl",
        "gradients-run",
        "cost",
        "early/8x4",
        *("elbo/8x4", "elbo/8x4, other estimators"),
        *("elbo/10x30", "elbo/10x30, other estimators"),
        *("elbo/8x16", "elbo/8x16, other estimators"),
        *("beta/8x4", "readings/8x4", "grid/8x4"),
    ]
    members = {stage.name: [job.name for job in stage.jobs] for stage in found}
    assert members["early/8x4"] == ["early/8x4/ReinMax", "early-run/8x4/ReinMax-CV-run"]
    assert sorted(members["elbo/8x4"]) == [
        "elbo-run/8x4/ReinMax-CV-run",
        "elbo/8x4/ReinMax",
        "elbo/8x4/ReinMax-CV",
    ]
    assert members["elbo/8x4, other estimators"] == ["elbo/8x4/ST"]
    assert members["beta/8x4"][-1] == "beta-run/8x4/ReinMax-RK2-run"
    (alone,) = (stage for stage in found if stage.name == "cost")
    assert [job.name for job in alone.jobs] == ["cost"]
    left = estimates.remaining(config, ROOT)
    assert {name: s for stage in found for name, s in stage.seconds.items()} == left
    lines = campaign.describe(config, found, 2).splitlines()
    assert len(lines) == len(found) + 1
    assert lines[6].startswith("  7. elbo/8x4, 3 jobs: about ")


def test_the_papers_scale_begins_where_its_methods_differ_most() -> None:
    """Figure 2 on 8x4 follows Tables 2 and 3, its other shapes the readings."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/paper.yaml").read_text(encoding="utf-8")))
    names = [stage.name for stage in campaign.stages(configuration.load(raw, ROOT), ROOT)]
    shapes = ("8x4", "64x8", "16x12", "10x30", "8x16", "4x24")
    assert names[5:] == [
        *(f"early/{shape}" for shape in shapes),
        *(f"elbo/{shape}{more}" for shape in shapes for more in ("", ", other estimators")),
        *("beta/8x4", "readings/8x4", "beta/8x16", "beta/4x24"),
        *(f"grid/{shape}" for shape in shapes),
    ]


def test_what_is_done_is_no_stage(load_config: Loader) -> None:
    config = load_config()
    write_results(config, flat, only=lambda cell: cell.name != "elbo/4x24/ST")
    write_studies(config, only=lambda name: not name.startswith("rl/CartPole"))
    found = campaign.stages(config, ROOT)
    assert [[job.name for job in stage.jobs] for stage in found] == [
        ["rl/CartPole-v1-70/REINFORCE", "rl/CartPole-v1-70/RELAX"],
        ["elbo/4x24/ST"],
    ]
    write_results(config, flat)
    write_studies(config)
    assert campaign.describe(config, campaign.stages(config, ROOT), 2) == "all jobs are done"


def test_failures_hold_nothing_up_and_the_time_does(
    load_config: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config()
    asked: list[list[str]] = []

    def workflow(
        files: Sequence[Path], cores: str, targets: Sequence[str], end: float | None, root: Path
    ) -> int | None:
        assert root == ROOT
        asked.append(list(targets))
        return [0, 1, 0, 0, 0, 0, None][len(asked) - 1]

    monkeypatch.setattr(campaign, "workflow", workflow)
    said: list[str] = []
    outcome = campaign.run(config, [Path("config.yaml")], "2", 1.0, said.append, ROOT)
    assert outcome.failed == ("relaxations",)
    assert (outcome.out_of_time, outcome.interrupted) == (True, False)
    assert [stage.name for stage in outcome.left] == [
        stage.name for stage in campaign.stages(config, ROOT)
    ]
    assert len(asked) == 7
    folder = config.folder.as_posix()
    assert {f"{folder}/gradients/8x4/ReinMax.{suffix}" for suffix in ("csv", "json")} <= set(
        asked[0]
    )
    assert f"{folder}/identities/record.json" in asked[0]
    assert asked[6] == [
        f"{folder}/{name}.{suffix}"
        for name in ("elbo/8x4/ReinMax", "elbo/8x4/ReinMax-CV", "elbo-run/8x4/ReinMax-CV-run")
        for suffix in ("csv", "json")
    ]
    assert any(line.startswith("\n7 of 13: elbo/8x4") for line in said)
    whole = len(jobs(config))
    assert any(
        line.startswith(f"all stages: 0 of {whole} jobs done, {whole} left: about ")
        for line in said
    )


@pytest.fixture
def stubborn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of Snakemake a run that takes no notice of interrupts, nor does its job."""
    script = tmp_path / "python"
    script.write_text(
        "#!/bin/sh\ntrap '' INT TERM\nsleep 3600 &\n"
        f'echo $! > "{tmp_path}/new" && mv "{tmp_path}/new" "{tmp_path}/job"\nwait\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(campaign.sys, "executable", str(script))
    monkeypatch.setattr(campaign, "GRACE_SECONDS", 0.2)
    return tmp_path / "job"


def _works(job: int) -> bool:
    """Whether a process is there that has not ended."""
    status = Path(f"/proc/{job}/stat")
    return status.exists() and "Z" not in status.read_text().split()[2]


def test_nothing_outlives_the_time(stubborn: Path) -> None:
    clock = time.monotonic()
    assert campaign.workflow([], "1", ["target"], clock + 1) is None
    assert 1 <= time.monotonic() - clock < DEADLINE
    job = int(stubborn.read_text())
    wait_for("end of the job", lambda: not _works(job))
    assert campaign.workflow([], "1", ["target"], time.monotonic() - 1) is None


def test_an_interrupt_ends_what_runs(
    stubborn: Path, load_config: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM, as a system sends it when it wants a process to end."""
    config = load_config()
    wait = campaign.subprocess.Popen.wait
    interrupts: list[int] = []

    def interrupted(self: "campaign.subprocess.Popen[bytes]", timeout: float | None = None) -> int:
        if self.args[0] == campaign.sys.executable and timeout is None and not interrupts:  # type: ignore[index]
            interrupts.append(15)
            while not stubborn.exists():
                time.sleep(0.02)
            os.kill(os.getpid(), interrupts[0])
            time.sleep(5)
        return wait(self, timeout)

    monkeypatch.setattr(campaign.subprocess.Popen, "wait", interrupted)
    outcome = campaign.run(config, [], "1", None, lambda line: None, ROOT)
    assert outcome.interrupted
    assert outcome.failed == ()
    assert not Path(f"/proc/{int(stubborn.read_text())}/exe").exists()


def test_less_time_than_the_report_takes_is_refused(load_config: Loader) -> None:
    with pytest.raises(
        ConfigError, match=r"0\.05 hours is too short: 4 minutes are reserved for .* Give more time"
    ):
        campaign.run(load_config(), [], "1", 0.05, print, ROOT)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        *(
            ("--hours", value, "a positive number of hours is needed")
            for value in ("abc", "0", "-1", "inf", "nan")
        ),
        *(
            ("--cores", value, "a positive number or `all` is needed")
            for value in ("0", "two", "-1", "²")
        ),
    ],
)
def test_wrong_options_are_named(
    option: str, value: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["campaign", f"{option}={value}"])
    assert stopped.value.code == 2
    assert f"argument {option}: {says}" in capsys.readouterr().err
