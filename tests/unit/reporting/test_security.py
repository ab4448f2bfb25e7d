"""What comes from files and the configuration is data: it is not run, and it stays where it
belongs.
"""

import ast
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.core.types import LatentShape
from reinrelax.datasets import images
from reinrelax.datasets.images import Images
from reinrelax.errors import ConfigError, ResultsError
from reinrelax.experiments.discrete_vae.measure import make_trainer
from reinrelax.experiments.snapshots import read_snapshot
from reinrelax.jobs.runs import cells
from reinrelax.reporting import collect, exports, figures
from reinrelax.training import checkpoint
from tests.conftest import ROOT
from tests.helpers.pages import Text, flat, rendered, to_be_changed
from tests.helpers.synthetic import write_results, write_studies

EVIL = "<script>alert(1)</script>&<b onload='x'>\""
SOURCES = [
    *(ROOT / "src").rglob("*.py"),
    *(ROOT / "workflow").rglob("*.py"),
    *(ROOT / "benchmarks").rglob("*.py"),
]
# Calls that run text, or what a file says.
FORBIDDEN = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "os.system",
        "os.popen",
        "marshal.loads",
        "shelve.open",
    ),
    *(
        "pickle.load",
        "pickle.loads",
        "yaml.load",
        "yaml.load_all",
        "yaml.unsafe_load",
        "yaml.full_load",
    ),
    *("yaml.unsafe_load_all", "subprocess.getoutput", "subprocess.getstatusoutput", "joblib.load"),
    *("pd.read_pickle", "pd.eval"),
}
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}


