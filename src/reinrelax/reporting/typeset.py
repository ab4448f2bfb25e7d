"""A table as LaTeX (booktabs) and as GitHub's Markdown."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# More rows than a page of a paper holds.
_LONG = 40
_PROSE = r">{\raggedright\arraybackslash}p{7cm}"
_ALIGNMENT = {"text": "l", "number": "r", "prose": _PROSE}
# What LaTeX takes for commands.
_COMMANDS = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
}
_GREEK = {
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta"},
    **{"θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma"},
    **{
        "τ": "tau",
        "φ": "phi",
        "χ": "chi",
        "Γ": "Gamma",
        "Δ": "Delta",
        "Θ": "Theta",
        "Λ": "Lambda",
        "Π": "Pi",
    },
    **{"Σ": "Sigma", "Φ": "Phi"},
}
_MATHS = {
    **_GREEK,
    **{"±": "pm", "×": "times", "·": "cdot", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx"},
    **{"∝": "propto", "∞": "infty", "∂": "partial", "∇": "nabla", "√": "surd", "‖": "|", "→": "to"},
    **{"←": "leftarrow", "↑": "uparrow", "↓": "downarrow", "∈": "in", "′": "prime"},
    # verdicts
    **{"✓": "checkmark", "✕": "times", "○": "circ", "∅": "emptyset"},
}
_RAISED = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ", "-0123456789T", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ", "0123456789ijk", strict=True))
_OTHERS = {
    **{"−": "$-$", "–": "--", "—": "---", "…": r"\ldots{}", "⁇": "??", "½": r"$\frac12$"},
    **{
        "¼": r"$\frac14$",
        "⅔": r"$\frac23$",
        "’": "'",
        "‘": "`",
        "“": "``",
        "”": "''",
        "\u00a0": "~",
        "°": r"$^{\circ}$",
    },
    **{"ĝ": r"$\hat g$", "ẑ": r"$\hat z$", "z̃": r"$\tilde z$"},
}
_TEX = {
    **_COMMANDS,
    **{character: f"$\\{name}$" for character, name in _MATHS.items()},
    **_OTHERS,
}
# Raised or lowered digits are one exponent or index, a letter and the accent after it are one letter.
_TOKEN = re.compile(rf"[{''.join(_RAISED)}]+|[{''.join(_LOWERED)}]+|.[\u0300-\u036f]?", re.DOTALL)


@dataclass(frozen=True)
class Head:
    """A column's head and what stands below it: `text`, `number` or `prose` that may break."""

    text: str
    kind: str = "number"


@dataclass(frozen=True)
class Entry:
    """What stands in a cell."""

    text: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table to be set.

    Attributes:
        name: of its files and its LaTeX label.
        caption: a title in asterisks, as in `**Table 1**`, and sentences.
        notes: sentences below it.
        group: how many rows belong together; a line is drawn after each group. 0: none.
    """

    name: str
    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Entry]]
    notes: Sequence[str] = ()
    group: int = 0


def latex(sheet: Sheet) -> str:
    """The table for a paper; what it needs in the preamble stands in its first line."""
    long = len(sheet.rows) > _LONG
    columns = "".join(_ALIGNMENT[head.kind] for head in sheet.heads)
    heads = _row([Entry(head.text) for head in sheet.heads])
    body = []
    for index, row in enumerate(sheet.rows, start=1):
        body.append(_row(row))
        if sheet.group and index % sheet.group == 0 and index < len(sheet.rows):
            body.append(r"\addlinespace")
    caption = rf"\caption{{{_sentences(sheet.caption)}}}\label{{tab:{sheet.name}}}"
    notes = [escaped(note) for note in sheet.notes]
    if long:
        rows = [rf"\begin{{longtable}}{{{columns}}}", caption + r"\\", r"\toprule", heads, r"\midrule"]
        rows += [r"\endfirsthead", r"\toprule", heads, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot"]
        lines = ["{", r"\footnotesize", *rows, *body, r"\end{longtable}", *notes, "}"]
    else:
        rows = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", heads, r"\midrule", *body, r"\bottomrule"]
        lines = [r"\begin{table}", r"\centering\footnotesize", r"\setlength{\tabcolsep}{4pt}", caption]
        lines += [*rows, r"\end{tabular}"]
        lines += [r"\par\medskip", *notes] if notes else []
        lines += [r"\end{table}"]
    return "\n".join([r"% \usepackage{amssymb,array,booktabs,longtable}", *lines, ""])


def markdown(sheet: Sheet) -> str:
    """The table for a README or an issue."""
    rules = {"number": "---:"}
    lines = [
        [_plain(head.text) for head in sheet.heads],
        [rules.get(head.kind, "---") for head in sheet.heads],
        *([_strong(entry) for entry in row] for row in sheet.rows),
    ]
    # The caption's own asterisks are meant.
    caption = "**".join(_plain(part) for part in sheet.caption.split("**"))
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([caption, table, *map(_plain, sheet.notes)]) + "\n"


def escaped(text: str) -> str:
    """Text as LaTeX sets it; a character that it has no command for becomes its name in brackets."""
    # Neighbours in mathematics are one formula.
    return re.sub(r"(?<!\\)\$\$", "", "".join(map(_token, _TOKEN.findall(text))))


def _token(token: str) -> str:
    if token[0] in _RAISED:
        return f"$^{{{''.join(map(_RAISED.__getitem__, token))}}}$"
    if token[0] in _LOWERED:
        return f"$_{{{''.join(map(_LOWERED.__getitem__, token))}}}$"
    if token in _TEX or token.isascii():
        return _TEX.get(token, token)
    letter = unicodedata.normalize("NFC", token)
    if len(letter) == 1 and "LATIN" in unicodedata.name(letter, ""):
        return letter
    return "".join(f"[{unicodedata.name(character, 'unknown')}]" for character in token)


def _sentences(text: str) -> str:
    parts = [escaped(part) for part in text.split("**")]
    return "".join(rf"\textbf{{{part}}}" if index % 2 else part for index, part in enumerate(parts))


def _row(entries: Sequence[Entry]) -> str:
    cells = []
    for entry in entries:
        text = escaped(entry.text)
        # Not \textbf alone: mathematics would stay as thin as it was.
        cells.append(rf"{{\boldmath\bfseries {text}}}" if entry.bold and text else text)
    # A bracket after the end of a row would pass for its optional argument.
    cells = [
        f"{{}}{text}" if index == 0 and text[:1] in ("[", "*") else text for index, text in enumerate(cells)
    ]
    return " & ".join(cells) + r" \\"


def _strong(entry: Entry) -> str:
    text = _plain(entry.text)
    return f"**{text}**" if entry.bold and text else text


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    text = re.sub(r"([\\`*_|$~])", r"\\\1", text.replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("](", r"]\(")
