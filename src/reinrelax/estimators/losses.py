"""Losses as estimators call them: checks of their values, and surrogates that carry a gradient."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.numerics import widened
from reinrelax.errors import InputError

Loss = Callable[[Tensor], Tensor]


def checked(what: str, f: Loss, dtype: torch.dtype, *shapes: Sequence[int]) -> Loss:
    """f of samples that are cast to this dtype, in at least float32.

    Args:
        what: f, in an error.
        shapes: what f's value may have; anything else raises an InputError.
    """

    def of(sample: Tensor) -> Tensor:
        value = f(sample.to(dtype))
        if not isinstance(value, Tensor) or value.is_complex():
            kind = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
            raise InputError(f"{what} must return a real tensor; got {kind}")
        if tuple(value.shape) not in map(tuple, shapes):
            known = " or ".join(str(list(shape)) for shape in shapes)
            raise InputError(
                f"{what} must return one loss for each sample, {known}: sum over the axes that it"
                f" joins, and drop them; got {list(value.shape)}"
            )
        return widened(value)

    if hasattr(f, "constant"):
        of.constant = checked(what, f.constant, dtype, *shapes)  # type: ignore[attr-defined]
    return of


def leading(logits: Tensor) -> list[torch.Size]:
    """Shapes that a loss may have: all axes but the last one, or the first of them."""
    return [logits.shape[:kept] for kept in range(logits.ndim - 1, -1, -1)]


def constant(f: Loss) -> Loss:
    """f as a function of the codes alone: its attribute `constant`, if it has one, or f itself.

    A derivative that is taken on the way to an estimate is none of f's own parameters, and layers
    that write their gradients into buffers would take it for one.
    """
    alone: Loss = getattr(f, "constant", f)
    return alone


def with_gradient(loss: Tensor, gradient: Tensor, logits: Tensor) -> Tensor:
    """A surrogate of a loss's shape, with this gradient at the logits, at f's own parameters the
    loss's.
    """
    linear = gradient * logits.masked_fill(logits == -torch.inf, 0.0)
    return loss + linear.sum(tuple(range(loss.ndim, logits.ndim)))


def wants_gradient(*values: Any) -> bool:
    """Whether any of the values asks for a gradient."""
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)
