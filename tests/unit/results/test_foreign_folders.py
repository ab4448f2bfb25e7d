"""Folders that come from elsewhere: nothing outside of them is read, nothing larger than it is said
to be.
"""

import gzip
import json
import shutil
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reinrelax.cli import main
from reinrelax.config.load import Config
from reinrelax.errors import ResultsError
from reinrelax.results import pictures
from reinrelax.results.merge import merge
from reinrelax.results.packed import unpack
from reinrelax.results.published import publish
from tests.conftest import ROOT, at_scale
from tests.unit.results.test_published import compute


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path]:
    """A configuration whose every job is done, and where its results are published."""
    folder = tmp_path_factory.mktemp("finished")
    config = replace(at_scale("test"), results=folder / "results")
    compute(config)
    publish(config, folder / "published/test")
    return config, folder / "published/test"


def manifest_says(packed: Path, **files: float) -> None:
    path = packed / "manifest.json"
    content = json.loads(path.read_text())
    content["files"] |= {name.replace("__", "/"): size for name, size in files.items()}
    path.write_text(json.dumps(content))


def linked_out(packed: Path) -> None:
    table = packed / "identities/identities.csv.gz"
    shutil.copy(table, packed.parent / "secret")
    table.unlink()
    table.symlink_to(packed.parent / "secret")


def folder_linked_out(packed: Path) -> None:
    (packed / "identities").rename(packed.parent / "elsewhere")
    (packed / "identities").symlink_to("../elsewhere")


def swollen(packed: Path) -> None:
    zeros = gzip.compress(bytes(10**8))
    (packed / "identities/identities.csv.gz").write_bytes(zeros)


def swollen_and_said(packed: Path) -> None:
    path = packed / "manifest.json"
    content = json.loads(path.read_text())
    content["files"]["identities/identities.csv"] = 10**10
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            linked_out,
            (
                r"identities.csv.gz: is a link to \S+secret, outside its folder. Replace it with the"
                r" file"
            ),
        ),
        (folder_linked_out, r"identities: is a link to ../elsewhere, outside its folder"),
        (
            swollen,
            (
                r"identities.csv.gz: cannot be unpacked \(it has more than the \d+ bytes stated in"
                r" the manifest"
            ),
        ),
        (
            swollen_and_said,
            r"manifest.json: lists files of 10.0 GB in total; the limit is 2.1 GB",
        ),
        (
            lambda packed: manifest_says(packed, **{"..__secret.csv": 5}),
            r"lists '../secret.csv', which is no",
        ),
        (
            lambda packed: manifest_says(packed, **{"__etc__passwd": 5}),
            r"lists '/etc/passwd', which is not a file",
        ),
        (
            lambda packed: manifest_says(packed, **{"": 5}),
            r"lists '', which is not a file in this folder",
        ),
        (
            lambda packed: manifest_says(packed, **{"a\0": 5}),
            r"lists 'a\\x00', which is not a file",
        ),
        (
            lambda packed: manifest_says(packed, **{"a.csv": 1e999}),
            r"does not list the folder's files",
        ),
        (
            lambda packed: manifest_says(packed, **{"more.csv": 5}),
            r"more.csv.gz: is missing. Restore it: git checkout",
        ),
        (
            lambda packed: manifest_says(packed, **{"identities__record.json": 1}),
            r"more than the 1 bytes",
        ),
        (
            lambda packed: manifest_says(packed, **{"identities__record.json": 10**6}),
            r"it has \d+ fewer than",
        ),
        (
            lambda packed: (packed / "manifest.json").write_text("{}"),
            r"does not list the folder's files",
        ),
    ],
)
def test_a_packed_folder_is_not_trusted(
    results: tuple[Config, Path], tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    finished, published = results
    packed, into = tmp_path / "published/test", tmp_path / "mine/test"
    shutil.copytree(published, packed)
    spoil(packed)
    for use in (
        lambda: unpack(packed, into),
        lambda: merge(finished, into, [packed]),
        lambda: publish(finished, packed),
    ):
        tracemalloc.start()
        with pytest.raises(ResultsError, match=says):
            use()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5e7
        assert not into.exists()


def test_links_out_of_a_results_folder_are_refused(
    results: tuple[Config, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link within it is as good as the file."""
    finished, _ = results
    other = tmp_path / "other/test"
    shutil.copytree(finished.folder, other)
    into, table = tmp_path / "mine/test", other / "identities/identities.csv"
    table.rename(other / "identities/moved.csv")
    table.symlink_to("moved.csv")
    merge(finished, into, [other])
    shutil.rmtree(into)
    (other / "identities/moved.csv").rename(tmp_path / "moved.csv")
    table.unlink()
    table.symlink_to(tmp_path / "moved.csv")
    with pytest.raises(ResultsError, match=r"identities.csv: is a link to \S+, outside its folder"):
        merge(finished, into, [other])
    assert not into.exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="1"):
        main(["diff", str(tmp_path / "empty"), str(other), "--project", str(ROOT)])
    assert "outside its folder" in capsys.readouterr().err
    assert not (tmp_path / "diff.html").exists()
    table.unlink()
    (tmp_path / "moved.csv").rename(table)
    merge(finished, into, [other])
    assert (into / "identities/identities.csv").read_bytes() == table.read_bytes()


def test_pictures_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", zeros=np.zeros(2**28 + 1, dtype=np.uint8))
    with pytest.raises(
        ResultsError, match=r"x.npz: cannot be read as pictures .* unpacks to 268 MB"
    ):
        pictures.read(tmp_path / "x.npz")
