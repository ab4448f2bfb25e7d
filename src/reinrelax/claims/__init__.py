"""The catalogue of judging functions, each with the schema of the claims that name it.

A claim is an entry of `report/claims/*.yaml`; `judge_all` returns the verdicts of all claims. To
add a judging function, write it in a module of this package and add an entry to `FUNCTIONS`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reinrelax.claims import (
    bounds,
    matching,
    ordering,
    printed_numbers,
    ranks,
    shapes,
    spread,
    unjudged,
)
from reinrelax.claims.decide import correct
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import MEASUREMENTS, SUBJECTS, TYPES, VERDICTS, Claim, Verdict
from reinrelax.claims.read import Schema, load

_ORDER = ("reproduced_from", "not_reproduced_to")
_NUMBER = ("reproduced_within", "near_within", "level")
_SIDES = ("lower", "higher", "places")
_PLACED = ("elsewhere", "at_least", "smallest")
_RANGE = ("from", "to", "smallest")
# Keys of a rule that apply to claims that set none of them.
_SMALLEST, _ALLOWED = ("smallest",), ("tolerance", "share")
_RUNS = tuple(SUBJECTS)
_TABLES = (MEASUREMENTS,)

# Name to function and schema. A schema has the default type of the claims, the subjects that the
# function can judge, the keys that are required and allowed in addition to those of every claim,
# the required keys of the rule, and the rule keys that claims can set themselves.
FUNCTIONS: Mapping[str, tuple[Callable[[Claim, Any], Verdict], Schema]] = {
    "number": (printed_numbers.number, Schema("number", _RUNS, ("reference",), (), _NUMBER)),
    "single_run": (
        printed_numbers.single_run,
        Schema("number", _RUNS, ("lower", "places", "printed"), (), ("level",)),
    ),
    "every_below": (
        ordering.every_below,
        Schema("ordering", _RUNS, _SIDES, _PLACED, _ORDER, _SMALLEST),
    ),
    "best_below": (
        ordering.best_below,
        Schema("ordering", _RUNS, _SIDES, _PLACED, _ORDER, _SMALLEST),
    ),
    "ranked": (
        ordering.ranked,
        Schema("ordering", _RUNS, (*_SIDES, "rank"), _SMALLEST, _ORDER, _SMALLEST),
    ),
    "worse_on_test": (
        ordering.worse_on_test,
        Schema(
            "ordering",
            ("trainings",),
            ("lower", "places"),
            ("at_least", "smallest"),
            _ORDER,
            _SMALLEST,
        ),
    ),
    "above": (
        bounds.above,
        Schema("qualitative", _RUNS, ("lower", "places", "limit"), ("smallest",), _ORDER),
    ),
    "below": (
        bounds.below,
        Schema("qualitative", _RUNS, ("lower", "places", "limit"), ("smallest",), _ORDER),
    ),
    "agrees": (
        ranks.agrees,
        Schema("ordering", _RUNS, ("lower", "places", "from"), _SMALLEST, _ORDER, _SMALLEST),
    ),
    "gains": (
        ranks.gains,
        Schema("trend", ("trainings",), (*_SIDES, "by", "to"), _SMALLEST, _ORDER, _SMALLEST),
    ),
    "scatters_alike": (
        spread.scatters_alike,
        Schema("number", _RUNS, ("reference",), (), ("spread_within", "spread_near", "level")),
    ),
    "scatters_more": (
        spread.scatters_more,
        Schema("number", _RUNS, (*_SIDES, "times"), _SMALLEST, _ORDER),
    ),
    "quotient": (bounds.ratio, Schema("number", _RUNS, _SIDES, _RANGE, _ORDER)),
    "less": (
        ordering.every_below,
        Schema("ordering", _TABLES, ("lower", "higher"), ("by", "smallest"), _ORDER, _SMALLEST),
    ),
    "best_less": (
        ordering.best_below,
        Schema("ordering", _TABLES, ("lower", "higher"), _SMALLEST, _ORDER, _SMALLEST),
    ),
    "within": (bounds.within, Schema("qualitative", _TABLES, (), _RANGE, _ORDER)),
    "ratio": (
        bounds.ratio,
        Schema("number", _TABLES, ("lower", "higher"), _RANGE, _ORDER, _SMALLEST),
    ),
    "trend": (
        shapes.trend,
        Schema("trend", _TABLES, ("over", "direction"), ("turns", "smallest"), _ORDER, _SMALLEST),
    ),
    "minimum_at": (
        shapes.minimum_at,
        Schema("trend", _TABLES, ("over", "from", "to"), _SMALLEST, _ORDER, _SMALLEST),
    ),
    "printed": (printed_numbers.printed, Schema("number", _TABLES, ("printed",), (), _NUMBER)),
    "matches": (
        matching.matches,
        Schema("number", _TABLES, (), ("expected", *_ALLOWED), _ORDER, _ALLOWED),
    ),
    "unrejected": (matching.unrejected, Schema("number", _TABLES, (), ("from", "to"), _ORDER)),
    "chosen": (matching.chosen, Schema("number", _TABLES, ("reference", "to"), (), _ORDER)),
    "ambiguous": (unjudged.ambiguous, Schema("qualitative", (*_RUNS, *_TABLES), ("note",))),
    "unjudged": (unjudged.unjudged, Schema("qualitative", (*_RUNS, *_TABLES), ("note",))),
}
SCHEMAS: Mapping[str, Schema] = {name: schema for name, (_, schema) in FUNCTIONS.items()}

__all__ = [
    "FUNCTIONS",
    "SCHEMAS",
    "TYPES",
    "VERDICTS",
    "Claim",
    "Evidence",
    "Measurements",
    "Schema",
    "Verdict",
    "judge",
    "judge_all",
    "load",
]


def judge(claim: Claim, evidence: Evidence | Measurements) -> Verdict:
    """Return the verdict of a claim's judging function, not corrected for its family."""
    return FUNCTIONS[claim.judge][0](claim, evidence)


def judge_all(
    claims: Sequence[Claim], evidence: Mapping[str, Evidence | Measurements]
) -> list[Verdict]:
    """Return the verdicts of all claims, corrected for the size of each family.

    Args:
        claims: claims in any order; the verdicts have the same order.
        evidence: evidence by subject.
    """
    return correct([judge(claim, evidence[claim.subject]) for claim in claims])
