"""Judging functions that give a reason instead of a judgement."""

from reinrelax.claims import model
from reinrelax.claims.model import Claim, Verdict


def ambiguous(claim: Claim, evidence: object) -> Verdict:
    """Report that the paper leaves a statement open to readings with different outcomes.

    The claim's note says which.
    """
    return Verdict(
        claim, model.AMBIGUOUS, "no rule: the statement has no single reading", reason=claim.note
    )


def unjudged(claim: Claim, evidence: object) -> Verdict:
    """Report that no experiment here tests a statement; the claim's note says why."""
    return Verdict(claim, model.NOT_RUN, "no rule: no experiment here tests it", reason=claim.note)
