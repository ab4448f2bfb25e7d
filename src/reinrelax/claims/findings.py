"""Findings: what claims that say one thing amount to, and what they rest on.

A paper's sentence may be held against results in several readings, metrics and places. Each is a claim;
together they are one finding, and findings are what is counted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from reinrelax.claims import model
from reinrelax.claims.model import Claim
from reinrelax.core.document import read_yaml
from reinrelax.errors import ConfigError

THEOREM = "theorem or enumeration"
SIMULATION = "simulation of a toy problem"
ONE_TRAINING = "one training"
SEVERAL_SEEDS = "several seeds"
NO_TEST = "no test"
BASES = (SEVERAL_SEEDS, ONE_TRAINING, SIMULATION, THEOREM, NO_TEST)
# What claims may be about that is no replication; such findings are shown and not counted.
ASIDES = ("the paper’s own tables", "our own code", "the authors’ public code", "a setting")
# Experiment or study that fills a table, to what its results rest on; all others have several seeds.
_RESTING: Mapping[str, str] = {
    **dict.fromkeys(("identities", "bridge", "library"), THEOREM),
    **dict.fromkeys(("properties", "copula", "decoupled"), SIMULATION),
    **dict.fromkeys(("gradients", "cost", "grid"), ONE_TRAINING),
}
# What the study of properties integrates or inverts; all else there is sampled.
_INTEGRATED = ("density_integral", "kl_error", "kl_bound_excess", "inverse_error")
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
        claims: the first one gives the verdict, or the first `leading` where these must hold together; the
            others are readings beside.
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
        """Its verdict, by those of its claims."""
        return min((verdicts[name] for name in self.claims[: self.leading]), key=_WEAKEST.index)


def load(path: Path, claims: Sequence[Claim], sources: Mapping[str, str]) -> list[Finding]:
    """All findings: those of a file, then every claim that none of them names, by itself.

    Args:
        path: a YAML list. `claims` are ids or patterns of them, among the claims of the judging function
            `judge` if that is given, and `readings` others that are not among those that must hold together.
        claims: those of both papers.
        sources: table to the experiment or study that fills it.

    Raises:
        ConfigError: names the finding and the key, or the claim that is unknown or stands in two findings.
    """
    content = read_yaml(path)
    if not isinstance(content, list):
        raise ConfigError(f"{path}: must be a list of findings; got {type(content).__name__}")
    out: list[Finding] = []
    owner: dict[str, str] = {}
    for index, entry in enumerate(content):
        where = f"{path}: findings[{index}]"
        _check(where, entry)
        leading = _named(f"{where}.claims", entry["claims"], entry, claims)
        beside = _named(f"{where}.readings", entry.get("readings", ()), entry, claims)
        own = [*leading, *beside]
        together = bool(entry.get("together", False))
        for claim in own:
            if claim.id in owner:
                raise ConfigError(f"{where}.claims: {claim.id} stands in {owner[claim.id]} too; name it once")
            owner[claim.id] = entry["id"]
        out.append(
            Finding(
                entry["id"],
                entry["paper"],
                entry["says"],
                tuple(claim.id for claim in own),
                together,
                len(leading) if together else 1,
                entry.get("basis") or _basis(own, sources),
                entry.get("aside", ""),
                bool(entry.get("headline", False)),
            )
        )
    names = [finding.id for finding in out]
    if len(set(names)) < len(names):
        raise ConfigError(f"{path}: two findings have the id {max(names, key=names.count)!r}")
    for claim in claims:
        if claim.id not in owner:
            aside = ASIDES[0] if claim.query and claim.query.reference else ""
            alone = (claim.id, claim.paper, claim.statement, (claim.id,), False, 1, _basis([claim], sources))
            out.append(Finding(*alone, aside, False))
    return out


def _named(
    where: str, patterns: Sequence[str], entry: Mapping[str, Any], claims: Sequence[Claim]
) -> list[Claim]:
    """The claims that patterns of an entry name, in their order."""
    found: dict[str, Claim] = {}
    for pattern in patterns:
        own = [
            claim
            for claim in claims
            if claim.paper == entry["paper"]
            and fnmatchcase(claim.id, pattern)
            and claim.judge == entry.get("judge", claim.judge)
        ]
        if not own:
            raise ConfigError(f"{where}: no claim of {entry['paper']} has the id {pattern!r}")
        found |= {claim.id: claim for claim in own}
    return list(found.values())


def _basis(claims: Collection[Claim], sources: Mapping[str, str]) -> str:
    """What the first of these claims that is held against results rests on."""
    for claim in claims:
        if claim.judge in ("ambiguous", "unjudged"):
            continue
        if claim.query is None:
            return SEVERAL_SEEDS
        if claim.query.reference or claim.query.where.get("property") in _INTEGRATED:
            return THEOREM
        return _RESTING.get(sources.get(claim.query.table, ""), SEVERAL_SEEDS)
    return NO_TEST


def _check(where: str, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a mapping of keys; got {entry!r}")
    if unknown := [key for key in entry if key not in (*_KEYS, *_OPTIONAL)]:
        raise ConfigError(f"{where}.{unknown[0]}: unknown key; allowed: {', '.join((*_KEYS, *_OPTIONAL))}")
    if missing := [key for key in _KEYS if not entry.get(key)]:
        raise ConfigError(f"{where}.{missing[0]}: missing")
    for key in ("claims", "readings"):
        if not isinstance(entry.get(key, []), list):
            raise ConfigError(f"{where}.{key}: must be a list of ids; got {entry[key]!r}")
    for key, known in (("basis", BASES), ("aside", ASIDES)):
        if key in entry and entry[key] not in known:
            raise ConfigError(f"{where}.{key}: must be one of {', '.join(known)}; got {entry[key]!r}")
