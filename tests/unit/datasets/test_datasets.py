"""Every data set of the catalogue, and that all that depends on the size of its images
follows it.
"""

import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torchvision.datasets
from PIL import Image

from reinrelax import datasets
from reinrelax.config.load import Config
from reinrelax.datasets import data, images
from reinrelax.datasets.asked import Dataset
from reinrelax.datasets.images import Images
from reinrelax.errors import ConfigError, DataError
from reinrelax.execution import estimates
from reinrelax.experiments.cost import measure as cost
from reinrelax.experiments.study import run_study
from reinrelax.experiments.training import train_cell
from reinrelax.jobs.runs import cells, table_path
from reinrelax.jobs.studies import studies
from tests.conftest import ROOT
from tests.helpers.pages import Text, build, flat
from tests.helpers.synthetic import write_results

Load = Callable[..., Config]
WIDTH, HEIGHT = 20, 12  # no square, and no multiple of a vector


def grey(count: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray[Any, Any]:
    return np.random.default_rng(count).integers(0, 256, (count, height, width), dtype=np.uint8)


def write_folder(root: Path, train: int = 140, test: int = 20) -> None:
    for part, count in (("train", train), ("test", test)):
        (root / part).mkdir(parents=True)
        for index, pixels in enumerate(grey(count)):
            Image.fromarray(pixels).save(root / part / f"{index:04}.png")


def settings(name: str, root: Path) -> Dataset:
    return Dataset(name, str(root), "error", None, None)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_ROOT", raising=False)

    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("no network")

    for module in (torchvision.datasets.mnist, torchvision.datasets.omniglot):
        monkeypatch.setattr(module, "download_and_extract_archive", refused)


@pytest.mark.parametrize("name", datasets.CATALOGUE)
def test_an_entry_keeps_the_contract(name: str, tmp_path: Path, load_config: Load) -> None:
    entry = datasets.lookup(name)
    assert datasets.title(name) == entry.title
    asked = settings(name, tmp_path)
    assert load_config(dataset={"name": name, "root": str(tmp_path)}).dataset.name == name
    if entry.size and entry.at_hand(tmp_path):  # made, or in a package; a folder's size is its own
        found = data.prepare(asked)
        size = asked.size
        assert found.train.shape == (size.train, size.pixels)
        assert (found.test.shape, found.width) == ((size.test, size.pixels), size.width)
        return
    # What is not there is named, with what to do, and nothing is left.
    with pytest.raises(DataError, match=r"Set (dataset\.root|MNIST_ROOT) to a folder"):
        data.prepare(asked)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError):
        data.prepare(replace(asked, when_missing="digits", root=str(tmp_path)))


def test_fashion_mnist_is_read_from_torchvisions_layout(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 7), ("t10k", 3)):
        pixels = grey(count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 2051, count, 28, 28) + pixels.tobytes()
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2i", 2049, count) + bytes(count)
        )
    found = data.prepare(settings("fashion-mnist", tmp_path))
    assert (found.name, found.train.tobytes(), len(found.test)) == (
        "fashion-mnist",
        grey(7, 28, 28).tobytes(),
        3,
    )
    assert data.at_hand(settings("fashion-mnist", tmp_path), tmp_path / "none")
    (raw / "t10k-images-idx3-ubyte").write_bytes(b"\0")
    with pytest.raises(DataError, match=r"FashionMNIST: cannot be read .* Supply the four"):
        data.prepare(settings("fashion-mnist", tmp_path))
    shutil.rmtree(tmp_path / "FashionMNIST")
    with pytest.raises(
        DataError,
        match=r"cannot be downloaded \(.*no network ?\)\. Set dataset\.root to a folder that",
    ):
        data.prepare(settings("fashion-mnist", tmp_path))


