"""Numbers, verdicts and names as the page writes them."""

import math
import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from reinrelax import datasets
from reinrelax.claims import model

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# The paper's own name in its tables, where ours differs.
PAPER_NAMES = {"STGS": "Gumbel"}


@dataclass(frozen=True)
class Mark:
    """How a verdict looks: words, a symbol and the name of a style, so that colour never stands alone."""

    text: str
    symbol: str
    style: str


_MARKS = {
    model.REPRODUCED: Mark(model.REPRODUCED, "✓", "good"),
    model.NEAR: Mark(model.NEAR, "≈", "near"),
    model.NOT_REPRODUCED: Mark(model.NOT_REPRODUCED, "✕", "bad"),
    model.UNDECIDED: Mark(model.UNDECIDED, "?", "open"),
    model.COMPATIBLE: Mark(model.COMPATIBLE, "∼", "compatible"),
    model.NOT_TESTED: Mark(model.NOT_TESTED, "○", "untested"),
    model.NOT_RUN: Mark(model.NOT_RUN, "∅", "absent"),
    model.AMBIGUOUS: Mark(model.AMBIGUOUS, "⁇", "ambiguous"),
    **{word: Mark(word, "✓", "good") for word in (model.HOLDS, model.CONSISTENT)},
    **{word: Mark(word, "✕", "bad") for word in (model.FAILS, model.INCONSISTENT)},
}


def mark(verdict: str) -> Mark:
    """The looks of a verdict; no verdict, where the paper has no number, looks like nothing."""
    return _MARKS.get(verdict, Mark("", "", "none"))


def fixed(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals and a true minus sign; empty where there is none."""
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def significant(value: float | None, digits: int = 3) -> str:
    """A number of any magnitude with so many significant digits; powers of ten where it is tiny or huge."""
    if value is None or not math.isfinite(value):
        return ""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if -5 < int(exponent) < 6:
        return fixed(value, max(0, digits - 1 - int(exponent)))
    return f"{mantissa} × 10{exponent_text(int(exponent))}".replace("-", "−")


def exponent_text(exponent: int) -> str:
    """A whole number as superscript."""
    return str(exponent).translate(_SUPERSCRIPT)


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """`[low, high]` in significant digits; empty where an end is missing."""
    ends = significant(low, digits), significant(high, digits)
    return f"[{ends[0]}, {ends[1]}]" if all(ends) else ""


def signed(value: float | None, digits: int = 2) -> str:
    """As `fixed`, with a plus sign before what is positive."""
    text = fixed(value, digits)
    return f"+{text}" if text and value is not None and float(text.replace("−", "-")) > 0 else text


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """`[low, high]`; empty where an end is missing."""
    ends = fixed(low, digits), fixed(high, digits)
    return f"[{ends[0]}, {ends[1]}]" if all(ends) else ""


def shape(text: str) -> str:
    """`8x4` as `8 × 4`, with spaces that do not break, wherever it stands in the text."""
    return re.sub(r"\b(\d+)x(\d+)\b", "\\1\u00a0×\u00a0\\2", text)


def subscripts(text: str) -> Markup:
    """Escaped text in which `θ_D` is set as such: one letter after a letter and a low line."""
    return Markup(re.sub(r"(?<=[^\W\d_])_([^\W\d_])(?![\w])", r"<sub>\1</sub>", str(escape(text))))


def episodes_of(environment: str, cap: float) -> str:
    """An environment and after how many steps its episodes are cut."""
    return f"{environment}, {count(int(cap), 'step')} at most"


def images(name: str) -> str:
    """A data set's name as its makers write it."""
    return datasets.title(name)


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 seed`, `2 seeds`, `1,000 seeds`; with a plural that has more than an s, that."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def commit(name: str) -> str:
    """A commit's name, shortened, and whether the tree differed from it."""
    return name[:12] + ("+changes" if name.endswith("+changes") else "")


def duration(seconds: float | None) -> str:
    """Seconds in the unit that a person would choose."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def anchor(*parts: str) -> str:
    """A name for a place on the page, made of these parts."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(parts))
