"""Tables for papers and for GitHub: numbers as they should be, and text that neither takes for
markup.
"""

import re
from collections.abc import Callable

import pytest
from pylatexenc.latexwalker import LatexWalker

from reinrelax.config.declared import CAPTIONS, EXPORTED
from reinrelax.config.load import Config
from reinrelax.display.table_blocks import Cell, Column, Table
from reinrelax.display.text_format import Badge
from reinrelax.reporting import collect, exports
from reinrelax.reporting.typeset import escaped, latex, markdown
from tests.conftest import ROOT
from tests.helpers.synthetic import noise, published, write_results, write_studies

Load = Callable[..., Config]
NAMES = {*EXPORTED, "claims"}
PAPER = {
    "dataset": {"name": "mnist", "train_images": None, "test_images": None},
    "experiments": {"elbo": {"seeds": 5, "epochs": 160, "draws": 100}},
}


def write(
    config: Config, missing: str = "", diverged: tuple[tuple[str, str, int], ...] = ()
) -> None:
    write_results(
        config,
        lambda run: published(run, ROOT) if run.experiment == "elbo" else (140 + noise(run), 142.0),
        only=lambda cell: cell.name != missing,
        diverged=diverged,
    )
    write_studies(config)
    collect.write_tables(config, ROOT)
    exports.write_exports(config, ROOT)


def text(config: Config, name: str) -> str:
    return (ROOT / config.folder / "tables" / name).read_text(encoding="utf-8")