def test_omniglot_is_read_by_torchvision_in_the_order_of_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torchvision looks at the checksum of each archive, and reads what lies unpacked beside it."""
    sums = {}
    for part, count in (("images_background", 4), ("images_evaluation", 2)):
        folder = tmp_path / "omniglot-py" / part
        for index in reversed(range(count)):
            place = folder / f"Alphabet_{index // 2}" / "character01"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((105, 105), 255 * (index % 2), np.uint8)).convert("1").save(
                place / f"{index:04}.png"
            )
        with zipfile.ZipFile(f"{folder}.zip", "w") as archive:
            archive.write(folder, part)
        sums[part] = md5(Path(f"{folder}.zip").read_bytes()).hexdigest()
    asked = settings("omniglot", tmp_path)
    with pytest.raises(DataError, match=r"omniglot-py: Dataset not found or corrupted.* Delete it"):
        data.prepare(asked)
    monkeypatch.setattr(torchvision.datasets.Omniglot, "zips_md5", sums)
    found = data.prepare(asked)
    assert (found.train.shape, found.test.shape, found.width) == (
        (4, 105 * 105),
        (2, 105 * 105),
        105,
    )
    # Ink is black on paper, and large here.
    assert found.train.mean(1).tolist() == [255, 0, 255, 0]
    shutil.rmtree(tmp_path / "omniglot-py/images_evaluation")
    (tmp_path / "omniglot-py/images_evaluation").mkdir()
    with pytest.raises(
        DataError,
        match=r"images_evaluation: contains no PNG files\. Set dataset\.root to the folder",
    ):
        data.prepare(asked)
    shutil.rmtree(tmp_path / "omniglot-py")
    with pytest.raises(
        DataError,
        match=r"cannot be downloaded \(.*no network ?\)\. Set dataset\.root to a folder that",
    ):
        data.prepare(asked)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda root: Image.new("RGB", (WIDTH, HEIGHT)).save(root / "train/0001.png"),
            r"train/0001\.png: is not an 8-bit greyscale image",
        ),
        (
            lambda root: Image.new("L", (9, 9)).save(root / "test/0000.png"),
            r"test/0000\.png: has 9×9 pixels, .* 20×12",
        ),
        (
            lambda root: (root / "train/0002.png").write_bytes(b"no"),
            r"train/0002\.png: cannot be read as an image",
        ),
        (
            lambda root: [path.unlink() for path in (root / "test").glob("*")],
            r"test: contains no PNG files\. Set",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    write_folder(tmp_path, 4, 2)
    spoil(tmp_path)
    with pytest.raises(DataError, match=says):
        data.prepare(settings("folder", tmp_path))
    # What the messages say: delete it, convert or replace it, or name another folder.
    for path in (tmp_path / "train/0001.png", tmp_path / "train/0002.png"):
        path.unlink()
    Image.fromarray(grey(1)[0]).save(tmp_path / "test/0000.png")
    assert len(data.prepare(settings("folder", tmp_path)).train) == 2


def test_sizes_follow_from_the_data_set(tmp_path: Path, load_config: Load) -> None:
    write_folder(tmp_path / "faces")
    own = {
        "name": "folder",
        "root": str(tmp_path / "faces"),
        "train_images": None,
        "test_images": 15,
    }
    config = load_config(dataset=own, experiments={"gradients": {"images": 4}})
    assert config.dataset.size == datasets.Size(WIDTH, HEIGHT, 140, 15)
    with pytest.raises(
        ConfigError, match=r"elbo: batch_size must be at most dataset\.train_images = 140; got 141"
    ):
        load_config(dataset=own, experiments={"elbo": {"batch_size": 141}})
    timings = estimates.reference(ROOT)
    name = "elbo/8x4/ReinMax"
    ours, usual, large = (
        cells(load_config(dataset=dataset))[name]
        for dataset in (
            own,
            {"name": "mnist", "train_images": 140},
            {"name": "omniglot", "train_images": 140},
        )
    )
    for reckoned in (estimates.memory_mb, lambda cell: estimates.training_seconds(cell, timings)):
        assert reckoned(ours) < reckoned(usual) < reckoned(large)


@pytest.fixture
def trained(tmp_path: Path, load_config: Load) -> Config:
    """Some of each kind of job, on a folder of images."""
    write_folder(tmp_path / "faces")
    config = load_config(
        dataset={
            "name": "folder",
            "root": str(tmp_path / "faces"),
            "train_images": None,
            "test_images": None,
        },
        only={
            "experiments": ["elbo", "relaxations", "gradients"],
            "shapes": ["8x4", "2x4"],
            "estimators": ["ReinMax", "ST-Bernoulli"],
        },
        experiments={"relaxations": {"latents": {"ST-Bernoulli": {"latent_shape": "2x4"}}}},
    )
    prepared = data.prepare(config.dataset)
    images.save(prepared, config.folder / "data")
    read = images.load(config.folder / "data")
    assert (read.name, read.width, read.sha256) == ("folder:faces", WIDTH, prepared.sha256)
    assert data.at_hand(config.dataset, config.folder / "data")
    for cell in cells(config).values():
        options: dict[str, Any] = {"device": "cpu", "checkpoint_every": 5, "extra": {}}
        record = train_cell(cell, read, table=table_path(config, cell.name), known={}, **options)
        assert record["pixels"] == WIDTH * HEIGHT
    for study in studies(config).values():
        run_study(study, config, "cpu", {})
    return config


def test_trainings_gradients_and_pictures_are_of_those_images(trained: Config) -> None:
    html = build(trained)
    words = Text(html).text
    assert "not MNIST: proves nothing about the papers" in words
    assert "a folder of images, faces (140 training and 20 test images)" in words
    claims = pd.read_json(trained.folder / "tables/claims.json")
    about = claims[claims["reason"].str.contains("data set folder:faces")]
    assert set(about["verdict"]) == {"not tested at this scale"}
    shown = pd.read_json(trained.folder / "figures/pictures.json")
    sizes = [(image["width"], image["height"]) for image in shown["samples"]]
    assert sizes == [(8 * WIDTH, 8 * HEIGHT)]
    measured = pd.read_csv(trained.folder / "gradients/epoch-2/estimators.csv")
    assert np.isfinite(measured["value"]).any()


def test_seconds_are_measured_on_images_of_any_size(load_config: Load) -> None:
    few = Images("folder:faces", grey(30).reshape(30, -1), grey(10).reshape(10, -1), WIDTH)
    spec = replace(
        load_config().cost, estimators=load_config().cost.estimators[:1], images=20, rounds=1
    )
    assert all(row["seconds"] > 0 for row in cost.measure(spec, few, "cpu"))


@pytest.mark.parametrize("name", ["digits", "fashion-mnist"])
def test_the_page_names_what_it_ran_on(load_config: Load, name: str) -> None:
    only = {"experiments": ["elbo"], "shapes": ["8x4"]}
    config = load_config(dataset={"name": name}, only=only, scale=name)
    write_results(config, flat)
    words = Text(build(config)).text
    assert "not MNIST: proves nothing about the papers" in words
    assert datasets.title(name) in words
    claims = pd.read_json(config.folder / "tables/claims.json")
    assert set(claims.loc[claims["reason"].str.contains("data set"), "verdict"]) == {
        "not tested at this scale"
    }
