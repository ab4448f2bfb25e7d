"""Every remedy that an error prints is known here by its words, with the test that does what it
says.
"""

import ast
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torchvision.datasets

from reinrelax import cli
from reinrelax.config.load import Config
from reinrelax.datasets import data, images
from reinrelax.datasets.images import Images
from reinrelax.errors import ReinrelaxError
from reinrelax.execution import gpu_lease
from reinrelax.experiments.cost.figures import RESULTS, plans
from reinrelax.reporting.difference_page import write_difference
from reinrelax.results.labels import reference
from reinrelax.results.merge import merge
from reinrelax.results.packed import unpack
from reinrelax.results.published import publish
from tests.conftest import MNIST_ROOT, ROOT
from tests.helpers.pages import flat
from tests.helpers.synthetic import write_results

Loader = Callable[..., Config]
# Of whole runs, in tests/workflow.
_RERUN = "test_damage_is_mended_by_what_its_message_says"
_FULL = "test_short_memory_and_full_disk_stop_their_jobs_alone"
_ABSENT, _SPOILT = "test_images_that_are_not_there", "test_spoilt_images"
_FASHION = "test_fashion_mnist_is_read_from_torchvisions_layout"
_OMNIGLOT = "test_omniglot_is_read_by_torchvision_in_the_order_of_names"
_FOLDER = "test_what_is_wrong_with_a_folder_is_named"
REMEDIES = {
    "Delete it and rerun": _RERUN,
    "Delete it and rerun, or give the configuration it was made with": _RERUN,
    "Delete them and rerun": _RERUN,
    "Delete it and run snakemake again": _RERUN,
    "Delete it, if it exists, and run snakemake again": _RERUN,
    "Delete the folder and rerun": "test_damaged_images_are_mended_by_what_their_message_says",
    "Delete the file and run snakemake again; if all its replicas diverged, change their settings": (
        "test_a_snapshot_that_is_wanted_and_absent_is_made_by_its_training"
    ),
    "Delete {} and rerun": "test_every_planned_job_is_done_whichever_of_its_files_is_absent",
    "Make the folder writable, free disk space, or set `results` to another folder.": _FULL,
    "Run fewer jobs at once (--cores) or lower machine.max_replicas_per_job; on a GPU, lower machine.jobs_per_gpu": (
        _FULL
    ),
    "Set it to the folder that contains {}, or unset MNIST_ROOT to download MNIST": _ABSENT,
    "Set MNIST_ROOT to a folder that contains MNIST/raw with the four uncompressed files": _ABSENT,
    "Set dataset.root to a folder that contains {}/raw with the four uncompressed files": _FASHION,
    "Supply the four uncompressed files of {}/raw, or delete it to download them": _FASHION,
    "Set dataset.root to a folder that contains {} as torchvision leaves it": _OMNIGLOT,
    "Delete it to download it again": _OMNIGLOT,
    "Set dataset.root to a folder with images in train and test": _FOLDER,
    "Set dataset.root to the folder that contains them": _OMNIGLOT,
    "Replace or delete it": _FOLDER,
    "Set dataset.root or MNIST_ROOT": _ABSENT,
    "Replace it with the published file, or delete it and its folder to download it": _SPOILT,
    "Supply the four uncompressed files of MNIST/raw, or delete {} to download them": _SPOILT,
    "Write the full path": _ABSENT,
    "Set TMPDIR to a writable folder on this machine": "test_a_folder_for_locks",
    "Restore it from the repository": "test_files_of_the_project",
    "Restore it from the repository, or run make bench": "test_files_of_the_project",
    "Restore it: git checkout -- {}": "test_published_results",
    "Restore it: git checkout -- {}. If an earlier version packed it, delete it and publish again": (
        "test_published_results"
    ),
    "Replace it with the file": "test_links_out_of_a_results_folder_are_refused",
    "Rename it": "test_published_results",
    "Delete one of them": "test_published_results",
    "Commit the source, delete the files of these jobs (also .runs.json) and run them again": (
        "test_published_results"
    ),
    "Copy that file as well": "test_merged_results",
    "Keep one: delete {} or {}": "test_merged_results",
    "Merge only folders of the same data set": "test_merged_results",
    "Name that folder, or give the configuration of this folder's scale": "test_merged_results",
    "Give two results folders, such as results/quick": "test_differences",
    "Run `{}`": "test_differences",
    "Delete it; settings are then not compared until a run writes it again": "test_differences",
    "Give more time": "test_less_time_than_the_report_takes_is_refused",
    "Commit first": "test_published_results",
    "Set machine.device: cpu if this is intended": (
        "test_a_gpu_that_is_shown_and_cannot_compute_is_not_believed"
    ),
    "Run snakemake first": "test_nothing_to_compare_with_is_said",
}
_VERBS = "Commit|Copy|Delete|Give|Install|Keep|Make|Merge|Name|Put|Rename|Replace|Restore|Run|Set|Start|Supply|Try"
_REMEDY = re.compile(rf"(?:^|[.:] )((?:{_VERBS}|Unset|Use|Write) [^\n]*)$")