def cells(line: str) -> list[str]:
    """Of a line of Markdown."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def check_latex(source: str) -> None:
    """What a compiler would stop at: environments, braces, formulas, columns, unknown
    characters.
    """
    LatexWalker(source, tolerant_parsing=False).get_latex_nodes()
    assert source.isascii() or all(c.isalpha() for c in source if not c.isascii())
    columns = re.search(r"\\begin\{(?:tabular|longtable)\}\{(.+)\}\n", source)
    assert columns is not None
    width = len(re.sub(r">\{.*?\}p\{7cm\}", "p", columns[1]))
    first, *lines = source.splitlines()
    assert first.startswith("% ")
    for line in lines:
        # Outside formulas these belong to formulas only.
        words = re.sub(r"\\ensuremath\{(?:[^{}]|\{[^{}]*\})*\}|\\label\{[^}]*\}", "", line)
        assert not re.search(r"(?<!\\)[\^_$%#]", words), line
    rows = [
        line
        for line in source.splitlines()
        if line.endswith(r" \\") and not re.match(r"\\caption", line)
    ]
    for row in rows:
        spans = [int(found) - 1 for found in re.findall(r"\\multicolumn\{(\d+)\}", row)]
        assert len(re.findall(r"(?<!\\)&", row)) + 1 + sum(spans) == width, row
    assert not any(re.match(r"[\[*]", row) for row in rows)


def test_all_tables_are_set(load_config: Load) -> None:
    config = load_config()
    write(config)
    first = {name: text(config, f"{name}.tex") for name in NAMES}
    exports.write_exports(config, ROOT)
    for name in NAMES:
        assert text(config, f"{name}.tex") == first[name]
        check_latex(first[name])
        title, head, rule, *body = [
            line for line in text(config, f"{name}.md").splitlines() if line
        ]
        assert title.startswith("**")
        assert title.count("**") == 2
        assert "Scale: test." in title
        assert len(cells(head)) == len(cells(rule))
        lines = [line for line in body if line.startswith("|")]
        assert lines
        assert {len(cells(line)) for line in lines} == {len(cells(head))}
        assert not any("nan" in cell.lower().split() for line in lines for cell in cells(line))


def test_tables_2_and_3_have_the_papers_layout(load_config: Load) -> None:
    config = load_config(**PAPER)
    write(config, missing="elbo/4x24/ST", diverged=(("ReinMax-CV", "8x4", 2),))
    lines = [cells(line) for line in text(config, "table2.md").splitlines() if line.startswith("|")]
    assert lines[0][:5] == ["Estimator", "Method", "", "8\u00a0×\u00a04", "4\u00a0×\u00a024"]
    every, place = {}, ("", "")
    for estimator, method, label, *row in lines[2:]:
        place = (estimator, method) if estimator else place
        every[*place, label] = row
    rows = {
        (name, label): row for (name, method, label), row in every.items() if method == "as printed"
    }
    # What was run as printed has nothing in the row as run.
    assert every["ST", "as run", "paper"] == ["", "", "", "", "", "136.73 ± 0.40"]
    assert every["ReinMax-CV", "as run", "paper"][:2] == [
        "**124.94 ± 0.24**",
        "100.19 ± 0.13",
    ]
    assert rows["ReinMax", "paper"] == [
        "125.08 ± 0.20",
        "**99.88 ± 0.08**",
        "97.80 ± 0.09",
        "97.98 ± 0.13",
        "101.09 ± 0.11",
        "98.50 ± 0.13",
    ]
    assert re.fullmatch(
        r"\*\*12\d\.\d\d \[12\d\.\d\d, 12\d\.\d\d\] ✓\*\*", rows["ReinMax", "ours"][0]
    )
    assert rows["ST", "ours"][1] == "not run"
    # However low, an estimator of which a seed diverged is not the best.
    assert re.fullmatch(r"12\d\.\d\d \[.*\] \(1 diverged\) ✕", rows["ReinMax-CV", "ours"][0])
    # Each cell less ReinMax of the same seeds, which itself has no such row.
    assert ("ReinMax", "minus ReinMax") not in rows
    assert re.fullmatch(r"\+11\.\d\d \[10\.\d\d, 11\.\d\d\]", rows["ST", "minus ReinMax"][0])
    assert "✓ reproduced" in text(config, "table2.md")
    tex = text(config, "table2.tex")
    assert r"\begin{tabular}{lllrrrrrr}" in tex
    assert r"& {\boldmath\bfseries 99.88 \ensuremath{\pm} 0.08}" in tex
    assert r"\ensuremath{\checkmark}" in tex
    assert r"\ensuremath{\checkmark} reproduced" in tex
    check_latex(tex)


def test_what_has_not_been_run_says_so(load_config: Load) -> None:
    config = load_config()
    collect.write_tables(config, ROOT)
    exports.write_exports(config, ROOT)
    for name in NAMES:
        check_latex(text(config, f"{name}.tex"))
        assert re.search("not run|not searched|done; missing", text(config, f"{name}.md")), name
    assert "0 of 1 job done; missing: cost" in text(config, "table4.md")


def test_tables_with_a_caption_are_those_that_are_set() -> None:
    assert {name for kind, name in CAPTIONS if kind == "table"} == NAMES


@pytest.mark.parametrize(
    ("plain", "tex"),
    [
        ("50% of $5 & #1_a {b}", r"50\% of \$5 \& \#1\_a \{b\}"),
        (r"a\b ~", r"a{\textbackslash}b {\textasciitilde}"),
        ("^ < > |", r"{\textasciicircum} \ensuremath{<} \ensuremath{>} \ensuremath{|}"),
        ("τ ≤ −1", r"\ensuremath{\tau} \ensuremath{\leq} \ensuremath{-}1"),
        ("10⁻¹²", r"10\ensuremath{^{-12}}"),
        ("xᵢ₂", r"x\ensuremath{_{i2}}"),
        ("ĝ and z̃ and é", r"\ensuremath{\hat g} and \ensuremath{\tilde z} and \'e"),
        ("☃", "[SNOWMAN]"),
    ],
)
def test_text_is_escaped_for_latex(plain: str, tex: str) -> None:
    assert escaped(plain) == tex


def test_every_character_that_the_project_writes_has_its_command() -> None:
    paths = [
        *(ROOT / "report/claims").glob("*.yaml"),
        *ROOT.glob("src/reinrelax/experiments/*/experiment.py"),
    ]
    paths += [
        *(ROOT / "report/reference").glob("*.csv"),
        *ROOT.glob("src/reinrelax/experiments/*/*page.py"),
    ]
    assert len(paths) > 20
    for path in paths:
        named = re.findall(
            r"\[[A-Z]{3,}[A-Z-]* [A-Z -]+\]", escaped(path.read_text(encoding="utf-8"))
        )
        assert named == [], path


def test_text_is_escaped_for_markdown() -> None:
    table = Table(
        "x", "<b>", [Column("a|b", "text")], [[Cell("*x* `y` [z](u) & $3", style="best")]]
    )
    assert (
        markdown("**A|B**:", table) == "**A\\|B**: &lt;b&gt;\n\n"
        "| a\\|b                              |\n"
        "|:----------------------------------|\n"
        "| **\\*x\\* \\`y\\` [z]\\(u) &amp; \\$3** |\n"
    )


def test_a_row_that_begins_with_a_bracket_is_no_argument_and_long_tables_break() -> None:
    wide = Cell("[1, 2]"), Cell("word " * 20)
    short = latex("x", "**A**", Table("x", "", [Column("h"), Column("p", "text")], [wide]))
    check_latex(short)
    assert r"{}[1, 2] & word" in short
    assert r"{r>{\raggedright\arraybackslash}p{7cm}}" in short
    long = latex("x", "**A**", Table("x", "", [Column("h")], [[Cell("1")]] * 60, notes=["50%"]))
    check_latex(long)
    assert r"\begin{longtable}{r}" in long
    assert r"50\%" in long


def test_small_print_stands_in_the_same_line() -> None:
    cell = Cell(
        "1.0", small=["[0.5, 1.5]", "paper 2.0", "3 seeds"], mark=Badge("near", "≈", "near")
    )
    heads = [Column("Train", small="nats"), Column("Verdict", "text")]
    found = markdown("**A**", Table("x", "", heads, [[cell, Cell(mark=cell.mark)]]))
    assert found.splitlines()[0] == "**A** ≈ near."
    assert [*map(cells, found.splitlines()[2:])][::2] == [
        ["Train, nats", "Verdict"],
        ["1.0 [0.5, 1.5] (paper 2.0, 3 seeds) ≈", "≈ near"],
    ]
