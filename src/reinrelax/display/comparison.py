"""A measured number beside the one that it should be: whether they agree, in symbol and word."""

import math
from collections.abc import Mapping
from typing import Any

from reinrelax.display.blocks import Cell, key, number
from reinrelax.display.wording import Mark, significant, span

AGREES = Mark("agrees", "=", "good")
OUTSIDE = Mark("just outside", "≈", "near")
DIFFERS = Mark("differs", "≠", "bad")
NOTHING = Mark("", "", "none")
HOLDS = Mark("holds to rounding", "=", "good")
DEVIATES = Mark("does not hold", "≠", "bad")
# Numbers without Monte Carlo error come from integrals, or are exact.
_ROUNDING = 1e-5
# Of one in twenty intervals the truth lies outside by chance, but beyond twice the half-width of one in ten
# thousand.
_BEYOND = 2.0

READING = (
    "= agrees: the expected number lies in the 95% interval, or rounding is all that is between; ≈ just "
    "outside: as one in twenty is by chance; ≠ differs: farther off than twice the half-width, as one in "
    "ten thousand is."
)


def agreement(line: Mapping[str, Any]) -> Mark:
    """Of a line's `value` with its `expected`; nothing, where either is missing."""
    value, low, high, expected = (number(line.get(name)) for name in ("value", "low", "high", "expected"))
    if math.isnan(value) or math.isnan(expected):
        return NOTHING
    distance, half = abs(value - expected), (high - low) / 2
    if distance <= _ROUNDING * max(1.0, abs(expected)):
        return AGREES
    if math.isnan(half):
        return DIFFERS
    return AGREES if low <= expected <= high else OUTSIDE if distance <= _BEYOND * half else DIFFERS


def compared(line: Mapping[str, Any] | None, digits: int = 3) -> Cell:
    """A measured value, its interval, and below them how it compares with what was expected."""
    if line is None:
        return Cell()
    value, low, high, expected = (number(line.get(name)) for name in ("value", "low", "high", "expected"))
    mark = agreement(line)
    small = [span(low, high, digits)] if low != high else []
    if mark.text:
        words = {AGREES: "agrees with", OUTSIDE: "just outside", DIFFERS: "differs from"}[mark]
        small.append(f"{mark.symbol} {words} {significant(expected, digits)}")
    return Cell(significant(value, digits), key(value), small=[text for text in small if text])
