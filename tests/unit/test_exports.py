"""Tables for papers and for GitHub: numbers as they should be, and text that neither takes for markup."""

import re
from collections.abc import Callable

import pytest

from reinrelax.config.declared import CAPTIONS, FILLED_BY
from reinrelax.config.load import Config
from reinrelax.reporting import collect, exports
from reinrelax.reporting.layouts import LAYOUTS
from reinrelax.reporting.typeset import Entry, Head, Sheet, escaped, latex, markdown
from tests.conftest import ROOT
from tests.synthetic import noise, published, write_results, write_studies

Load = Callable[..., Config]
PAPER = {
    "dataset": {"name": "mnist", "train_images": None, "test_images": None},
    "experiments": {"elbo": {"seeds": 5, "epochs": 160, "draws": 100}},
}


def write(config: Config, missing: str = "", diverged: tuple[tuple[str, str, int], ...] = ()) -> None:
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
    """What a compiler would stop at: environments, braces, formulas, columns, unknown characters."""
    assert source.isascii() or all(c.isalpha() for c in source if not c.isascii())
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", source):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    bare = re.sub(r"\\[\\{}$%&#_]", "", source)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    columns = re.search(r"\\begin\{(?:tabular|longtable)\}\{(.+)\}\n", source)
    assert columns is not None
    width = len(re.sub(r">\{.*?\}p\{7cm\}", "p", columns[1]))
    for line in bare.splitlines():
        assert line.count("$") % 2 == 0, line
        # Outside formulas these belong to formulas only.
        assert not re.search(r"[\^_]", re.sub(r"\$[^$]*\$|\\label\{[^}]*\}", "", line)), line
        assert "%" not in line or line.startswith("%"), line
        assert not re.search(r"#|(\^|_)\{[^}]*\}\1", line), line
    rows = [line for line in source.splitlines() if line.endswith(r" \\")]
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {width}
    assert not any(re.match(r"[\[*]", row) for row in rows)


def test_all_layouts_name_tables_and_columns_that_exist(load_config: Load) -> None:
    assert set(LAYOUTS) - {"claims"} <= set(FILLED_BY)
    config = load_config()
    write(config)
    first = {name: text(config, f"{name}.tex") for name in LAYOUTS}
    exports.write_exports(config, ROOT)
    for name in LAYOUTS:
        assert text(config, f"{name}.tex") == first[name]
        check_latex(first[name])
        title, head, rule, *body = [line for line in text(config, f"{name}.md").splitlines() if line]
        assert title.startswith("**")
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
    every = {(*lines[i - (i - 2) % 3][:2], line[2]): line[3:] for i, line in enumerate(lines) if i > 1}
    rows = {(name, label): row for (name, method, label), row in every.items() if method == "as printed"}
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
    assert re.fullmatch(r"\*\*12\d\.\d\d ± 0\.\d\d ✓\*\*", rows["ReinMax", "ours"][0])
    assert rows["ST", "ours"][1] == "not run"
    # However low, an estimator of which a seed diverged is not the best.
    assert re.fullmatch(r"12\d\.\d\d ± \d\.\d\d ✕ \(1 diverged\)", rows["ReinMax-CV", "ours"][0])
    # Each cell less ReinMax of the same seeds, whose own row has nothing there.
    assert set(rows["ReinMax", "less ReinMax"]) == {""}
    assert re.fullmatch(r"\+11\.\d\d \[10\.\d\d, 11\.\d\d\]", rows["ST", "less ReinMax"][0])
    assert "✓ reproduced, ≈ near, ✕ not reproduced" in text(config, "table2.md")
    tex = text(config, "table2.tex")
    assert r"\begin{tabular}{lllrrrrrr}" in tex
    assert r"& {\boldmath\bfseries 99.88 $\pm$ 0.08}" in tex
    assert r"$\checkmark$" in tex
    check_latex(tex)


def test_what_has_not_been_run_says_so(load_config: Load) -> None:
    config = load_config()
    collect.write_tables(config, ROOT)
    exports.write_exports(config, ROOT)
    for name in LAYOUTS:
        check_latex(text(config, f"{name}.tex"))
        assert re.search("not run|not searched|done; missing", text(config, f"{name}.md")), name
    assert "0 of 1 job done; missing: cost" in text(config, "table4.md")


def test_tables_with_a_caption_are_those_that_are_laid_out() -> None:
    assert {name for kind, name in CAPTIONS if kind == "table"} == set(LAYOUTS)


@pytest.mark.parametrize(
    ("plain", "tex"),
    [
        ("50% of $5 & #1_a {b}", r"50\% of \$5 \& \#1\_a \{b\}"),
        (r"a\b ~ ^ < > |", r"a\textbackslash{}b \textasciitilde{} \textasciicircum{} $<$ $>$ $|$"),
        ("τ ≤ −1", r"$\tau$ $\leq$ $-$1"),
        ("±τ", r"$\pm\tau$"),
        ("10⁻¹²", "10$^{-12}$"),
        ("xᵢ₂", "x$_{i2}$"),
        ("$τ$", r"\$$\tau$\$"),
        ("ĝ and z̃ and é", r"$\hat g$ and $\tilde z$ and é"),
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
    paths += [*(ROOT / "report/reference").glob("*.csv"), ROOT / "src/reinrelax/reporting/layouts.py"]
    assert len(paths) > 20
    for path in paths:
        named = re.findall(r"\[[A-Z]{3,}[A-Z-]* [A-Z -]+\]", escaped(path.read_text(encoding="utf-8")))
        assert named == [], path


def test_text_is_escaped_for_markdown() -> None:
    sheet = Sheet("x", "**A|B**: <b>", [Head("a|b", "text")], [[Entry("*x* `y` [z](u) & $3", bold=True)]])
    assert markdown(sheet) == (
        "**A\\|B**: &lt;b&gt;\n\n| a\\|b |\n| --- |\n| **\\*x\\* \\`y\\` [z]\\(u) &amp; \\$3** |\n"
    )


def test_a_row_that_begins_with_a_bracket_is_no_argument_and_long_tables_break() -> None:
    short = latex(Sheet("x", "**A**", [Head("h"), Head("p", "prose")], [[Entry("[1, 2]"), Entry()]]))
    check_latex(short)
    assert r"{}[1, 2] &  \\" in short
    long = latex(Sheet("x", "**A**", [Head("h")], [[Entry("1")]] * 60, notes=["50%"]))
    check_latex(long)
    assert r"\begin{longtable}{r}" in long
    assert r"50\%" in long