def text_of(node: ast.AST) -> str:
    """What stands in the source as text, with {} for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    return ""


def printed() -> Iterator[str]:
    """Remedies in the messages of errors, of warnings, and in constants that these end with."""
    for path in sorted((ROOT / "src/reinrelax").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        messages: list[ast.AST] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name.endswith("Error") or name in ("say", "print", "append"):
                    messages += node.args
            elif isinstance(node, ast.Assign) and "REMEDY" in ast.unparse(node.targets[0]):
                messages.append(node.value)
        for message in messages:
            yield from _REMEDY.findall(text_of(message))


def test_every_printed_remedy_is_known_and_has_its_test() -> None:
    assert set(printed()) == set(REMEDIES)
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    for remedy, test in REMEDIES.items():
        assert f"def {test}(" in tests, remedy


@pytest.fixture
def one(load_config: Loader) -> Config:
    """A configuration of which one training is done, with the images that it asks for."""
    config = load_config()
    compute(config, commit="c" * 40)
    return config


def compute(config: Config, shade: int = 0, **record: Any) -> None:
    digits = data.embedded_digits()
    prepared = Images("digits", digits.train[: 300 + shade], digits.test[:100])
    images.save(prepared, config.folder / "data")
    write_results(
        config, flat, only=lambda cell: cell.name == "elbo/8x4/ST", sha256=prepared.sha256, **record
    )


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ReinrelaxError) as caught:
        call()
    return str(caught.value)


def test_published_results(one: Config, tmp_path: Path) -> None:
    into, place = tmp_path / "published/test", tmp_path / "unpacked/test"
    record, table = one.folder / "elbo/8x4/ST.json", one.folder / "elbo/8x4/ST.csv"
    compute(one, commit="unknown")
    assert "Commit the source, delete the files of these jobs" in refused(
        lambda: publish(one, into)
    )
    record.unlink()
    table.unlink()
    compute(one, commit="c" * 40)
    publish(one, into)

    place.mkdir(parents=True)
    (place / "mine").touch()
    assert refused(lambda: unpack(into, place)).endswith(
        f"{place}: already contains results, which published ones do not replace. Rename it"
    )
    place.rename(place.with_name("mine"))
    unpack(into, place)
    assert (place / "elbo/8x4/ST.csv").read_bytes() == table.read_bytes()

    def git(*arguments: str) -> None:
        identity = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "core.hooksPath=/dev/null",
        ]
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    git("init", "-q")
    git("add", "published")
    git("commit", "-q", "-m", "published")
    packed = into / "elbo/8x4/ST.csv.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    said = refused(lambda: unpack(into, place))
    git(*re.findall(r"Restore it: git (checkout) (--) (.*)$", said)[0])
    unpack(into, place)
    assert (place / "elbo/8x4/ST.csv").read_bytes() == table.read_bytes()
    manifest = json.loads((into / "manifest.json").read_text())
    del manifest["files"]
    (into / "manifest.json").write_text(json.dumps(manifest))
    assert "delete it and publish again" in refused(lambda: unpack(into, place))
    shutil.rmtree(into)
    publish(one, into)
    unpack(into, place)
    assert (place / "elbo/8x4/ST.csv").read_bytes() == table.read_bytes()

    compute(one, shade=1, commit="c" * 40)
    for path in one.folder.rglob("elbo/8x4/ST.*"):
        path.rename(path.with_name(path.name.replace("ST", "ReinMax")))
    shutil.rmtree(one.folder)
    other = data.embedded_digits()
    images.save(Images("digits", other.train[:301], other.test[:100]), one.folder / "data")
    write_results(
        one,
        flat,
        only=lambda cell: cell.name == "elbo/8x4/ReinMax",
        sha256=images.load(one.folder / "data").sha256,
        commit="c" * 40,
    )
    assert "from different images. Delete one of them" in refused(lambda: publish(one, into))
    shutil.rmtree(into)
    assert publish(one, into).taken == ("elbo/8x4/ReinMax",)


def test_merged_results(load_config: Loader, tmp_path: Path) -> None:
    def machine(name: str, shade: int = 0, **record: Any) -> Path:
        config = load_config(results=str(tmp_path / name))
        compute(config, shade, **record)
        return config.folder

    a, b, c = machine("a"), machine("b"), machine("c", 1)
    config = load_config()
    wrong = tmp_path / "results/quick"
    assert "Name that folder, or give the configuration of this folder's scale" in refused(
        lambda: merge(config, wrong, [a])
    )
    table = b / "elbo/8x4/ST.csv"
    table.write_text(
        table.read_text(encoding="utf-8") + table.read_text(encoding="utf-8").splitlines()[-1]
    )
    said = refused(lambda: merge(config, config.folder, [a, b]))
    second, _ = re.findall(r"Keep one: delete (\S+) or (\S+)$", said)[0]
    Path(second).unlink()
    assert "different data sets. Merge only folders of the same data set" in refused(
        lambda: merge(config, config.folder, [a, c])
    )
    data_record = a / "data/data.json"
    text = data_record.read_bytes()
    record = a / "elbo/8x4/ST.json"
    record.write_text(re.sub(r'"sha256": "\w+"', '"other": 0', record.read_text(encoding="utf-8")))
    data_record.unlink()
    assert "Copy that file as well" in refused(lambda: merge(config, config.folder, [a, b]))
    data_record.write_bytes(text)
    assert merge(config, config.folder, [a, b]).taken[a] == ["elbo/8x4/ST"]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network from which the published files come."""
    real = torchvision.datasets.MNIST

    def fetch(root: Path, download: bool = False, **options: Any) -> object:
        if not download:
            return real(root, **options)
        shutil.copytree(MNIST_ROOT / "MNIST", Path(root) / "MNIST", copy_function=link)
        return None

    monkeypatch.setattr(torchvision.datasets, "MNIST", fetch)


