"""The images that a configuration requests."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from reinrelax.core.document import path_of
from reinrelax.datasets import MNIST, Size, lookup
from reinrelax.errors import DataError

# The default of `dataset.root`.
_OWN_ROOT = "data"


@dataclass(frozen=True)
class Dataset:
    """The requested images and the fallback; `root` is relative to the folder `project`."""

    name: str
    root: str
    when_missing: str
    train_images: int | None
    test_images: int | None
    # Not in repr, which jobs depend on: the project's folder does not affect the images.
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
            for wanted, all_of_it in ((self.train_images, found.train), (self.test_images, found.test))
        )
        return replace(found, train=train, test=test)
