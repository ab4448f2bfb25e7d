"""The catalogue of judging functions: one line each.

A claim is an entry of `report/claims/*.yaml` that names one of them; `judge` gives its verdict.
"""

from collections.abc import Mapping

from reinrelax.claims import judge as functions
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.judge import SCHEMAS, Judge
from reinrelax.claims.model import VERDICTS, Claim, Verdict, load

JUDGES: Mapping[str, Judge] = {
    "number": functions.number,
    "every_below": functions.every_below,
    "best_below": functions.best_below,
    "above": functions.above,
    "below": functions.below,
    "single_run": functions.single_run,
    "ambiguous": functions.ambiguous,
}

__all__ = ["JUDGES", "SCHEMAS", "VERDICTS", "Claim", "Evidence", "Judge", "Verdict", "judge", "load"]


def judge(claim: Claim, evidence: Evidence) -> Verdict:
    """The verdict of the function that the claim names."""
    return JUDGES[claim.judge](claim, evidence)
