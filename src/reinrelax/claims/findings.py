"""Findings: what claims that say one thing amount to, and what they rest on.

A paper's sentence may be held against results in several readings, metrics and places. Each is a
claim; together they are one finding, and findings are what is counted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from reinrelax.claims import model
from reinrelax.claims.mistakes import Mistakes
from reinrelax.claims.model import Claim
from reinrelax.config.declared import RESTS_ON
from reinrelax.core import experiment
from reinrelax.core.document import read_yaml
from reinrelax.errors import ConfigError

SEVERAL_SEEDS, ONE_TRAINING, SIMULATION, THEOREM = experiment.BASES
NO_TEST = "no test"
BASES = (*experiment.BASES, NO_TEST)
# What claims may be about that is no replication; such findings are shown and not counted. With
# each, what is said there for reproduced and for not reproduced.
ASIDES: Mapping[str, tuple[str, str]] = {
    "the paper’s own tables": (model.CONSISTENT, model.INCONSISTENT),
    **dict.fromkeys(
        ("our own code", "the authors’ public code", "a setting"), (model.HOLDS, model.FAILS)
    ),
}
# What the study of properties integrates or inverts; all else there is sampled.
_INTEGRATED = ("density_integral", "kl_error", "inverse_error")
# Of claims that must hold together, what the least of them comes to.
_WEAKEST = (
    *(model.NOT_REPRODUCED, model.NOT_RUN, model.NOT_TESTED, model.UNDECIDED),
    *(model.AMBIGUOUS, model.COMPATIBLE, model.NEAR, model.REPRODUCED),
)
_KEYS = ("id", "paper", "says", "claims")
_OPTIONAL = ("judge", "together", "readings", "basis", "aside", "headline")


@dataclass(frozen=True)
class Finding:
    """What one or more claims of a paper amount to.

    Attributes:
        id: its own, or that of its only claim.
        says: in one sentence.
        claims: the first one gives the verdict, or the first `leading` where these must hold
            together; the others are readings beside.
        together: whether several must.
        leading: how many claims give the verdict.
        basis: one of `BASES`.
        aside: one of `ASIDES` where it is not counted; else empty.
        headline: whether an abstract or a conclusion says it.
    """

    id: str
    paper: str
    says: str
    claims: tuple[str, ...]
    together: bool
    leading: int
    basis: str
    aside: str
    headline: bool

    def verdict(self, verdicts: Mapping[str, str]) -> str:
        """Its verdict in words, by those of its claims."""
        return self.word(
            min((verdicts[name] for name in self.claims[: self.leading]), key=_WEAKEST.index)
        )

    def word(self, verdict: str) -> str:
        """What a verdict is called in this finding: what replicates nothing is not reproduced
        either.
        """
        words = ASIDES.get(self.aside, (model.REPRODUCED, model.NOT_REPRODUCED))
        return dict(zip((model.REPRODUCED, model.NOT_REPRODUCED), words, strict=True)).get(
            verdict, verdict
        )


def load(path: Path, claims: Sequence[Claim]) -> list[Finding]:
    """All findings: those of a file, then every claim that none of them names, by itself.

    Args:
        path: a YAML list. `claims` are ids or patterns of them, among the claims of the judging
            function `judge` if that is given; so are `readings`, of any function, which stand
            beside.
        claims: those of both papers.

    Raises:
        ConfigError: names every wrong key, and every claim that is unknown or stands in two, one a
            line.
    """
    content = read_yaml(path)
    if not isinstance(content, list):
        raise ConfigError(f"{path}: must be a list of findings; got {type(content).__name__}")
    out: list[Finding] = []
    owner: dict[str, str] = {}
    with Mistakes() as mistakes:
        for index, entry in enumerate(content):
            where = f"{path}: findings[{index}]"
            with mistakes:
                _check(where, entry)
                found = _finding(where, entry, claims)
                if found.id in (other.id for other in out):
                    mistakes.add(
                        f"{where}.id: two findings have the id {found.id!r}; give one another"
                    )
                for name in found.claims:
                    if name in owner:
                        mistakes.add(
                            f"{where}.claims: {name} stands in {owner[name]} too; name it once"
                        )
                    owner[name] = found.id
                out.append(found)
    for claim in claims:
        if claim.id not in owner:
            aside = next(iter(ASIDES)) if claim.query and claim.query.reference else ""
            alone = (claim.id, claim.paper, claim.statement, (claim.id,), False, 1, _basis([claim]))
            out.append(Finding(*alone, aside, False))
    return out


def _finding(where: str, entry: Mapping[str, Any], claims: Sequence[Claim]) -> Finding:
    """The finding of an entry whose keys have been checked."""
    with Mistakes() as mistakes:
        named: dict[str, list[Claim]] = {"claims": [], "readings": []}
        for key in named:
            with mistakes:
                # A pattern of readings may mean claims of any judging function.
                judge = entry.get("judge", "") if key == "claims" else ""
                named[key] = _named(
                    f"{where}.{key}", entry.get(key, ()), entry["paper"], judge, claims
                )
    own, together = (
        [claim for part in named.values() for claim in part],
        bool(entry.get("together", False)),
    )
    return Finding(
        entry["id"],
        entry["paper"],
        entry["says"],
        tuple(claim.id for claim in own),
        together,
        len(named["claims"]) if together else 1,
        entry.get("basis") or _basis(own),
        entry.get("aside", ""),
        bool(entry.get("headline", False)),
    )


def _named(
    where: str, patterns: Sequence[str], paper: str, judge: str, claims: Sequence[Claim]
) -> list[Claim]:
    """The claims that patterns name, in their order; of one judging function if that is given."""
    found: dict[str, Claim] = {}
    with Mistakes() as mistakes:
        for pattern in patterns:
            own = [
                claim
                for claim in claims
                if claim.paper == paper
                and fnmatchcase(claim.id, pattern)
                and judge in ("", claim.judge)
            ]
            if not own:
                mistakes.add(f"{where}: no claim of {paper} has the id {pattern!r}")
            found |= {claim.id: claim for claim in own}
    return list(found.values())


def _basis(claims: Collection[Claim]) -> str:
    """What the first of these claims that is held against results rests on."""
    for claim in claims:
        if claim.judge in ("ambiguous", "unjudged"):
            continue
        if claim.query is None:
            return SEVERAL_SEEDS
        if claim.query.reference or claim.query.where.get("property") in _INTEGRATED:
            return THEOREM
        return RESTS_ON.get(claim.query.table, SEVERAL_SEEDS)
    return NO_TEST


def _check(where: str, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a mapping of keys; got {entry!r}")
    allowed = (*_KEYS, *_OPTIONAL)
    with Mistakes() as mistakes:
        for key in entry:
            if key not in allowed:
                mistakes.add(f"{where}.{key}: unknown key; allowed: {', '.join(allowed)}")
        for key in _KEYS:
            if not entry.get(key):
                mistakes.add(f"{where}.{key}: missing")
        for key in ("claims", "readings"):
            if not isinstance(entry.get(key, []), list):
                mistakes.add(f"{where}.{key}: must be a list of ids; got {entry[key]!r}")
        for key, known in (("basis", BASES), ("aside", tuple(ASIDES))):
            if key in entry and entry[key] not in known:
                mistakes.add(
                    f"{where}.{key}: must be one of {', '.join(known)}; got {entry[key]!r}"
                )
