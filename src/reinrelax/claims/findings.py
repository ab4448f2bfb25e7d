"""Findings: groups of claims that test the same statement, and the evidence that they rest on.

A sentence of a paper can be tested in several readings, metrics and places. Each of these is a
claim. Together they are one finding, and the report counts findings.
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
from reinrelax.core.yaml_file import read_yaml
from reinrelax.errors import ConfigError

SEVERAL_SEEDS, ONE_TRAINING, SIMULATION, THEOREM = experiment.BASES
NO_TEST = "no test"
BASES = (*experiment.BASES, NO_TEST)
# Subjects of findings that are not replications. Such findings are shown but not counted. Each has
# its words for reproduced and for not reproduced.
ASIDES: Mapping[str, tuple[str, str]] = {
    "the paper’s own tables": (model.CONSISTENT, model.INCONSISTENT),
    **dict.fromkeys(
        ("our own code", "the authors’ public code", "a setting"), (model.HOLDS, model.FAILS)
    ),
}
# Properties that the study of properties integrates or inverts; it samples all others.
_INTEGRATED = ("density_integral", "kl_error", "inverse_error")
# Verdicts from weakest to strongest: if claims must hold together, the weakest one counts.
_WEAKEST = (
    *(model.NOT_REPRODUCED, model.NOT_RUN, model.NOT_TESTED, model.UNDECIDED),
    *(model.AMBIGUOUS, model.COMPATIBLE, model.NEAR, model.REPRODUCED),
)
_KEYS = ("id", "paper", "says", "claims")
_OPTIONAL = ("judge", "together", "readings", "basis", "aside", "headline")


@dataclass(frozen=True)
class Finding:
    """The combined outcome of one or more claims of a paper.

    Attributes:
        id: its own id, or that of its only claim.
        says: its statement, in one sentence.
        claims: ids of its claims. The first one gives the verdict, or the first `leading` ones if
            they must hold together; the others are alternative readings.
        together: whether several claims must hold together.
        leading: the number of claims that give the verdict.
        basis: one of `BASES`.
        aside: one of `ASIDES` if the finding is not counted, otherwise empty.
        headline: whether an abstract or a conclusion states it.
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
        """Return the finding's verdict in words, from the verdicts of its claims."""
        return self.word(
            min((verdicts[name] for name in self.claims[: self.leading]), key=_WEAKEST.index)
        )

    def word(self, verdict: str) -> str:
        """Return this finding's word for a verdict.

        Findings that are not replications have their own words for reproduced and not reproduced.
        """
        words = ASIDES.get(self.aside, (model.REPRODUCED, model.NOT_REPRODUCED))
        return dict(zip((model.REPRODUCED, model.NOT_REPRODUCED), words, strict=True)).get(
            verdict, verdict
        )


def load(path: Path, claims: Sequence[Claim]) -> list[Finding]:
    """Read the findings of a file, and add one for every claim that none of them names.

    Args:
        path: a YAML list. `claims` are ids or patterns of ids, limited to the judging function
            `judge` if it is given. `readings` are ids or patterns of alternative readings, of any
            function.
        claims: the claims of both papers.

    Raises:
        ConfigError: lists, one per line, every wrong key and every claim that is unknown or named
            in two findings.
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
                        f"{where}.id: two findings have the id {found.id!r}; change one of them"
                    )
                for name in found.claims:
                    if name in owner:
                        mistakes.add(
                            f"{where}.claims: {name} is also in {owner[name]}; name it only once"
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
    """Return the finding of an entry whose keys have been checked."""
    with Mistakes() as mistakes:
        named: dict[str, list[Claim]] = {"claims": [], "readings": []}
        for key in named:
            with mistakes:
                # A pattern in `readings` can match claims of any judging function.
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
    """Return the claims that match the patterns, in order; only those of `judge` if it is given."""
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
    """Return the basis of the first of these claims that is tested against results."""
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
