"""The first page's sentences on findings: chosen by verdict, filled with numbers from tables.

`report/sentences.yaml` maps findings to

    label: ReinMax-Rao                # the subject, set in bold
    numbers: {ours: {table: …}, …}    # queries, as in `numbers`
    reproduced: "… {ours} …"          # by verdict; `else` is for all other judged verdicts
    else: ["… {ours.low} …", "…"]     # of a list, the first sentence whose numbers all exist

A finding without a sentence for its verdict is shown with the paper's statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinrelax.claims import findings
from reinrelax.claims.mistakes import check_keys
from reinrelax.claims.model import JUDGED, WORDS
from reinrelax.core.yaml_file import read_yaml
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import Badge, anchor, count, mark, shape
from reinrelax.errors import ConfigError
from reinrelax.reporting import numbers

FILE = Path("report/sentences.yaml")
ELSE = "else"
# Short forms of the bases of findings; the full names are those of the filter.
_BASES = {
    findings.THEOREM: "exact",
    findings.SIMULATION: "simulation",
    findings.ONE_TRAINING: "1 training",
}


@dataclass(frozen=True)
class Said:
    """A finding as the first page shows it.

    Attributes:
        text: the sentence; the paper's statement if there is no sentence for the verdict.
        basis: a word or two on what it rests on; empty if nothing was tested.
        anchor: its place in the table of all findings.
    """

    id: str
    paper: str
    mark: Badge
    label: str
    text: str
    basis: str
    anchor: str
    headline: bool
    judged: bool


def load(
    collected: TableReader, claims: Sequence[Any], found: Sequence[Mapping[str, Any]]
) -> dict[str, Said]:
    """Return all findings, by id.

    Args:
        collected: the results.
        claims, found: the entries of `claims.json` and `findings.json`.

    Raises:
        ConfigError: the file names an unknown finding, verdict, number or column.
        ResultsError: a table is missing or damaged.
    """
    entries = read_yaml(collected.root / FILE)
    known = {finding["id"] for finding in found}
    for name in entries:
        if name not in known:
            raise ConfigError(
                f"{FILE}: {name}: no such finding; the ids are in report/findings.yaml"
            )
    seeds = {claim["id"]: claim["seeds"] for claim in claims}
    return {
        finding["id"]: _said(finding, entries.get(finding["id"], {}), collected, seeds)
        for finding in found
    }


def _said(
    finding: Mapping[str, Any],
    entry: Mapping[str, Any],
    collected: TableReader,
    seeds: Mapping[str, int],
) -> Said:
    verdict, where = finding["verdict"], f"{FILE}: {finding['id']}"
    judged = verdict in JUDGED
    check_keys(where, entry, (), ("label", "numbers", ELSE, *WORDS))
    sentences = entry.get(verdict, entry.get(ELSE, ()) if judged else ())
    options = [sentences] if isinstance(sentences, str) else list(sentences)
    text = next(filter(None, (fill(where, entry, option, collected) for option in options)), "")
    return Said(
        finding["id"],
        finding["paper"],
        mark(verdict),
        entry.get("label", "") if text else "",
        shape(text or finding["says"]),
        _basis(finding, seeds) if judged else "",
        anchor("finding", finding["id"]),
        finding["headline"],
        judged,
    )


def fill(where: str, entry: Mapping[str, Any], text: str, collected: TableReader) -> str:
    """Fill a sentence with its numbers; empty if one of them is missing.

    Raises:
        ConfigError: the entry lacks a number that the sentence names, or a query is invalid.
        ResultsError: a table is missing or damaged.
    """
    wanted: dict[str, set[str]] = {}
    for name in numbers.fields(text):
        number, _, part = name.partition(".")
        wanted.setdefault(number, set()).add(part or "value")
    asked = entry.get("numbers", {})
    if unknown := set(wanted) - set(asked):
        raise ConfigError(
            f"{where}: {min(unknown)!r} is not a query of `numbers`; known: {', '.join(asked)}"
        )
    found = {
        name: numbers.number_of(f"{where}.numbers.{name}", asked[name], parts, collected)
        for name, parts in wanted.items()
    }
    if any(number.absence for number in found.values()):
        return ""
    return str(text.format(**found))


def _basis(finding: Mapping[str, Any], seeds: Mapping[str, int]) -> str:
    least = min((seeds[name] for name in finding["claims"][: finding["leading"]]), default=0)
    if finding["basis"] == findings.SEVERAL_SEEDS and least:
        return count(least, "seed")
    return _BASES.get(finding["basis"], str(finding["basis"]))
