"""Rows of the table of properties: numbers with their intervals and expected values."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

Row = dict[str, object]

_NORMAL = 1.959964


def known(name: str, value: float, expected: float | None = None) -> Row:
    """Return the row of a number without Monte Carlo error."""
    return {"property": name, "value": value, "expected": expected}


def sampled(name: str, values: Tensor, expected: float | None = None) -> Row:
    """Return the row of the mean of independent values `[N]`, with its 95% interval."""
    values = values.double()
    mean, half = float(values.mean()), _NORMAL * float(values.std()) / len(values) ** 0.5
    return {
        "property": name,
        "value": mean,
        "low": mean - half,
        "high": mean + half,
        "expected": expected,
    }


def variance(name: str, values: Tensor) -> Row:
    """Return the row of the variance of `[N]`, or of `[N, D]` summed over D, with its interval."""
    squares = (values - values.mean(0)).square().reshape(len(values), -1).sum(-1)
    return sampled(name, squares * len(values) / (len(values) - 1))


def finite(tensors: Iterable[Tensor]) -> Row:
    """Return the row of the share of finite numbers in the tensors."""
    flags = torch.cat([t.detach().isfinite().flatten() for t in tensors])
    return known("finite_share", float(flags.double().mean()), 1.0)


def labelled(
    rows: Iterable[Row], *, relaxation: str, variant: str = "", setting: str = ""
) -> Iterator[Row]:
    """Yield the rows with all their columns."""
    labels = {"relaxation": relaxation, "variant": variant, "setting": setting}
    for row in rows:
        yield {**dict.fromkeys(("low", "high", "expected")), **labels, **row}
