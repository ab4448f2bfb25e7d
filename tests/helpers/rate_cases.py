"""The truths at which judging functions are tried, each the least favourable of its kind, and draws
of them.

For a false confirmation the claim fails by nothing, and at k of n places k − 1 hold beyond doubt;
for a false refutation it holds by the smallest effect of interest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from reinrelax.claims import Claim, Evidence, Measurements
from reinrelax.claims.model import Group, Minimum, PrintedNumber, Resampled
from reinrelax.claims.parts import Estimate
from tests.helpers.claims import METRIC, claimed, evidence, measured, number, ordering

TEST = "test_nelbo_nats"
CONFIRMED, REFUTED = "reproduced", "not reproduced"
SHAPES = ("8x4", "4x24", "8x16", "16x12", "64x8", "10x30")
METHODS = ("ReinMax", "ReinMax-CV", "ReinMax-Rao", "GST-1.0", "STGS", "Gumbel-Rao", "ST")
FAR = 50.0  # standard deviations of a seed: beyond doubt
UNIT = 10**-0.5  # the printed ± of ten seeds of unit deviation
SPREAD = {"spread_within": 2.0, "spread_near": 3.0, "level": 0.95}

Draw = Callable[[np.random.Generator, int], tuple[Claim, Evidence | Measurements]]


@dataclass(frozen=True)
class Case:
    """A truth, and the verdict that is wrong of it.

    Attributes:
        function: the judging function.
        truth: in words.
        wrong: the verdict that is an error.
        level: the rate that is meant at most.
        draw: a claim and what it is judged by, from a generator and a number of seeds.
    """

    function: str
    truth: str
    wrong: str
    level: float
    draw: Draw


class _Runs:
    """Evidence whose values are drawn anew; the tables around them are made once for each number of
    seeds.
    """

    def __init__(
        self,
        claim: Claim,
        means: Mapping[str, Mapping[str, float]],
        stds: Mapping[str, float],
        on_test: float = 0.0,
    ) -> None:
        self.claim, self.means, self.stds = claim, means, stds
        self.shifts = {METRIC: 0.0, TEST: on_test}
        self._made: dict[int, Evidence] = {}

    def __call__(self, g: np.random.Generator, seeds: int) -> tuple[Claim, Evidence]:
        if seeds not in self._made:
            places = {
                (name, place): [0.0] * seeds for place in self.means for name in self.means[place]
            }
            self._made[seeds] = evidence(places)
            self._made[seeds].runs[TEST] = 0.0
        there = self._made[seeds]
        for place, means in self.means.items():
            for name, mean in means.items():
                for metric, shift in self.shifts.items():
                    values = g.normal(mean + shift, self.stds.get(name, 1.0), size=seeds).tolist()
                    there.hold((name, place), metric, dict(enumerate(values)))
        return self.claim, there


def runs(
    claim: Claim, means: Mapping[str, float], stds: Mapping[str, float] | None = None
) -> _Runs:
    """The same means at all places of the claim."""
    return _Runs(claim, {place: means for place in (*claim.places, *claim.elsewhere)}, stds or {})


class _Drawn(Measurements):
    """Measurements that are drawn, not read from tables, which would take most of the time."""

    groups: Sequence[Group]

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__({}, {}, {}, pd.DataFrame())
        object.__setattr__(self, "groups", groups)

    def sample(self, claim: Claim) -> Resampled:
        return Resampled(self.groups, 0, ("", ""), 0, 0, ())


def rows(claim: Claim, lines: Sequence[tuple[float, Mapping[str, Any]]]) -> Draw:
    """Means over seeds of unit deviation about these, with their standard errors and degrees of
    freedom.

    `epoch` tells groups apart, `who` the sides, `x` is the coordinate.
    """

    def draw(g: np.random.Generator, seeds: int) -> tuple[Claim, Measurements]:
        groups: dict[Any, dict[str, list[Any]]] = {}
        for mean, columns in lines:
            values = g.normal(mean, 1.0, size=seeds)
            drawn = Estimate(
                float(values.mean()), float(values.std(ddof=1) / np.sqrt(seeds)), float(seeds - 1)
            )
            group = groups.setdefault(columns.get("epoch"), {"a": [], "b": [], "at": []})
            group[columns.get("who", "a")].append(drawn)
            group["at"].append(float(columns.get("x", 0.0)))
        return claim, _Drawn([Group(own["a"], own["b"], own["at"]) for own in groups.values()])

    return draw


def theory(claim: Claim, off: float, count: int) -> Draw:
    """So many values of unit deviation off what is expected of them."""

    def draw(g: np.random.Generator, seeds: int) -> tuple[Claim, Measurements]:
        values = g.normal(off, 1.0, size=(count, seeds))
        middle = values.mean(-1)
        half = student.ppf(0.975, seeds - 1) * values.std(-1, ddof=1) / np.sqrt(seeds)
        lines = zip(middle, middle - half, middle + half, strict=True)
        table = [
            {"value": v, "low": a, "high": b, "seeds": seeds, "expected": 0.0} for v, a, b in lines
        ]
        return claim, measured(table)

    return draw


def tables(claim: Claim, mean: float, plus_minus: float, std: float = 1.0) -> Draw:
    """A cell against a printed number that is itself drawn, ten seeds of it."""
    own = runs(claim, {"ReinMax": mean}, {"ReinMax": std})

    def draw(g: np.random.Generator, seeds: int) -> tuple[Claim, Evidence]:
        _, there = own(g, seeds)
        theirs = g.normal(100.0, plus_minus * np.sqrt(10), size=10)
        printed = PrintedNumber(float(theirs.mean()), float(theirs.std() / np.sqrt(10)), 10)
        return replace(claim, published=printed), there

    return draw


def _cases() -> list[Case]:
    open_scale = {"minimum": Minimum({}, 3, {})}
    sides = {"lower": ({"who": "a"},), "higher": ({"who": "b"},)}
    a, b = {"who": "a"}, {"who": "b"}
    half = {"parameters": {"smallest": 0.5}}
    order = [*METHODS]

    def claim(judge_name: str, **changes: Any) -> Claim:
        return ordering(judge=judge_name, **{**open_scale, **changes})

    def places(judge_name: str, held: int, gap: float, **changes: Any) -> Draw:
        """Of six shapes the claim holds beyond doubt at `held`, and elsewhere by `gap`."""
        asked = claim(judge_name, places=SHAPES, at_least=4, **changes)
        means = {
            place: {"ReinMax": 0.0, "ST": FAR if index < held else gap}
            for index, place in enumerate(SHAPES)
        }
        return _Runs(asked, means, {})

    def snapshots(held: int, gap: float, **changes: Any) -> Draw:
        asked = claimed("less", query={**sides, "each": ("epoch",)}, at_least=9, **changes)
        lines = [
            (mean, {**who, "epoch": epoch})
            for epoch in range(11)
            for mean, who in ((10.0, a), (10.0 + (FAR if epoch < held else gap), b))
        ]
        return rows(asked, lines)

    def course(means: Sequence[float], **parameters: float) -> Draw:
        asked = claimed(
            "trend", query={"over": "x"}, parameters={"direction": "rising", **parameters}
        )
        return rows(asked, [(mean, {"x": float(x)}) for x, mean in enumerate(means)])

    def one(judge_name: str, mean: float, **changes: Any) -> Draw:
        return rows(claimed(judge_name, **changes), [(mean, a)])

    def two(judge_name: str, low: float, high: float, **changes: Any) -> Draw:
        return rows(claimed(judge_name, query=sides, **changes), [(low, a), (high, b)])

    share = {"parameters": {"smallest": 0.05}}
    ends = {"parameters": {"from": 5.0}}
    five = METHODS[:5]
    agreed = claim("agrees", lower=five, higher=(), parameters={"from": 0.8})
    # Two pairs of neighbours exchanged: a correlation of 0.8, and a third exchange makes it 0.6.
    wrong_order = [five[1], five[2], five[0], five[4], five[3]]
    grown = claim(
        "gains",
        lower=("ReinMax",),
        higher=("ST",),
        places=SHAPES,
        parameters={"by": "latents", "to": -0.6, "smallest": 0.5},
    )
    by_latents = sorted(SHAPES, key=lambda shape: int(shape.split("x")[1]))
    spread = claim(
        "scatters_more",
        lower=order[1:6],
        higher=("ReinMax",),
        parameters={"times": 2.0, "smallest": 1.5},
    )
    alike = number(**open_scale, judge="scatters_alike", rule=SPREAD)
    share_of_one = claim("quotient", parameters={"from": 0.9, "smallest": 0.05})
    tolerant = claimed("matches", parameters={"tolerance": 0.5})

    def p_values(g: np.random.Generator, seeds: int) -> tuple[Claim, Measurements]:
        drawn = [{"value": float(p)} for p in g.uniform(size=seeds)]
        return claimed("unrejected", parameters={"from": 0.05 / seeds}), measured(drawn)

    def single(g: np.random.Generator, seeds: int) -> tuple[Claim, Evidence]:
        _, there = runs(claim("single_run"), {"ReinMax": 0.0})(g, seeds)
        asked = claim(
            "single_run",
            parameters={"printed": float(g.normal())},
            rule={"level": 0.95},
        )
        return asked, there

    def swapped(names: Sequence[str]) -> dict[str, float]:
        return {name: FAR * place for place, name in enumerate(names)}

    tied = "the others equal"
    return [
        Case(
            "number", "Δ is the margin", CONFIRMED, 0.05, tables(number(**open_scale), 100.5, 0.2)
        ),
        Case("number", "Δ is the margin", REFUTED, 0.025, tables(number(**open_scale), 100.5, 0.2)),
        Case(
            "number", "Δ is three margins", "near", 0.05, tables(number(**open_scale), 101.5, 0.2)
        ),
        Case("number", "Δ = 0", REFUTED, 0.025, tables(number(**open_scale), 100.0, 0.2)),
        Case("single_run", "the printed run is one of ours", REFUTED, 0.05, single),
        Case(
            *("every_below", "both equal", CONFIRMED, 0.05),
            runs(claim("every_below"), {"ReinMax": 0.0, "ST": 0.0}),
        ),
        Case(
            *("every_below", "ahead by the smallest effect", REFUTED, 0.05),
            runs(claim("every_below", **half), {"ReinMax": 0.0, "ST": 0.5}),
        ),
        Case(
            "every_below",
            f"holds at 3 of 6 places where 4 are required, {tied}",
            CONFIRMED,
            0.05,
            places("every_below", 3, 0.0),
        ),
        Case(
            *(
                "every_below",
                "holds at 3 of 6 places, at the others by the smallest effect",
                REFUTED,
                0.05,
            ),
            places("every_below", 3, 0.5, **half),
        ),
        Case(
            *("best_below", "both of one side equal to the best of the other", CONFIRMED, 0.05),
            runs(
                claim("best_below", lower=order[1:3], higher=order[3:6]),
                {**dict.fromkeys(order[1:4], 0.0), **dict.fromkeys(order[4:6], FAR)},
            ),
        ),
        Case(
            *("best_below", "one ahead by the smallest effect", REFUTED, 0.05),
            runs(
                claim("best_below", lower=order[1:3], higher=order[3:6], **half),
                {order[1]: 0.0, order[2]: FAR, **dict.fromkeys(order[3:6], 0.5)},
            ),
        ),
        Case(
            *("ranked", "second of five, tied with the third", CONFIRMED, 0.05),
            runs(
                claim("ranked", lower=("ReinMax",), higher=order[1:5], parameters={"rank": 2}),
                {"ReinMax": 0.0, order[1]: -FAR, order[2]: 0.0, order[3]: FAR, order[4]: FAR},
            ),
        ),
        Case(
            *("ranked", "second of five, by the smallest effect", REFUTED, 0.05),
            runs(
                claim(
                    "ranked",
                    lower=("ReinMax",),
                    higher=order[1:5],
                    parameters={"rank": 2, "smallest": 0.5},
                ),
                {"ReinMax": 0.0, order[1]: -0.5, order[2]: 0.5, order[3]: 0.5, order[4]: 0.5},
            ),
        ),
        Case(
            *("worse_on_test", "train and test equal", CONFIRMED, 0.05),
            runs(claim("worse_on_test", higher=()), {"ReinMax": 0.0}),
        ),
        Case(
            *("worse_on_test", "worse by the smallest effect", REFUTED, 0.05),
            _Runs(
                claim("worse_on_test", higher=(), **half),
                {"8x4": {"ReinMax": 0.0}},
                {},
                on_test=0.5,
            ),
        ),
        *(
            Case(
                name,
                "the mean is the limit",
                wrong,
                0.05,
                runs(claim(name, higher=(), parameters={"limit": 0.0}), {"ReinMax": 0.0}),
            )
            for name in ("above", "below")
            for wrong in (CONFIRMED, REFUTED)
        ),
        Case("agrees", "all equal", CONFIRMED, 0.05, runs(agreed, dict.fromkeys(five, 0.0))),
        Case(
            "agrees",
            "an order that agrees less than required",
            CONFIRMED,
            0.05,
            runs(agreed, {n: v / FAR for n, v in swapped(wrong_order).items()}),
        ),
        Case(
            "agrees",
            "the order, by two deviations a step",
            REFUTED,
            0.05,
            runs(agreed, {n: 2 * v / FAR for n, v in swapped(five).items()}),
        ),
        Case(
            "gains",
            "no gain at any size",
            CONFIRMED,
            0.05,
            runs(grown, {"ReinMax": 0.0, "ST": 0.0}),
        ),
        Case(
            *("gains", "a gain that grows by the smallest effect a size", REFUTED, 0.05),
            _Runs(
                grown,
                {own: {"ReinMax": 0.0, "ST": 0.5 * k} for k, own in enumerate(by_latents)},
                {},
            ),
        ),
        Case(
            "scatters_more",
            "exactly that factor",
            CONFIRMED,
            0.05,
            runs(spread, dict.fromkeys(order[:6], 0.0), {"ReinMax": 2.0}),
        ),
        Case(
            *("scatters_more", "that factor and the smallest effect more", REFUTED, 0.05),
            runs(spread, dict.fromkeys(order[:6], 0.0), {"ReinMax": 3.0}),
        ),
        Case("less", "both equal", CONFIRMED, 0.05, two("less", 10.0, 10.0)),
        Case(
            "less", "ahead by the smallest effect", REFUTED, 0.05, two("less", 9.5, 10.0, **share)
        ),
        Case(
            "less",
            f"holds at 8 of 11 places where 9 are required, {tied}",
            CONFIRMED,
            0.05,
            snapshots(8, 0.0),
        ),
        Case("less", "holds at 9 of 11 places, the others equal", REFUTED, 0.05, snapshots(9, 0.0)),
        Case("best_less", "both equal", CONFIRMED, 0.05, two("best_less", 10.0, 10.0)),
        Case(
            "best_less",
            "ahead by the smallest effect",
            REFUTED,
            0.05,
            two("best_less", 9.5, 10.0, **share),
        ),
        Case("within", "on the limit", CONFIRMED, 0.05, one("within", 5.0, **ends)),
        Case("within", "on the limit", REFUTED, 0.05, one("within", 5.0, **ends)),
        Case(
            "ratio",
            "on the limit",
            CONFIRMED,
            0.05,
            two("ratio", 100.0, 50.0, parameters={"to": 2.0}),
        ),
        Case(
            *("ratio", "inside by the smallest effect", REFUTED, 0.05),
            two("ratio", 99.5, 50.0, parameters={"to": 2.0, "smallest": 0.01}),
        ),
        Case(
            "trend",
            "rises at 2 of 4 steps where 3 are required, flat at two",
            CONFIRMED,
            0.05,
            course([0.0, FAR, 2 * FAR, 2 * FAR, 2 * FAR], turns=1),
        ),
        # One step is allowed to fall; of the smallest effect, a fifth in all, one step has a
        # twentieth.
        Case(
            *(
                "trend",
                "rises at 3 of 4 steps, at one by the smallest effect, and falls at one",
                REFUTED,
                0.05,
            ),
            course([10.0, 10.0 + FAR, 10.0, 10.0 / 0.95, 10.0 + FAR], turns=1, smallest=0.2),
        ),
        *(
            Case(
                *("minimum_at", "as low at a place outside", wrong, 0.05),
                rows(
                    claimed("minimum_at", query={"over": "x"}, parameters={"from": 2, "to": 2}),
                    [(0.0 if x in (2, 3) else FAR, {"x": x}) for x in range(5)],
                ),
            )
            for wrong in (CONFIRMED, REFUTED)
        ),
        Case(
            "printed",
            "off by the margin",
            CONFIRMED,
            0.05,
            one("printed", 12.5, parameters={"printed": 10.0}),
        ),
        Case(
            "printed",
            "off by the margin",
            REFUTED,
            0.025,
            one("printed", 12.5, parameters={"printed": 10.0}),
        ),
        Case("matches", "off by the tolerance", CONFIRMED, 0.05, theory(tolerant, 0.5, 3)),
        Case("matches", "off by the tolerance", REFUTED, 0.05, theory(tolerant, 0.5, 3)),
        Case("unrejected", "every hypothesis true", REFUTED, 0.05, p_values),
        Case("scatters_alike", "the limit apart", CONFIRMED, 0.05, tables(alike, 100.0, UNIT, 2.0)),
        Case("scatters_alike", "the limit apart", REFUTED, 0.025, tables(alike, 100.0, UNIT, 2.0)),
        Case(
            "scatters_alike", "the wider limit apart", "near", 0.05, tables(alike, 100.0, UNIT, 3.0)
        ),
        Case("scatters_alike", "alike", REFUTED, 0.025, tables(alike, 100.0, UNIT)),
        Case(
            "quotient",
            "on the limit",
            CONFIRMED,
            0.05,
            runs(share_of_one, {"ReinMax": 9.0, "ST": 10.0}),
        ),
        Case(
            *("quotient", "beyond it by the smallest effect", REFUTED, 0.05),
            runs(share_of_one, {"ReinMax": 9.5, "ST": 10.0}),
        ),
    ]


CASES = _cases()
