"""The images that a configuration requests."""

import dataclasses
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core import block
from reinrelax.core.block import BLOCK, known
from reinrelax.core.yaml_file import path_of
from reinrelax.datasets import MNIST, Size, lookup
from reinrelax.errors import DataError

# The default of `dataset.root`.
_OWN_ROOT = "data"
_Images = Annotated[int, Field(ge=1, le=10_000_000)]


@dataclass(frozen=True, config=BLOCK)
class Images:
    """Which images, and what to do without them."""

    name: Annotated[str, known(lookup)] = Field(
        description="name in the catalogue; only MNIST is compared with the papers"
    )
    root: block.Path = Field(
        description="folder of the images; for MNIST, MNIST_ROOT takes precedence"
    )
    when_missing: Literal["digits", "error"] = Field(
        description="for MNIST; digits: use scikit-learn's digits unless a root is set"
    )
    train_images: _Images | None = Field(description="number of images, from the first; null: all")
    test_images: _Images | None = Field(description="number of images, from the first; null: all")


@dataclasses.dataclass(frozen=True)
class Dataset(Images):
    """The same; `project` is the folder that `root` is taken from."""

    # Which folder that is says nothing of the images, and this is text that jobs depend on.
    project: Path = field(default=Path(), repr=False)

    @property
    def folder(self) -> Path:
        """The folder with `MNIST/raw`, or for its download, unless MNIST_ROOT names another one."""
        return self.project / path_of("dataset.root", self.root)

    @property
    def falls_back(self) -> bool:
        """Whether digits may replace missing MNIST; never if the user has set `dataset.root`."""
        return self.name == "mnist" and self.when_missing == "digits" and self.root == _OWN_ROOT

    @property
    def modules(self) -> tuple[str, ...]:
        """The source that reads the images."""
        return (f"reinrelax.datasets.{lookup(self.name).module}",)

    @property
    def size(self) -> Size:
        """The size of the requested images.

        It is MNIST's if a folder cannot be read; the job that reads the folder reports the error.
        """
        try:
            found = lookup(self.name).size_at(self.folder)
        except DataError:
            found = MNIST
        train, test = (
            all_of_it if wanted is None else min(wanted, all_of_it)
            for wanted, all_of_it in (
                (self.train_images, found.train),
                (self.test_images, found.test),
            )
        )
        return replace(found, train=train, test=test)
