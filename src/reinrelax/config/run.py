"""A training: one row of the run table."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from reinrelax.core.types import LatentShape

# Units of the encoder's hidden layers: paper B's (section 4.2), and those of paper A's
# demonstration.
HIDDEN, RELAXED_HIDDEN = (512, 256), (400,)
PIXELS = 784  # of an image of MNIST


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        hyper: the estimator's hyper-parameters by name.
        products: the type of the factors in matrix products, "float32" or "bfloat16".
        hidden: units of the encoder's hidden layers if they differ from the paper's; otherwise
            empty.
    """

    experiment: str
    dataset: str
    train_images: int | None
    test_images: int | None
    shape: LatentShape
    estimator: str
    hyper: tuple[tuple[str, float], ...]
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    products: str = "float32"
    hidden: tuple[int, ...] = ()

    @cached_property
    def run_id(self) -> str:
        """Twelve hexadecimal digits that identify this row."""
        row = asdict(self)
        if not self.hidden:
            del row["hidden"]  # keeps the ids of rows without it
        return digest(row)[:12]

    @property
    def units(self) -> tuple[int, ...]:
        """The units of the encoder's hidden layers; the decoder has the same in reverse."""
        return self.hidden or (RELAXED_HIDDEN if self.experiment == "relaxations" else HIDDEN)


def in_words(hidden: tuple[int, ...]) -> str:
    """Format the units of hidden layers, such as `512-256`; empty for the paper's."""
    return "-".join(map(str, hidden))


def digest(value: object) -> str:
    """Return the SHA-256 of a value that JSON can represent, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
