"""Which images are asked for."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from reinrelax.core.document import path_of
from reinrelax.datasets import MNIST, Size, lookup
from reinrelax.errors import DataError

# Of `dataset.root`: what nobody has named.
_OWN_ROOT = "data"


@dataclass(frozen=True)
class Dataset:
    """Which images, and what to do without them; `project` is the folder that `root` is taken from."""

    name: str
    root: str
    when_missing: str
    train_images: int | None
    test_images: int | None
    # Which folder that is says nothing of the images, and this is text that jobs depend on.
    project: Path = field(default=Path(), repr=False)

    @property
    def folder(self) -> Path:
        """Holds, or is to hold, `MNIST/raw`, unless MNIST_ROOT names another one."""
        return self.project / path_of("dataset.root", self.root)

    @property
    def falls_back(self) -> bool:
        """Whether other images may take the place of MNIST; not where a person has said where it lies."""
        return self.name == "mnist" and self.when_missing == "digits" and self.root == _OWN_ROOT

    @property
    def modules(self) -> tuple[str, ...]:
        """The source that reads them."""
        return (f"reinrelax.datasets.{lookup(self.name).module}",)

    @property
    def size(self) -> Size:
        """Of the images that are asked for. Of a folder that cannot be read, which its job says, MNIST's."""
        try:
            found = lookup(self.name).size_at(self.folder)
        except DataError:
            found = MNIST
        train, test = (
            all_of_it if wanted is None else min(wanted, all_of_it)
            for wanted, all_of_it in ((self.train_images, found.train), (self.test_images, found.test))
        )
        return replace(found, train=train, test=test)
