"""Formats tables of the page as LaTeX (booktabs, by pandas) and GitHub Markdown (by tabulate)."""

import re
import unicodedata
from collections.abc import Iterator

import pandas as pd
from pylatexenc.latexencode import (
    RULE_DICT,
    RULE_REGEX,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

from reinrelax.display.table_blocks import Cell, Table

# The number of rows that fit on a page of a paper.
_LONG = 40
# The number of characters that fit on a line of a table.
_WIDE = 40
_PROSE = r">{\raggedright\arraybackslash}p{7cm}"
_RAISED = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ", "-0123456789T", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ", "0123456789ijk", strict=True))
# Symbols that the encoder lacks.
_SYMBOLS = {
    "✓": "checkmark",
    "✕": "times",
    "∼": "sim",
    "√": "surd",
    "′": "prime",
    "ĝ": "hat g",
    "ẑ": "hat z",
}
_ENCODER = UnicodeToLatexEncoder(
    conversion_rules=[
        UnicodeToLatexConversionRule(
            RULE_REGEX,
            [
                (
                    re.compile(f"[{''.join(_RAISED)}]+"),
                    lambda found: _script("^", _RAISED, found[0]),
                ),
                (
                    re.compile(f"[{''.join(_LOWERED)}]+"),
                    lambda found: _script("_", _LOWERED, found[0]),
                ),
                (re.compile("(.)\u0303"), lambda found: rf"\ensuremath{{\tilde {found[1]}}}"),
            ],
        ),
        UnicodeToLatexConversionRule(
            RULE_DICT,
            {
                **{
                    ord(character): rf"\ensuremath{{\{name}}}"
                    for character, name in _SYMBOLS.items()
                },
                **{ord("⁇"): "??", ord("⅔"): r"\ensuremath{\frac23}", ord("|"): r"\ensuremath{|}"},
            },
        ),
        "defaults",
    ],
    unknown_char_policy=lambda character: f"[{unicodedata.name(character, 'unknown')}]",
)


def latex(name: str, caption: str, table: Table) -> str:
    """Return the table for a paper; its first line names the packages that it needs.

    Args:
        name: the name in the LaTeX label.
        caption: the caption, which begins with a title between two pairs of asterisks.
        table: the table as shown on the page.
    """
    rows = [[_latex_cell(cell) for cell in row] for row in table.rows]
    for row in rows:  # a bracket after \\ would be parsed as its argument
        row[0] = f"{{}}{row[0]}" if row[0][:1] in ("[", "*") else row[0]
    frame = pd.DataFrame(rows)
    heads, small = ([*map(escaped, found)] for found in _heads(table))
    frame.columns = pd.MultiIndex.from_arrays([heads, small]) if any(small) else pd.Index(heads)
    text = frame.style.hide(axis="index").to_latex(
        column_format="".join(_alignments(table)),
        environment="longtable" if len(rows) > _LONG else None,
        hrules=True,
        label=f"tab:{name}",
        caption=re.sub(r"\*\*(.+?)\*\*", r"\\textbf{\1}", escaped(_sentences(caption, table))),
        multicol_align="c",
    )
    # Set within the `table` environment, because a size set before it does not apply to floats.
    size = r"\footnotesize\setlength{\tabcolsep}{4pt}"
    if len(rows) > _LONG:
        text = f"{{{size}\n{text}}}\n"
    else:
        text = text.replace("\\begin{table}\n", f"\\begin{{table}}\n\\centering{size}\n", 1)
    return f"% \\usepackage{{amssymb,array,booktabs,longtable,textcomp}}\n{text}"


def markdown(caption: str, table: Table) -> str:
    """Return the table for a README or an issue, with the same caption as `latex` gives it."""
    heads = [", ".join(filter(None, found)) for found in zip(*_heads(table), strict=True)]
    frame = pd.DataFrame(
        [[_markdown_cell(cell) for cell in row] for row in table.rows], columns=[*map(plain, heads)]
    )
    aligned = ["right" if kind == "r" else "left" for kind in _alignments(table)]
    text = frame.to_markdown(index=False, tablefmt="pipe", disable_numparse=True, colalign=aligned)
    # The asterisks of the caption are Markdown and must not be escaped.
    words = "**".join(plain(part) for part in _sentences(caption, table).split("**"))
    return f"{words}\n\n{text}\n"


def escaped(text: str) -> str:
    """Return text as LaTeX sets it; a character without a command becomes its name in brackets."""
    found: str = _ENCODER.unicode_to_latex(text)
    return found


def plain(text: str) -> str:
    """Escape text so that Markdown shows it unchanged."""
    text = re.sub(r"([\\`*_|$~])", r"\\\1", text.replace("\n", " "))
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("](", r"]\(")
    )


def _script(sign: str, letters: dict[str, str], text: str) -> str:
    return rf"\ensuremath{{{sign}{{{''.join(letters[letter] for letter in text)}}}}}"


def _sentences(caption: str, table: Table) -> str:
    # A verdict next to a number is only a symbol.
    marks = dict.fromkeys(
        cell.mark for row in table.rows for cell in row if cell.mark and cell.text
    )
    legend = ", ".join(f"{mark.symbol} {mark.text}" for mark in marks if mark.text)
    return " ".join(filter(None, [caption, table.caption, *table.notes, legend and f"{legend}."]))


def _heads(table: Table) -> tuple[list[str], list[str]]:
    return [column.head for column in table.columns], [column.small for column in table.columns]


def _alignments(table: Table) -> Iterator[str]:
    for place, column in enumerate(table.columns):
        longest = max((len(_words(row[place])) for row in table.rows), default=0)
        yield _PROSE if longest > _WIDE else "r" if column.kind == "number" else "l"


def _words(cell: Cell) -> str:
    """Format a cell in one line: text, intervals, other small print in brackets, verdict."""
    intervals = [line for line in cell.small if line[:1] == "["]
    others = ", ".join(line for line in cell.small if line and line not in intervals)
    verdict = [cell.mark.symbol, "" if cell.text else cell.mark.text] if cell.mark else []
    return " ".join(filter(None, [cell.text, *intervals, others and f"({others})", *verdict]))


def _latex_cell(cell: Cell) -> str:
    text = escaped(_words(cell))
    # \textbf alone would leave mathematics in medium weight.
    return rf"{{\boldmath\bfseries {text}}}" if cell.style == "best" and text else text


def _markdown_cell(cell: Cell) -> str:
    text = plain(_words(cell))
    return f"**{text}**" if cell.style == "best" and text else text
