"""Why results are stale."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reinrelax.config.load import Config
from reinrelax.core import past, records, sources
from reinrelax.execution import estimates
from reinrelax.jobs.job import Job
from reinrelax.jobs.planned import jobs
from tests.conftest import ROOT
from tests.helpers.source_tree import SourceTree

Load = Callable[..., Config]


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A commit whose source differs from today's in a constant of the random numbers' alone."""
    tree = SourceTree(tmp_path)
    tree.replace("reinrelax.core.rng", '"big") >> 1', '"big") >> 2')
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "then"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(past, "REPOSITORY", tmp_path)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return head.stdout.strip()


def recorded(config: Config, name: str, **changes: object) -> Job:
    """A job's record, as of a finished one."""
    job = jobs(config)[name]
    known = {
        "fingerprint": job.fingerprint,
        "settings_hash": job.settings_hash,
        "source_hash": job.source_hash,
        "config": config.raw,
        "commit": "unknown",
        "wall_seconds": 1.0,
        "images_trained": 1,
    }
    for path in job.results:
        (config.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (config.folder / path).write_text("quantity\n")
    record = known | changes
    records.write(config.folder / job.record, record)
    return job


def said(config: Config) -> list[str]:
    return [
        line
        for line in estimates.describe(config, 2, ROOT).splitlines()
        if line.startswith("stale")
    ]


def test_the_plan_says_what_changed(load_config: Load, commit: str) -> None:
    config = load_config()
    recorded(config, "identities")
    assert said(config) == []
    other = {"fingerprint": "0" * 64, "source_hash": f"{sources.FORMAT}0"}
    recorded(config, "identities", **other, commit=commit)
    recorded(config, "elbo/8x4/ST", **other, commit=commit)
    recorded(config, "bridge", **other, commit="1" * 40)
    found = said(config)
    assert (
        f"stale: elbo/8x4/ST and 1 more: another source since commit {commit[:12]}: core.rng.derive"
        in found
    )
    assert f"stale: bridge: another source, of commit {'1' * 40}" in found
    # What had another name then.
    moved = "reinrelax.experiments.identities.measure"
    assert past.changed_since(commit, [moved]) is not None
    assert past.changed_since(commit, [moved, f"{moved}:measured_elsewhere"]) is None
    (config.folder / "bridge/record.json").write_text("{")
    assert "stale: bridge: the record is damaged" in said(config)


def test_the_plan_says_which_settings_are_others(load_config: Load) -> None:
    recorded(load_config(experiments={"elbo": {"epochs": 3}}), "elbo/8x4/ST")
    recorded(load_config(experiments={"bridge": {"samples": 777}}), "bridge")
    experiments, found = load_config().raw["experiments"], said(load_config())
    for name, key, then in (("elbo/8x4/ST", "elbo.epochs", 3), ("bridge", "bridge.samples", 777)):
        part, what = key.split(".")
        now = experiments[part][what]
        assert f"stale: {name}: other settings: experiments.{key}: {then}, now {now}" in found
