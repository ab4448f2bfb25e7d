"""What a probe finds, and what probes share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from docs.peers.cases import Pair, Side
from reinrelax.display.text_format import significant
from reinrelax.experiments.library import checks

# Samples per distribution, elements per function, and a batch with two axes.
SAMPLES, DRAWS, BATCH = 2_000, 50_000, (3, 2)
# Largest deviation that counts as chance, in standard errors.
FARTHEST = 4.5


@dataclass(frozen=True)
class Outcome:
    """What a probe found.

    Attributes:
        right: None if the probe does not apply.
    """

    text: str
    right: bool | None


ABSENT = Outcome("—", None)
Probe = Callable[[Pair, Side], Outcome]


def holds(right: object) -> Outcome:
    """Return the outcome of a condition."""
    return Outcome("yes" if right else "no", bool(right))


def agree(value: Tensor, expected: Tensor, error: Tensor) -> Outcome:
    """Compare two numbers with an error of their difference."""
    right = bool((value - expected).abs() <= FARTHEST * error)
    return Outcome(f"{significant(float(value))} for {significant(float(expected))}", right)


def weighed(z: Tensor) -> Tensor:
    """Return a linear loss with a different weight per entry."""
    return (z * torch.linspace(-1, 2, z.numel()).view(z.shape)).sum()


def built(pair: Pair, side: Side, batch: tuple[int, ...] = (2,)) -> Any:
    """Build the distribution of a side, with equal elements."""
    assert side.build is not None
    return side.build(checks.tiled(pair.parameters, batch), pair.tau, None)
