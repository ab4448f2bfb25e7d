"""The judging functions that give no judgement: what they say is why."""

from reinrelax.claims import model
from reinrelax.claims.model import Claim, Verdict


def ambiguous(claim: Claim, evidence: object) -> Verdict:
    """A statement that the paper leaves open to readings of different outcome; its note
    says which.
    """
    return Verdict(
        claim, model.AMBIGUOUS, "no rule: the statement has no single reading", reason=claim.note
    )


def unjudged(claim: Claim, evidence: object) -> Verdict:
    """A statement that no experiment here speaks to; its note says why."""
    return Verdict(claim, model.NOT_RUN, "no rule: nothing here tests it", reason=claim.note)