def unsafe(source: str) -> Iterator[str]:
    """What a Python file does that could run what it reads."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
            yield from (f"import {name}" for name in names if name.split(".")[0] in MODULES)
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name in FORBIDDEN or name.endswith(".unsafe_load"):
            yield name
        if given.get("shell", "False") != "False":
            yield f"{name} with a shell"
        if name == "torch.load" and given.get("weights_only") != "True":
            yield "torch.load of any object"
        if name in ("np.load", "numpy.load") and given.get("allow_pickle", "False") != "False":
            yield "np.load of any object"


def test_no_source_runs_what_it_reads() -> None:
    assert len(SOURCES) > 100
    found = {
        str(path.relative_to(ROOT)): list(unsafe(path.read_text(encoding="utf-8")))
        for path in SOURCES
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        *(
            "eval('1')",
            "exec(x)",
            "import pickle",
            "from pickle import load",
            "pickle.loads(b)",
            "yaml.load(f)",
        ),
        *(
            "os.system('ls')",
            "subprocess.run('ls', shell=True)",
            "torch.load(f)",
            "torch.load(f, weights_only=x)",
        ),
        *(
            "np.load(f, allow_pickle=True)",
            "yaml.unsafe_load(f)",
            "yaml.load(f, Loader=yaml.Loader)",
        ),
    ],
)
def test_the_scan_finds(source: str) -> None:
    assert list(unsafe(source))


def test_snakefiles_have_no_shell_line_but_the_one_that_is_tested_here() -> None:
    """Rules take theirs from `reinrelax(...)`, or from `compute(...)`, which is made of it; what they
    put into it is quoted or cannot hold a space.
    """
    paths = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    assert len(paths) > 5
    after = [part.lstrip().split("(")[0] for part in text.split("    shell:\n")[1:]]
    assert len(after) > 5
    assert set(after) == {"reinrelax", "compute"}
    body = text.split("\ndef compute(")[1].split("\ndef ")[0]
    assert re.findall(r"return (\w+)\(", body) == ["reinrelax"]
    assert "{wildcards.\\1:q}" in body
    for word in ("eval(", "exec(", "shell(", "os.system", "subprocess", "pickle"):
        assert word not in text, word


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_the_bomb_works(tmp_path: Path) -> None:
    torch.save({"fingerprint": "same", "bomb": Bomb(tmp_path / "burst")}, tmp_path / "file")
    torch.load(tmp_path / "file", weights_only=False)
    assert (tmp_path / "burst").exists()


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_checkpoint_cannot_run_anything(
    load_config: Callable[..., Config],
    digits: Images,
    tmp_path: Path,
    how: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, burst = tmp_path / "c", tmp_path / "burst"
    state = {"fingerprint": "same", "bomb": Bomb(burst)}
    torch.save(state, path) if how == "torch" else path.write_bytes(pickle.dumps(state))
    trainer = make_trainer(cells(load_config())["elbo/8x4/ST"].runs, digits, "cpu")
    assert not checkpoint.restore(path, trainer, "same")
    assert "is damaged; training starts anew" in capsys.readouterr().err
    assert not burst.exists()


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_snapshot_cannot_run_anything(tmp_path: Path, how: str) -> None:
    path, burst = tmp_path / "s.pt", tmp_path / "burst"
    content = {"seeds": [0], "kept": {0: Bomb(burst)}}
    torch.save(content, path) if how == "torch" else path.write_bytes(pickle.dumps(content))
    with pytest.raises(ResultsError, match="no usable snapshot of epoch 0"):
        read_snapshot(path, LatentShape(8, 4), 0, "cpu")
    assert not burst.exists()


def test_images_cannot_run_anything(tmp_path: Path) -> None:
    images.save(
        Images("digits", np.zeros((1, 784), np.uint8), np.zeros((1, 784), np.uint8)), tmp_path
    )
    np.save(
        tmp_path / "train.npy",
        np.array([Bomb(tmp_path / "burst")], dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(ResultsError, match="prepared images cannot be read"):
        images.load(tmp_path)
    assert not (tmp_path / "burst").exists()


def test_pictures_cannot_run_anything(load_config: Callable[..., Config], tmp_path: Path) -> None:
    config = load_config()
    write_results(config, flat, only=lambda cell: cell.first.experiment == "relaxations")
    path = config.folder / "relaxations/2x20/REBAR.npz"
    np.savez(path, run_ids=np.array([Bomb(tmp_path / "burst")], dtype=object))
    with suppress(ResultsError):  # which names the file; or the tables go without it
        collect.write_tables(config, ROOT)
    assert not (tmp_path / "burst").exists()


def test_whatever_records_and_tables_say_is_text_on_the_page(
    load_config: Callable[..., Config],
) -> None:
    config = load_config()
    texts = (
        "host",
        "device",
        "commit",
        "platform",
        "processor",
        "python",
        "torch",
        "numpy",
        "started",
        "dataset",
    )
    write_results(config, flat, **dict.fromkeys(texts, EVIL))
    write_studies(config, **dict.fromkeys(texts, EVIL))
    folder = config.folder
    damaged = folder / "elbo/8x4/ST.json"
    damaged.write_text(json.dumps({"fingerprint": EVIL, "wall_seconds": 1, "images_trained": 1}))
    log = folder / "logs/train/elbo/8x4/ST.log"
    log.parent.mkdir(parents=True)
    log.write_text(EVIL)
    collect.write_tables(config, ROOT)
    to_be_changed(folder)
    claims = json.loads((folder / "tables/claims.json").read_text())
    for claim in claims:
        for key, value in claim.items():
            if key in ("statement", "note", "where", "rule", "source", "reason") and isinstance(
                value, str | None
            ):
                claim[key] = EVIL
    (folder / "tables/claims.json").write_text(json.dumps(claims))
    jobs_table = folder / "tables/jobs.csv"
    jobs_table.write_text(jobs_table.read_text().replace("ReinMax-CV", EVIL.replace('"', '""')))
    figures.write_figures(config, ROOT)
    exports.write_exports(config, ROOT)
    html = rendered(config)
    assert "<script>alert" not in html
    assert "<b onload" not in html
    assert html.count("&lt;script&gt;alert(1)") > 10
    assert "alert(1)</script>" not in html  # nor does it end a script that holds data
    for tag, attributes in Text(html).tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not (attributes.get("href") or "").lower().startswith("javascript:")


HARMLESS = "r 'q\" $(touch x1);touch x2 #&|<>~!`touch x3`[a]*?\\b%"


def shell_line(command: str, config_file: str, project: str, log: str) -> str:
    """A rule's shell line, rendered by common.smk's own function as Snakemake formats it."""
    text = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
    function = re.findall(r"^def reinrelax\(.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0]
    settings = SimpleNamespace(project=Path(project))
    names: dict[str, Any] = {
        **{"shlex": shlex, "Path": Path, "CONFIG_FILE": Path(config_file), "SETTINGS": settings}
    }
    exec(function, names)
    line: str = names["reinrelax"](command)
    return line.replace("{log:q}", shlex.quote(log)).replace("{{", "{").replace("}}", "}")


def test_a_shell_line_holds_any_folder_as_one_word(tmp_path: Path) -> None:
    """The program is replaced by one that tells its arguments; the shell is the real one."""
    fake = tmp_path / "bin/python3"
    fake.parent.mkdir()
    fake.write_text(
        f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\nsys.exit(1)\n"
    )
    fake.chmod(0o755)
    line = shell_line("judge", f"{HARMLESS}/test/config.yaml", f"/{HARMLESS}{{x}}", "a log;touch y")
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout) == [
        *("-m", "reinrelax", "judge", "--config", f"{HARMLESS}/test/config.yaml"),
        *("--project", f"/{HARMLESS}{{x}}"),
    ]
    assert done.returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a log;touch y", "bin"]


@pytest.mark.slow
def test_the_workflow_runs_in_a_folder_with_any_name(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for part in ("Snakefile", "config.yaml", "environment.yml"):
        shutil.copyfile(ROOT / part, project / part)
    for part in ("workflow", "report", "benchmarks"):
        shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path for path in project.rglob("*")}
    (tmp_path / "evil.yaml").write_text(yaml.safe_dump({"results": HARMLESS}))
    arguments = ["--cores", "1", "--quiet", "all", "--configfile", "workflow/scales/test.yaml"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "snakemake",
            *arguments,
            str(tmp_path / "evil.yaml"),
            "--",
            "identities",
        ],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / HARMLESS / "test/identities/record.json").is_file()
    made = {path.relative_to(project).parts[0] for path in set(project.rglob("*")) - before}
    assert made == {HARMLESS, ".snakemake"}


@pytest.mark.parametrize("scale", ["../x", "a/b", "/etc", "..", "x;y", "$(x)", "x y"])
def test_a_scale_cannot_leave_the_results_folder(
    load_config: Callable[..., Config], scale: str
) -> None:
    with pytest.raises(ConfigError, match="scale: must be a name"):
        load_config(scale=scale)


@pytest.mark.parametrize("results", ["results", "../elsewhere", "/somewhere/else", "a/../b"])
def test_results_lie_where_the_user_says_and_nowhere_else(
    raw_config: dict[str, Any], results: str
) -> None:
    """A folder elsewhere is a user's right, and what is written lies in the scale's own folder
    below it.
    """
    config = configuration.load({**raw_config, "results": results}, ROOT)
    assert config.folder == Path(results) / "test"
