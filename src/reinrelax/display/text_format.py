"""Numbers, verdicts and names as the page writes them."""

import math
import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from reinrelax import datasets
from reinrelax.claims import model

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# The names in the paper's tables, where ours differ.
PAPER_NAMES = {"STGS": "Gumbel"}


@dataclass(frozen=True)
class Badge:
    """How a verdict is shown: words, a symbol and a style, so that colour is never alone."""

    text: str
    symbol: str
    style: str


_MARKS = {
    model.REPRODUCED: Badge(model.REPRODUCED, "✓", "good"),
    model.NEAR: Badge(model.NEAR, "≈", "near"),
    model.NOT_REPRODUCED: Badge(model.NOT_REPRODUCED, "✕", "bad"),
    model.UNDECIDED: Badge(model.UNDECIDED, "?", "open"),
    model.COMPATIBLE: Badge(model.COMPATIBLE, "∼", "compatible"),
    model.NOT_TESTED: Badge(model.NOT_TESTED, "○", "untested"),
    model.NOT_RUN: Badge(model.NOT_RUN, "∅", "absent"),
    model.AMBIGUOUS: Badge(model.AMBIGUOUS, "⁇", "ambiguous"),
    **{word: Badge(word, "✓", "good") for word in (model.HOLDS, model.CONSISTENT)},
    **{word: Badge(word, "✕", "bad") for word in (model.FAILS, model.INCONSISTENT)},
}


def mark(verdict: str) -> Badge:
    """Return the mark of a verdict; an empty mark for no verdict (the paper has no number)."""
    return _MARKS.get(verdict, Badge("", "", "none"))


def fixed(value: float | None, digits: int = 2) -> str:
    """Return a number with `digits` decimals and a true minus sign; empty for None, NaN and ∞."""
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` significant digits, with a power of ten if tiny or huge."""
    if value is None or not math.isfinite(value):
        return ""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if -5 < int(exponent) < 6:
        return fixed(value, max(0, digits - 1 - int(exponent)))
    return f"{mantissa} × 10{exponent_text(int(exponent))}".replace("-", "−")


def exponent_text(exponent: int) -> str:
    """Return an integer as superscript."""
    return str(exponent).translate(_SUPERSCRIPT)


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return `[low, high]` in significant digits; empty if an end is missing."""
    ends = significant(low, digits), significant(high, digits)
    return f"[{ends[0]}, {ends[1]}]" if all(ends) else ""


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number as `fixed` does, with a plus sign if it is positive."""
    text = fixed(value, digits)
    return f"+{text}" if text and value is not None and float(text.replace("−", "-")) > 0 else text


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Return `[low, high]` with `digits` decimals; empty if an end is missing."""
    ends = fixed(low, digits), fixed(high, digits)
    return f"[{ends[0]}, {ends[1]}]" if all(ends) else ""


def shape(text: str) -> str:
    """Replace each `8x4` in a text with `8 × 4`, with non-breaking spaces."""
    return re.sub(r"\b(\d+)x(\d+)\b", "\\1\u00a0×\u00a0\\2", text)


def subscripts(text: str) -> Markup:
    """Escape a text and set the letter after each `letter_` as a subscript, as in `θ_D`."""
    return Markup(re.sub(r"(?<=[^\W\d_])_([^\W\d_])(?![\w])", r"<sub>\1</sub>", str(escape(text))))


def episodes_of(environment: str, cap: float) -> str:
    """Return an environment and the number of steps after which its episodes are cut."""
    return f"{environment}, {count(int(cap), 'step')} at most"


def images(name: str) -> str:
    """Return the name of a data set as its authors write it."""
    return datasets.title(name)


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 seed`, `2 seeds` or `1,000 seeds`; `plural` is for irregular plurals."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def commit(name: str) -> str:
    """Shorten the name of a commit, keeping the suffix for uncommitted changes."""
    return name[:12] + ("+changes" if name.endswith("+changes") else "")


def duration(seconds: float | None) -> str:
    """Return a duration in seconds, minutes or hours, whichever suits its size."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def anchor(*parts: str) -> str:
    """Return the anchor of a place on the page, made from these parts."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(parts))