def link(source: str, target: str) -> None:
    """In the place of a copy, which would take longer."""
    Path(target).symlink_to(Path(source).resolve())


@pytest.mark.usefixtures("fetched")
def test_spoilt_images(tmp_path: Path) -> None:
    root = tmp_path / "data"
    path = root / "MNIST/raw/t10k-labels-idx1-ubyte"
    shutil.copytree(MNIST_ROOT / "MNIST", root / "MNIST", copy_function=link)
    path.unlink()
    said = refused(lambda: data.mnist(root))
    shutil.rmtree(re.findall(r"or delete (\S+) to download them", said)[0])
    assert len(data.mnist(root).test) == 10_000
    path.unlink()
    path.write_bytes(b"spoilt")
    assert "Replace it with the published file" in refused(lambda: data.mnist(root))
    path.unlink()
    link(str(MNIST_ROOT / "MNIST/raw" / path.name), str(path))
    assert len(data.mnist(root).test) == 10_000


@pytest.mark.usefixtures("fetched")
def test_images_that_are_not_there(
    load_config: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "mistyped"))
    settings = load_config(dataset={"name": "mnist", "root": str(tmp_path / "own")}).dataset
    assert "Set it to the folder that contains MNIST/raw, or unset MNIST_ROOT" in refused(
        lambda: data.prepare(settings)
    )
    monkeypatch.setenv("MNIST_ROOT", "~no-user-of-this-name/data")
    assert "MNIST_ROOT: ~no-user-of-this-name/data does not name a known user" in refused(
        lambda: data.prepare(settings)
    )
    monkeypatch.setenv("MNIST_ROOT", str(MNIST_ROOT))
    assert data.prepare(settings).name == "mnist"
    monkeypatch.delenv("MNIST_ROOT")
    assert data.prepare(settings).name == "mnist"
    assert (tmp_path / "own/MNIST/raw").is_dir()
    (tmp_path / "file").touch()
    assert "Set dataset.root or MNIST_ROOT" in refused(lambda: data.mnist(tmp_path / "file/data"))


