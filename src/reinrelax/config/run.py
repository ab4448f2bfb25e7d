"""One training: a row of the run table."""

import hashlib
import json
from dataclasses import asdict, dataclass

from reinrelax.core.types import LatentShape

# Units of the encoder's hidden layers: of paper B (section 4.2), and of the demonstration of paper
# A's.
HIDDEN, RELAXED_HIDDEN = (512, 256), (400,)
PIXELS = 784  # of an image of MNIST


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        hyper: the estimator's hyper-parameters by name.
        products: what the layers multiply, "float32" or "bfloat16".
        hidden: units of the encoder's hidden layers, where they are others than its paper's; else
            none.
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

    @property
    def run_id(self) -> str:
        """Twelve hexadecimal digits that stand for this row."""
        row = asdict(self)
        if not self.hidden:
            del row["hidden"]  # so that the rows of before it could be asked for keep theirs
        return digest(row)[:12]

    @property
    def units(self) -> tuple[int, ...]:
        """Of the encoder's hidden layers; the decoder's are the same in reverse."""
        return self.hidden or (RELAXED_HIDDEN if self.experiment == "relaxations" else HIDDEN)


def in_words(hidden: tuple[int, ...]) -> str:
    """Units of hidden layers as `512-256`; nothing where they are the paper's."""
    return "-".join(map(str, hidden))


def digest(value: object) -> str:
    """SHA-256 of a JSON-able value, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
