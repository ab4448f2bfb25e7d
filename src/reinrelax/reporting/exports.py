"""Exports tables of the page for papers (LaTeX) and for GitHub (Markdown)."""

from dataclasses import replace
from pathlib import Path

from reinrelax.claims.model import WORDS
from reinrelax.config.declared import CAPTIONS, EXPORTED, named
from reinrelax.config.load import Config
from reinrelax.core import files
from reinrelax.display.table_blocks import Cell, Column, Table, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_json
from reinrelax.display.text_format import fixed, interval, mark, signed
from reinrelax.reporting.typeset import latex, markdown


def write_exports(config: Config, root: Path) -> None:
    """Write each table that has a caption as LaTeX and Markdown, next to its CSV in `tables`.

    Args:
        config: the configuration of the results.
        root: the project's folder.

    Raises:
        ResultsError: a table is missing or damaged, or a file cannot be written.
    """
    collected = TableReader(config, root)
    tables = {name: _shown(collected, name, view) for name, view in EXPORTED.items()}
    for name, table in {**tables, "claims": _claims(collected)}.items():
        caption = CAPTIONS["table", name].replace("{scale}", config.scale)
        folder = collected.folder / "tables"
        files.write_text(folder / f"{name}.tex", latex(name, caption, table))
        files.write_text(folder / f"{name}.md", markdown(caption, table))


def _shown(collected: TableReader, name: str, view: str) -> Table:
    """Return a table as shown on the page; if it has no rows, it contains the reason."""
    table: Table = named(view)(collected)
    absence = [Cell(collected.absence(name)), *(Cell() for _ in table.columns[1:])]
    return table if table.rows else replace(table, rows=[absence])


def _claims(collected: TableReader) -> Table:
    """Return all claims, one per row, without their rules, which are on the page."""
    columns = [
        *(Column(head, "text") for head in ("Claim", "Place", "Statement")),
        Column("Effect", small="95% interval"),
        Column("p for"),
        Column("p against"),
        Column("Seeds"),
        Column("Verdict", "text"),
    ]
    rows = []
    claims = read_json(collected.folder / "tables/claims.json")
    for claim in claims:
        effect, low, high, holding, failing, seeds = (
            to_float(claim.get(name))
            for name in ("effect", "low", "high", "holding", "failing", "seeds")
        )
        rows.append(
            [
                *(Cell(str(claim.get(name) or "")) for name in ("id", "place", "statement")),
                Cell(signed(effect), small=[interval(low, high)]),
                *(Cell(fixed(value)) for value in (holding, failing)),
                Cell(fixed(seeds, 0)),
                Cell(mark=mark(claim["verdict"])),
            ]
        )
    found = {claim["verdict"] for claim in claims}
    caption = (
        "p for: p-value of the hypothesis that the claim does not hold; p against: that it"
        " holds, by the smallest effect of interest if one is set. Verdicts here:"
        f" {', '.join(word for word in WORDS if word in found)}."
    )
    return Table("claims", caption, columns, rows)
