"""Files that other programs run the project by: each names what is there, and all the same."""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.conftest import ROOT


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_actions_and_hooks_run_what_is_here() -> None:
    tests = yaml.safe_load(text(".github/workflows/tests.yml"))["jobs"]["tests"]
    assert tests["steps"][-1] == {"run": ".ci/run"}
    (oldest,) = re.findall(r'requires-python = ">=(.+)"', text("pyproject.toml"))
    assert tests["strategy"]["matrix"]["python"][0] == oldest
    hooks = [
        hook
        for repo in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
        for hook in repo["hooks"]
    ]
    for hook in hooks:
        program, target = hook["entry"].split()
        assert program == "make"
        assert re.search(rf"^{target}:", text("Makefile"), re.MULTILINE)


def test_both_images_have_the_lock_and_the_same_packages() -> None:
    recipes = [text(f"container/{name}") for name in ("reinrelax.def", "Dockerfile")]
    found = [
        (
            re.findall(r"^from:? (\S+)", recipe, re.MULTILINE | re.IGNORECASE),
            re.findall(r"--no-install-recommends (.+?)(?: \\)?$", recipe, re.MULTILINE),
            re.findall(r"pip install .+", recipe),
        )
        for recipe in recipes
    ]
    assert found[0] == found[1]
    assert all(len(part) == 1 for part in found[0])
    assert "--require-hashes --requirement /requirements.lock" in found[0][2][0]


def test_the_readme_of_the_configuration_names_all_of_it() -> None:
    named = set(
        re.findall(
            r"`(\w+)`", "".join(re.findall(r"^\| (.+?) \|", text("config/README.md"), re.MULTILINE))
        )
    )
    assert named >= set(yaml.safe_load(text("config.yaml"))) - {"settings_table", "settings_as_run"}


def test_make_clean_removes_the_environment_and_names_what_stays(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (".venv/bin/python", "results/quick/report.html", "published/paper/README.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("content")
    done = subprocess.run(
        ["make", "clean"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Makefile", "published", "results"]
    assert re.findall(r"^[\d.]+[KMG]?\t(.+)$", done.stdout, re.MULTILINE) == [
        "results",
        "published",
    ]
