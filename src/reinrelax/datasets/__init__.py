"""The catalogue of data sets: one file and one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reinrelax.core.catalogue import Catalogue

if TYPE_CHECKING:
    from reinrelax.datasets.images import Images


@dataclass(frozen=True)
class Size:
    """How large images are, in pixels, and how many there are."""

    width: int
    height: int
    train: int
    test: int

    @property
    def pixels(self) -> int:
        """Of an image."""
        return self.width * self.height


@dataclass(frozen=True)
class Entry:
    """A data set.

    Attributes:
        module: in this package. Its `load(root)` gives all images, fetched if need be; `at_hand(root)` says
            whether that needs no download.
        title: its name as its makers write it.
        size: of its images; None where `size(root)` of the module says it.
    """

    module: str
    title: str
    size: Size | None

    def load(self, root: Path) -> "Images":
        """All images.

        Raises:
            DataError: they are damaged, or cannot be had.
        """
        images: Images = self._call("load")(root)
        return images

    def at_hand(self, root: Path) -> bool:
        """Whether they need no download.

        Raises:
            DataError: they are not where a person said that they are.
        """
        return bool(self._call("at_hand")(root))

    def size_at(self, root: Path) -> Size:
        """The size of its images, which may depend on the folder.

        Raises:
            DataError: there are none.
        """
        return self.size or self._call("size")(root)

    def _call(self, name: str) -> Callable[[Path], Any]:
        function: Callable[[Path], Any] = getattr(import_module(f"{__name__}.{self.module}"), name)
        return function


MNIST = Size(28, 28, 60_000, 10_000)
ENTRIES: dict[str, Entry] = {
    "mnist": Entry("mnist", "MNIST", MNIST),
    "fashion-mnist": Entry("fashion_mnist", "Fashion-MNIST", Size(28, 28, 60_000, 10_000)),
    "omniglot": Entry("omniglot", "Omniglot", Size(105, 105, 19_280, 13_180)),
    "digits": Entry("digits", "scikit-learn’s digits", Size(28, 28, 1500, 297)),
    "folder": Entry("folder", "a folder of images", None),
}
CATALOGUE = Catalogue("data set", __name__, ENTRIES)
lookup = CATALOGUE.lookup


def title(name: str) -> str:
    """What a reader is told of images by the name that they were prepared under."""
    own, _, folder = name.partition(":")
    known = CATALOGUE[own].title if own in CATALOGUE else own
    return f"{known}, {folder}" if folder else known
