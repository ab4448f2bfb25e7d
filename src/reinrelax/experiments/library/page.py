"""The page's tables of the released library: the checks of each class, and of this project's."""

from collections.abc import Mapping, Sequence

from reinrelax.display.comparison import DIFFERS, READING, agreement, compared
from reinrelax.display.table_blocks import Cell, Column, Table, key, to_float
from reinrelax.display.table_reader import Line, TableReader
from reinrelax.display.text_format import significant, span

# Checks that hold or fail, in words.
HOLDS = {
    "torch": "is a torch Distribution",
    "pyro": "has Pyro’s interface",
    "validated": "made with validate_args=True",
    "declared": "batch_shape and event_shape",
    "rsample": "rsample()",
    "shape": "shape of rsample()",
    "sample_shape": "rsample(sample_shape)",
    "expand": "expand",
    "gradient": "gradient reaches the parameters",
    "log_prob": "log_prob of its own sample",
    "log_prob_shape": "shape of log_prob",
    "method": "is in the library",
    "named": "names in __all__",
}
_NUMBERS = {
    "integral": "Mass",
    "above": "P(> ½)",
    "correlation": "Two elements of a batch",
    "variance": "Variance",
    "kl": "KL",
}
WORDS = {
    **HOLDS,
    **{"integral": "mass of the density", "above": "P(first coordinate > ½), by the density"},
    **{"correlation": "correlation of two elements of a batch", "kl": "KL, as registered"},
    **{"mean": "mean, as the class returns it", "variance": "variance, as the class returns it"},
    **{"same_law": "same distribution as ours, p", "ratio_std": "deviation of log π₁ − log π₃"},
    **{"round_trip": "error of α after a round trip"},
}


def library(collected: TableReader) -> list[Table]:
    """Return a table of two rows per distribution, theirs and ours, and a folded one of all."""
    lines = collected.lines("library")
    if not lines:
        return []
    groups: dict[tuple[str, str], dict[str, Line]] = {}
    for line in lines:
        groups.setdefault((line["law"], line["implementation"]), {})[line["check"]] = line
    caption = (
        "Mass: of the density over the sampled set, 1 for a proper density. The probability, the"
        " variance and the KL are sampled, and compared with the class’s density, variance and"
        f" registered KL. {READING}"
    )
    return [
        Table(
            "library-rows",
            caption,
            [
                *(Column("Section", "text"), Column("Class", "text"), Column("Fails", "text")),
                *map(Column, _NUMBERS.values()),
            ],
            [_summary(place, own) for place, own in groups.items() if "integral" in own],
        ),
        Table(
            "library-all",
            f"Every check of every class, with 95% intervals for sampled numbers. {READING}",
            [
                *(Column("Section", "text"), Column("Class", "text"), Column("Check", "text")),
                *(Column("Measured"), Column("Expected"), Column("Outcome", "text")),
            ],
            [_long(line) for line in lines],
            folded=f"All {len(lines):,} checks",
        ),
    ]


def _summary(place: tuple[str, str], own: Mapping[str, Line]) -> Sequence[Cell]:
    broken = [
        f"{words}: {own[check]['raised']}" if own[check]["raised"] else words
        for check, words in HOLDS.items()
        if check in own and to_float(own[check]["value"]) < 1
    ]
    first = next(iter(own.values()))
    return [
        *(Cell(place[0]), Cell(first["class"], small=[place[1]])),
        Cell("" if broken else "—", small=broken),
        *(_cell(own.get(check)) for check in _NUMBERS),
    ]


def _cell(line: Line | None) -> Cell:
    if line is None or line["value"] != "":
        return compared(line)
    # The KL is infinite or not registered, or the class has no density.
    said = line["check"] == "kl" and significant(to_float(line["expected"]))
    return Cell(line["raised"], small=[f"registered: {said}"] if said else [])


def _long(line: Line) -> Sequence[Cell]:
    mark = agreement(line)
    value, expected = to_float(line["value"]), to_float(line["expected"])
    limits = span(to_float(line["low"]), to_float(line["high"]))
    outcome = [f"{mark.symbol} {mark.text}".strip(), line["raised"]]
    return [
        Cell(line["law"]),
        Cell(line["class"], small=[line["implementation"]]),
        Cell(WORDS[line["check"]]),
        Cell(f"{significant(value)} {limits}".strip(), key(value)),
        Cell(significant(expected), key(expected)),
        Cell("; ".join(filter(None, outcome)), style="warn" if mark is DIFFERS else ""),
    ]
