"""Tables of this library next to its installed peers."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from docs.peers.cases import Pair, installed, pairs
from docs.peers.outcome import ABSENT, Outcome
from docs.peers.probes import outcomes
from reinrelax.display.table_blocks import Cell, Column, Table
from reinrelax.reporting.typeset import markdown


@dataclass(frozen=True)
class Row:
    """What one probe found of a peer and of ours."""

    pair: Pair
    probe: str
    theirs: Outcome
    ours: Outcome

    @property
    def is_behind(self) -> bool:
        """Whether the peer is right and ours is not."""
        return self.theirs.right is True and self.ours.right is not True


def measured() -> list[Row]:
    """Probe all pairs of the installed peers."""
    found = []
    with torch.random.fork_rng(devices=[]):
        for pair in pairs():
            theirs, ours = outcomes(pair, pair.theirs), outcomes(pair, pair.ours)
            found += [
                Row(pair, probe, theirs.get(probe, ABSENT), ours.get(probe, ABSENT))
                for probe in dict.fromkeys([*theirs, *ours])
            ]
    return [row for row in found if (row.theirs, row.ours) != (ABSENT, ABSENT)]


def append(page: Path) -> None:
    """Append the tables to a page."""
    with page.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(written(measured())))


def written(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the tables as Markdown: counts, the rows where a peer is ahead, and all of them."""
    versions = ", ".join(f"{package} {number}" for package, number in installed().items())
    yield f"Measured with Python {platform.python_version()}, {versions}.\n"
    pairs = dict.fromkeys(row.pair for row in rows)
    shared = [row for row in rows if None not in (row.theirs.right, row.ours.right)]
    counts = [
        [
            Cell(pair.package),
            *map(Cell, _counts([row for row in shared if row.pair is pair])),
            *(Cell(pair.theirs.name), Cell(pair.ours.name)),
        ]
        for pair in pairs
    ]
    numbers = ("Probes", "Theirs right", "Ours right")
    columns = [
        Column(head, "number" if head in numbers else "text")
        for head in ("Peer", *numbers, "Theirs", "Ours")
    ]
    yield markdown(
        "",
        Table("peers", "Probes that apply to both, and how many each gets right.", columns, counts),
    )
    behind: dict[str, list[str]] = {}
    for row in rows:
        if row.is_behind:
            name = f"{row.pair.package}’s `{row.pair.theirs.name}`"
            behind.setdefault(row.probe, []).append(name)
    yield "## Where a peer is right and ours is not\n"
    lines = [f"- {probe}: {', '.join(names)}" for probe, names in behind.items()]
    yield "\n".join(lines) or "Nowhere."
    yield "\n## All probes\n"
    for pair in pairs:
        columns = [
            Column("Probe", "text"),
            Column(f"{pair.theirs.name}, {pair.package}", "text"),
            Column(f"{pair.ours.name}, ours", "text"),
        ]
        cells = [
            [Cell(row.probe), Cell(row.theirs.text), Cell(row.ours.text)]
            for row in rows
            if row.pair is pair
        ]
        title = f"{pair.theirs.name} of {pair.package}, and {pair.ours.name}"
        table = markdown("", Table("pair", "", columns, cells))
        yield f"<details><summary>{title}</summary>\n{table}\n</details>\n"


def _counts(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the number of rows, and of those where the peer and ours are right."""
    yield str(len(rows))
    yield str(sum(row.theirs.right is True for row in rows))
    yield str(sum(row.ours.right is True for row in rows))
