"""The catalogue of data sets, with one module and one entry each."""

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
    """The size of images in pixels, and their number."""

    width: int
    height: int
    train: int
    test: int

    @property
    def pixels(self) -> int:
        """The number of pixels of an image."""
        return self.width * self.height


@dataclass(frozen=True)
class Entry:
    """A data set.

    Attributes:
        module: a module in this package. Its `load(root)` returns all images and downloads them if
            necessary; `at_hand(root)` returns whether no download is necessary.
        title: the name as its authors write it.
        size: the size of its images; None if the module's `size(root)` returns it.
    """

    module: str
    title: str
    size: Size | None

    def load(self, root: Path) -> "Images":
        """Load all images.

        Raises:
            DataError: images are damaged or not available.
        """
        images: Images = self._call("load")(root)
        return images

    def at_hand(self, root: Path) -> bool:
        """Check whether the images are available without a download.

        Raises:
            DataError: the images are not in the folder that the user has named.
        """
        return bool(self._call("at_hand")(root))

    def size_at(self, root: Path) -> Size:
        """Return the size of the images, which may depend on the folder.

        Raises:
            DataError: the folder contains no images.
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
    """Return the title of images for readers, given the name of the prepared images."""
    own, _, folder = name.partition(":")
    known = CATALOGUE[own].title if own in CATALOGUE else own
    return f"{known}, {folder}" if folder else known
