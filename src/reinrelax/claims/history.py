"""Dates of the rules behind verdicts, from the project's own history.

`python -m reinrelax.claims.history` writes them as the table `report/limits.csv`.
"""

import csv
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from reinrelax.claims import rules
from reinrelax.claims.read import digest
from reinrelax.errors import ReinrelaxError

TABLE = Path("report/limits.csv")
_COLUMNS = ("entry", "limits", "date", "commit")


@dataclass(frozen=True)
class Set:
    """The digest of a rule's content, and the date and commit since which it has been the same."""

    limits: str
    date: str
    commit: str


def history(root: Path) -> dict[str, Set]:
    """Return since which commit each rule has been unchanged.

    Args:
        root: the project's folder, a git working tree.

    Raises:
        ReinrelaxError: git is missing, or the folder is not a working tree with a history.
    """
    held: dict[str, dict[str, Set]] = {}  # by commit
    now: dict[str, Set] = {}
    parsed: dict[
        tuple[str, str], dict[str, str]
    ] = {}  # by path and blob: most files do not change from one commit to the next
    # Follow all merges, so that a rule that one branch left unchanged keeps its date although
    # another branch changed it.
    walk = ("--reverse", "--topo-order", "--full-history", "--parents", "--format=%cI %H %P")
    for line in _git(root, "log", *walk, "--", *rules.PLACES).splitlines():
        date, commit, *parents = line.split()
        entries: dict[str, str] = {}
        for file in _git(root, "ls-tree", "-r", commit, *rules.PLACES).splitlines():
            facts, name = file.split("\t")
            blob = facts.split()[2]
            if (name, blob) not in parsed:
                found = rules.of(name, _git(root, "cat-file", "blob", blob))
                parsed[name, blob] = {rule: digest(said) for rule, said in found.items()}
            entries |= parsed[name, blob]
        before = [held[parent] for parent in parents]
        now = {
            entry: min(
                (own[entry] for own in before if entry in own and own[entry].limits == limits),
                key=lambda at: datetime.fromisoformat(at.date),
                default=Set(limits, date, commit[:12]),
            )
            for entry, limits in entries.items()
        }
        held[commit] = now
    return now


def read(path: Path) -> Mapping[str, Set]:
    """Read the table that `write` made; empty if it does not exist."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["entry"]: Set(row["limits"], row["date"], row["commit"])
            for row in csv.DictReader(file)
        }


def write(root: Path, path: Path) -> None:
    """Write the history as a table with one row per rule."""
    found = history(root)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(_COLUMNS)
        out.writerows([entry, at.limits, at.date, at.commit] for entry, at in sorted(found.items()))


def judged_by(root: Path) -> pd.DataFrame:
    """Return all rules, current and removed, one row each.

    The columns are `rule`, its content (`says`), and the `date` and `commit` since which it has
    been unchanged. The last two are empty if the table of `write` does not have the current
    content. A rule that was removed has an empty `says`.
    """
    said, known = rules.current(root), read(root / TABLE)
    lines = []
    for rule in dict.fromkeys([*said, *known]):
        at, says = known.get(rule), said.get(rule, "")
        lines.append(
            [rule, says, *((at.date, at.commit) if at and at.limits == digest(says) else ("", ""))]
        )
    return pd.DataFrame(lines, columns=["rule", "says", "date", "commit"])


def _git(root: Path, *arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            check=True,
            capture_output=True,
            text=True,
            encoding="utf-8",
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ReinrelaxError(
            f"{root}: cannot read the git history ({error}); run this in a git clone"
        ) from None


if __name__ == "__main__":
    write(Path(), TABLE)