def test_a_folder_for_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))

    def leased() -> str:
        with gpu_lease.lease(["0"], 1) as gpu:
            return gpu

    assert "Set TMPDIR to a writable folder on this machine" in refused(leased)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert leased() == "0"
    # A lock that cannot be opened, as in a folder that may only be read.
    (tmp_path / "reinrelax-leases/0.0.lock").unlink()
    (tmp_path / "reinrelax-leases/0.0.lock").mkdir()
    assert "Set TMPDIR to a writable folder on this machine" in refused(leased)


def test_files_of_the_project(tmp_path: Path) -> None:
    path = tmp_path / "report/reference/table1.csv"
    assert "Restore it from the repository" in refused(lambda: reference(tmp_path, path.stem))
    shutil.copytree(ROOT / "report/reference", path.parent)
    name = next(path.parent.glob("*.csv")).stem
    assert reference(tmp_path, name)
    shutil.copytree(ROOT / RESULTS, tmp_path / RESULTS)
    expected = plans(tmp_path / RESULTS)
    timings = tmp_path / RESULTS / "cpu.csv"
    for path in (timings, timings.with_suffix(".json")):
        whole = path.read_bytes()
        path.write_bytes(b"\xff")
        said = refused(lambda: plans(tmp_path / RESULTS))
        assert said.endswith(". Restore it from the repository, or run make bench"), said
        path.write_bytes(whole)
    assert repr(plans(tmp_path / RESULTS)) == repr(expected)


def test_differences(one: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "diff.html"
    folder = one.folder

    def compared() -> None:
        write_difference(folder, folder, page, ROOT)

    assert "Give two results folders" in refused(
        lambda: write_difference(folder / "mistyped", folder, page, ROOT)
    )
    settings = folder / "config.yaml"
    settings.write_text("scale: [", encoding="utf-8")
    command = re.findall(r"Run `python -m reinrelax (.*)`$", refused(compared))[0]
    called: list[tuple[str, Path]] = []
    monkeypatch.setattr(
        cli, "_report", lambda options: called.append((folder.name, options.config[0]))
    )
    with pytest.raises(SystemExit) as ended:
        cli.main(command.split())
    assert (ended.value.code, called) == (0, [("test", settings)])
    for name, text in {
        "jobs.csv": "job,state\n",
        "claims.json": "[]",
    }.items():
        (folder / "tables").mkdir(exist_ok=True)
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    assert "Delete it; settings are then not compared" in refused(compared)
    settings.unlink()
    compared()
    assert page.is_file()
