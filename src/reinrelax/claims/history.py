"""When the limits of claims were set, by the project's own history: `python -m reinrelax.claims.history`."""

import csv
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from reinrelax.claims import SCHEMAS
from reinrelax.claims.read import digest
from reinrelax.errors import ReinrelaxError

FOLDER = Path("report/claims")
TABLE = Path("report/limits.csv")
_COLUMNS = ("entry", "limits", "date", "commit")


@dataclass(frozen=True)
class Set:
    """When an entry came to say what it says: the digest that it has had since, and the commit."""

    limits: str
    date: str
    commit: str


def history(root: Path) -> dict[str, Set]:
    """Since which commit each entry of the claims files has said what it says there, but for words.

    Args:
        root: the project's folder, a git working tree.

    Raises:
        ReinrelaxError: git is not there, or this is no working tree with a history.
    """
    held: dict[str, dict[str, Set]] = {}  # by commit
    now: dict[str, Set] = {}
    parsed: dict[str, dict[str, str]] = {}  # by blob: most files are the same from one commit to the next
    # With all merges, so that what was said on one branch stays said while another says something else.
    walk = ("--reverse", "--topo-order", "--full-history", "--parents", "--format=%cI %H %P")
    for line in _git(root, "log", *walk, "--", str(FOLDER)).splitlines():
        date, commit, *parents = line.split()
        entries: dict[str, str] = {}
        for file in _git(root, "ls-tree", commit, f"{FOLDER}/").splitlines():
            facts, name = file.split("\t")
            blob = facts.split()[2]
            if name.endswith(".yaml"):
                if blob not in parsed:
                    parsed[blob] = _entries(_git(root, "cat-file", "blob", blob))
                entries |= parsed[blob]
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
    """The table that `write` made; empty where there is none."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["entry"]: Set(row["limits"], row["date"], row["commit"]) for row in csv.DictReader(file)}


def write(root: Path, path: Path) -> None:
    """Write the history as a table: one row an entry."""
    found = history(root)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(_COLUMNS)
        out.writerows([entry, at.limits, at.date, at.commit] for entry, at in sorted(found.items()))


def _entries(text: str) -> dict[str, str]:
    """Entry to the digest of what it says, and its file's rule and scale for it, of one claims file."""
    content = yaml.safe_load(text)
    entries = [entry for entry in (content or {}).get("claims", ()) if "id" in entry]
    return {entry["id"]: digest(content, entry, SCHEMAS.get(entry.get("judge", ""))) for entry in entries}


def _git(root: Path, *arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True, encoding="utf-8"
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ReinrelaxError(
            f"{root}: its history cannot be read ({error}); run in a clone with git"
        ) from None


if __name__ == "__main__":
    write(Path(), TABLE)
