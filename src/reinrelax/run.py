"""One training: a row of the run table."""

import hashlib
import json
from dataclasses import asdict, dataclass

from reinrelax.types import LatentShape


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        hyper: the estimator's hyper-parameters by name.
        products: what the layers multiply, "float32" or "bfloat16".
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

    @property
    def run_id(self) -> str:
        """Twelve hexadecimal digits that stand for this row."""
        return digest(asdict(self))[:12]


def digest(value: object) -> str:
    """SHA-256 of a JSON-able value, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
