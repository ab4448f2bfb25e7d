"""Comparison of a measured number with its expected value: a verdict in symbol and words."""

import math
from collections.abc import Mapping
from typing import Any

from reinrelax.display.table_blocks import Cell, key, to_float
from reinrelax.display.text_format import Badge, significant, span

AGREES = Badge("agrees", "=", "good")
OUTSIDE = Badge("just outside", "≈", "near")
DIFFERS = Badge("differs", "≠", "bad")
NOTHING = Badge("", "", "none")
HOLDS = Badge("holds to rounding", "=", "good")
DEVIATES = Badge("does not hold", "≠", "bad")
# Relative tolerance for numbers without Monte Carlo error, which are exact or from integrals.
_ROUNDING = 1e-5
# By chance, one 95% interval in twenty misses the true value, but only one in ten thousand misses
# it by more than this many half-widths.
_BEYOND = 2.0

READING = (
    "= agrees: the expected number lies in the 95% interval or differs only by rounding; ≈ just"
    " outside: expected by chance in one case of twenty; ≠ differs: off by more than twice the"
    " half-width, expected by chance in one case of ten thousand."
)


def agreement(line: Mapping[str, Any]) -> Badge:
    """Compare the `value` of a row with its `expected`; `NOTHING` if either is missing."""
    value, low, high, expected = (
        to_float(line.get(name)) for name in ("value", "low", "high", "expected")
    )
    if math.isnan(value) or math.isnan(expected):
        return NOTHING
    distance, half = abs(value - expected), (high - low) / 2
    if distance <= _ROUNDING * max(1.0, abs(expected)):
        return AGREES
    if math.isnan(half):
        return DIFFERS
    return AGREES if low <= expected <= high else OUTSIDE if distance <= _BEYOND * half else DIFFERS


def compared(line: Mapping[str, Any] | None, digits: int = 3) -> Cell:
    """Return a cell with a value and, below it, its interval and the comparison with `expected`."""
    if line is None:
        return Cell()
    value, low, high, expected = (
        to_float(line.get(name)) for name in ("value", "low", "high", "expected")
    )
    mark = agreement(line)
    small = [span(low, high, digits)] if low != high else []
    if mark.text:
        words = {AGREES: "agrees with", OUTSIDE: "just outside", DIFFERS: "differs from"}[mark]
        small.append(f"{mark.symbol} {words} {significant(expected, digits)}")
    return Cell(significant(value, digits), key(value), small=[text for text in small if text])
