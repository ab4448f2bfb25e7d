"""Images: real files verified, damage named, nothing half-written, the fallback loud."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
import torchvision.datasets
from sklearn.datasets import load_digits

from reinrelax.datasets import data
from reinrelax.datasets import images as images_on_disk
from reinrelax.datasets.asked import Dataset
from reinrelax.datasets.images import Images
from reinrelax.errors import DataError, ReinrelaxError, ResultsError
from tests.conftest import MNIST_ROOT

SETTINGS = Dataset("mnist", "data", "digits", 1000, 100)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests name their folders."""
    monkeypatch.delenv("MNIST_ROOT", raising=False)


@pytest.fixture
def mnist_copy(mnist: Images, tmp_path: Path) -> Path:
    """A folder with the real files, to be damaged."""
    shutil.copytree(MNIST_ROOT / "MNIST", tmp_path / "MNIST")
    return tmp_path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download breaks off after it has written something."""

    def broken(root: Path, download: bool) -> NoReturn:
        raw = Path(root) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        (raw / "train-images-idx3-ubyte.gz").write_bytes(b"half")
        raise RuntimeError("connection lost")

    monkeypatch.setattr(torchvision.datasets, "MNIST", broken)


def test_real_mnist_has_its_size_and_mean(mnist: Images) -> None:
    assert mnist.train.shape == (60_000, 784)
    assert mnist.test.shape == (10_000, 784)
    assert mnist.train.dtype == np.uint8
    assert mnist.train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)


def test_a_corrupted_file_is_named_and_never_replaced_by_a_fallback(mnist_copy: Path) -> None:
    path = mnist_copy / "MNIST/raw/train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="train-images-idx3-ubyte is corrupted: SHA-256"):
        data.prepare(replace(SETTINGS, root=str(mnist_copy)))


def test_a_missing_file_is_named(mnist_copy: Path) -> None:
    (mnist_copy / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte is missing\. Supply the four"):
        data.prepare(replace(SETTINGS, root=str(mnist_copy)))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("changes", [{"when_missing": "error"}, {"root": "mine"}])
def test_interrupted_download_leaves_nothing_and_stops_where_told(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Told by `when_missing`, or by a folder that is not the one which nobody named."""
    settings = replace(SETTINGS, project=tmp_path, **changes)
    with pytest.raises(
        DataError, match=r"cannot be downloaded \(connection lost\)\. Set MNIST_ROOT"
    ):
        data.prepare(settings)
    assert list((tmp_path / settings.root).iterdir()) == []


@pytest.mark.usefixtures("offline")
def test_fallback_is_loud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = data.prepare(replace(SETTINGS, project=tmp_path))
    assert images.name == "digits"
    assert "WARNING: falling back to scikit-learn's embedded digits" in capsys.readouterr().err


def test_environment_takes_precedence_and_must_name_a_folder_with_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped one is an error whatever the configuration allows, and nothing is made or fetched
    there.
    """
    (tmp_path / "home/data/MNIST/raw").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for named in (str(tmp_path / "home/data"), "~/data"):
        assert data.root_of(Path("own"), {"MNIST_ROOT": named}) == tmp_path / "home/data"
    for nothing in ({}, {"MNIST_ROOT": ""}):
        assert data.root_of(Path("own"), nothing) == Path("own")
    (tmp_path / "file").write_text("")
    for named in (
        "~/date",
        str(tmp_path / "home/data/MNIST"),
        str(tmp_path / "file"),
        "~nobody-at-all/data",
    ):
        with pytest.raises(ReinrelaxError, match=r"^MNIST_ROOT: "):
            data.root_of(Path("own"), {"MNIST_ROOT": named})
        monkeypatch.setenv("MNIST_ROOT", named)
        for settings in (SETTINGS, replace(SETTINGS, when_missing="error")):
            with pytest.raises(ReinrelaxError, match=r"^MNIST_ROOT: "):
                data.prepare(settings)
            with pytest.raises(ReinrelaxError, match=r"^MNIST_ROOT: "):
                data.at_hand(settings, tmp_path / "nothing prepared")
    assert not (tmp_path / "home/date").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home"]


@pytest.mark.parametrize(("root", "expected"), [("data", "project/data"), ("~/data", "home/data")])
def test_the_root_is_taken_from_the_projects_folder(
    root: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = replace(SETTINGS, root=root, project=tmp_path / "project")
    assert settings.folder == tmp_path / expected
    assert repr(settings) == repr(replace(SETTINGS, root=root))  # what jobs depend on


def test_at_hand_is_found_or_prepared_before(digits: Images, tmp_path: Path) -> None:
    settings = replace(SETTINGS, root=str(tmp_path / "root"))
    assert not data.at_hand(settings, tmp_path / "prepared")
    assert data.at_hand(replace(settings, name="digits"), tmp_path / "prepared")
    images_on_disk.save(digits, tmp_path / "prepared")
    assert not data.at_hand(settings, tmp_path / "prepared")
    images_on_disk.save(replace(digits, name="mnist"), tmp_path / "prepared")
    assert data.at_hand(settings, tmp_path / "prepared")
    (tmp_path / "root/MNIST/raw").mkdir(parents=True)
    assert data.at_hand(settings, tmp_path / "nowhere")


def test_digits_look_like_mnist() -> None:
    images = data.embedded_digits()
    assert (images.train.shape, images.test.shape) == ((1500, 784), (297, 784))
    assert images.train.max() == 255
    assert 0.1 < images.train.mean() / 255 < 0.5


def test_digits_are_the_same_bytes_everywhere_and_resized_as_torch_does() -> None:
    images = data.embedded_digits()
    assert images.sha256 == "28e94d53a2698536df9e8e4e8d9be89f3fdfc2bcb87ab0ac952a1b34c5fead10"
    small = torch.tensor(load_digits().images)[:, None]
    large = torch.nn.functional.interpolate(
        small, size=(28, 28), mode="bilinear", align_corners=False
    )
    ours = torch.tensor(np.concatenate([images.train, images.test])).view(-1, 1, 28, 28)
    torch.testing.assert_close(ours.double(), large * (255 / 16), atol=0.5 + 1e-9, rtol=0)


@pytest.mark.parametrize("part", ["train", "test"])
def test_prepared_images_survive_the_disk_and_damage_is_seen(
    digits: Images, tmp_path: Path, part: str
) -> None:
    images_on_disk.save(digits, tmp_path)
    assert images_on_disk.load(tmp_path).sha256 == digits.sha256
    content = bytearray((tmp_path / f"{part}.npy").read_bytes())
    content[-1] ^= 1
    (tmp_path / f"{part}.npy").write_bytes(content)
    with pytest.raises(ResultsError, match=r"prepared images cannot be read \(pixels differ"):
        images_on_disk.load(tmp_path)
    (tmp_path / f"{part}.npy").unlink()
    with pytest.raises(ResultsError, match="Delete the folder and rerun"):
        images_on_disk.load(tmp_path)


def test_images_are_cut_to_what_was_asked(digits: Images) -> None:
    settings: dict[str, Any] = {
        "root": "x",
        "when_missing": "error",
        "train_images": 7,
        "test_images": None,
    }
    images = data.prepare(Dataset("digits", **settings))
    assert (len(images.train), len(images.test)) == (7, 297)
    np.testing.assert_array_equal(images.train, digits.train[:7])
