"""With seeds enough nothing stays open: what is equal is refuted, and what holds by too little is
near.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from reinrelax.claims import FUNCTIONS, SCHEMAS, Claim, load
from reinrelax.claims.model import Group, Resampled
from reinrelax.claims.parts import Estimate
from tests.conftest import ROOT
from tests.helpers.claims import claimed, ordering

JUDGES = ("trend", "worse_on_test", "gains", "scatters_more", "ratio", "quotient")
SHAPES = ("4x24", "8x4", "10x30", "16x12", "64x8")  # by categories


class Known:
    """Evidence that leaves nothing open."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups

    def sample(self, claim: Claim, **_: object) -> Resampled:
        return Resampled(self.groups, 0, ("", ""), 0, 0, ())


def sure(value: float, scatter: float = 0.0) -> Estimate:
    """A mean without doubt of very many seeds that scatter so."""
    held = scatter * ndtri((np.arange(4000) + 0.5) / 4000)
    return Estimate(value, 1e-6, np.inf, dict(enumerate(held.tolist())) if scatter else {})


def verdict(claim: Claim, groups: Sequence[Group]) -> str:
    return FUNCTIONS[claim.judge][0](claim, Known(groups)).verdict


def at(lower: Sequence[Estimate], higher: Sequence[Estimate]) -> Group:
    return Group(lower, higher, range(len(lower)))


def equal(claim: Claim) -> list[Group]:
    """As many groups and values as the claim has, all alike."""
    own = sure(100.0, 2.0 if claim.judge == "scatters_more" else 0.0)
    along = 6 if claim.judge == "trend" else max(1, len(claim.lower))
    beside = along if claim.judge == "worse_on_test" else max(1, len(claim.higher))
    count = len(claim.places) or claim.at_least or 1
    return [at([own] * along, [own] * beside) for _ in range(count)]


def test_what_is_equal_is_refuted_by_every_claim_that_says_it_differs() -> None:
    shipped = [
        claim for claim in load(ROOT / "report/claims", SCHEMAS, ROOT) if claim.judge in JUDGES
    ]
    assert {claim.judge for claim in shipped} == set(JUDGES)
    for claim in shipped:
        # A quotient of one lies inside some ranges, whose ends are theirs where nothing beyond is
        # asked for.
        low, high = (
            float(claim.parameters.get(key, end)) for key, end in (("from", 0.0), ("to", np.inf))
        )
        within = low < 1.0 < high or (claim.smallest == 0.0 and 1.0 in (low, high))
        inside = claim.judge in ("ratio", "quotient") and within
        assert verdict(claim, equal(claim)) == ("reproduced" if inside else "not reproduced"), (
            claim.id
        )


def rising(by: float) -> list[Group]:
    """Four steps, each by this share of its end."""
    return [at([sure(100.0 / (1 - by) ** step) for step in range(5)], [])]


def gaining(by: float) -> list[Group]:
    return [at([sure(0.0)], [sure(by * step)]) for step in range(5)]


# With the smallest effect of each, groups in which the claim holds by so much.
CASES: dict[str, tuple[Claim, Callable[[float], list[Group]], float]] = {
    "trend": (
        claimed("trend", query={"over": "x"}, parameters={"direction": "rising", "smallest": 0.2}),
        rising,
        0.05,
    ),
    "worse_on_test": (
        ordering(judge="worse_on_test", higher=(), parameters={"smallest": 0.5}),
        lambda by: [at([sure(100.0)], [sure(100.0 + by)])],
        0.5,
    ),
    "gains": (
        ordering(
            judge="gains",
            places=SHAPES,
            parameters={"by": "categories", "to": -0.6, "smallest": 0.5},
        ),
        gaining,
        0.5,
    ),
    "scatters_more": (
        ordering(judge="scatters_more", parameters={"times": 2.0, "smallest": 2.0}),
        lambda by: [at([sure(0.0, 0.5)], [sure(0.0, 0.5 * 2.0 * (1.0 + by))])],
        1.0,
    ),
    "ratio": (
        claimed("ratio", parameters={"from": 1.0, "smallest": 0.2}),
        lambda by: [at([sure(100.0 * (1 + by))], [sure(100.0)])],
        0.2,
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("share", "wanted"),
    [(-0.5, "not reproduced"), (0.0, "not reproduced"), (0.5, "near"), (1.5, "reproduced")],
)
def test_an_effect_is_held_against_the_smallest_of_interest(
    name: str, share: float, wanted: str
) -> None:
    claim, groups, smallest = CASES[name]
    assert verdict(claim, groups(smallest * share)) == wanted


def test_a_quotient_is_of_all_on_either_side() -> None:
    claim = claimed("ratio", parameters={"from": 0.2})
    values: Any = [sure(50.0), sure(30.0)]
    assert verdict(claim, [at(values, [sure(100.0)])]) == "reproduced"
    assert verdict(claim, [at([*values, sure(10.0)], [sure(100.0)])]) == "not reproduced"
