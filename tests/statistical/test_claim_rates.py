"""How often judging functions err: claims without an effect, and with one of the size said to be detectable.

Rates are counted over repetitions in which only the noise is new. Limits are those outside which a count of
the stated rate falls with a probability below 1e-4; where a rate is only bounded, there is one limit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from reinrelax.claims import Verdict, judge, judge_all
from tests.claims import Values, claimed, estimate, measured, ordering, verdict

REPEATS = 300
SIDES = {"lower": ({"who": "a"},), "higher": ({"who": "b"},)}


def within_limits(count: int, rate: float, repeats: int = REPEATS) -> bool:
    return bool(binom.ppf(5e-5, repeats, rate) <= count <= binom.ppf(1 - 5e-5, repeats, rate))


def below_limit(count: int, rate: float, repeats: int = REPEATS) -> bool:
    return bool(count <= binom.ppf(1 - 1e-4, repeats, rate))


def counts(
    once: Callable[[np.random.Generator], Verdict], seed: int, repeats: int = REPEATS
) -> dict[str, int]:
    generator = np.random.default_rng(seed)
    found = [once(generator).verdict for _ in range(repeats)]
    return {name: found.count(name) for name in ("reproduced", "not reproduced", "undecided")}


def row(mean: float, generator: np.random.Generator, **columns: Any) -> dict[str, Any]:
    return estimate(float(generator.normal(mean)), 1.0, **columns)


# Each judging function of measurements, with rows whose true margin is the argument.
CASES: dict[str, tuple[Any, Callable[[float, np.random.Generator], list[dict[str, Any]]]]] = {
    "less": (
        claimed("less", query=SIDES),
        lambda margin, g: [row(0.0, g, who="a"), row(margin, g, who="b")],
    ),
    "within": (claimed("within", parameters={"from": 5.0}), lambda margin, g: [row(5.0 + margin, g)]),
    "ratio": (
        claimed("ratio", query=SIDES, parameters={"to": 1.0}),
        lambda margin, g: [row(200.0 - 200 * margin, g, who="a"), row(200.0, g, who="b")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_without_an_effect_each_verdict_is_wrong_in_a_twentieth(name: str) -> None:
    claim, rows = CASES[name]
    found = counts(lambda g: judge(claim, measured(rows(0.0, g))), seed=1)
    assert within_limits(found["reproduced"], 0.05)
    assert within_limits(found["not reproduced"], 0.05)


@pytest.mark.parametrize("name", CASES)
def test_an_effect_of_the_detectable_size_is_found_in_four_of_five(name: str) -> None:
    claim, rows = CASES[name]
    size = judge(claim, measured(rows(0.0, np.random.default_rng(0)))).detectable
    found = counts(lambda g: judge(claim, measured(rows(size, g))), seed=2)
    assert within_limits(found["reproduced"], 0.8)
    assert found["not reproduced"] == 0


def test_a_flat_curve_is_seldom_called_a_trend_and_a_steep_one_nearly_always() -> None:
    claim = claimed("trend", query={"over": "x"}, parameters={"direction": "falling"})
    for slope, wanted in ((0.0, False), (-6.0, True)):
        found = counts(
            lambda g, s=slope: judge(claim, measured([row(s * x, g, x=x) for x in range(4)])), seed=3
        )  # type: ignore[misc]
        assert (found["reproduced"] > 0.9 * REPEATS) if wanted else below_limit(found["reproduced"], 0.05)


def test_a_flat_curve_has_seldom_a_minimum_and_a_deep_one_nearly_always() -> None:
    parameters = {"from": 2, "to": 2}
    claim = claimed("minimum_at", query={"over": "x"}, parameters=parameters)
    for depth, wanted in ((0.0, False), (6.0, True)):
        found = counts(
            lambda g, d=depth: judge(claim, measured([row(d * abs(x - 2), g, x=x) for x in range(5)])),  # type: ignore[misc]
            seed=4,
        )
        assert (found["reproduced"] > 0.9 * REPEATS) if wanted else below_limit(found["reproduced"], 0.05)


def test_a_claim_on_many_places_without_an_effect_is_seldom_refuted() -> None:
    """All twenty margins are zero: it holds nowhere surely, but an effect against it is nowhere either."""
    claim = claimed("less", query={**SIDES, "each": ("k",)})
    found = counts(
        lambda g: judge(claim, measured([row(0.0, g, who=who, k=k) for k in range(20) for who in "ab"])),
        17,
        100,
    )
    assert found["reproduced"] == 0
    assert below_limit(found["not reproduced"], 0.05, 100)


def test_values_that_agree_with_theory_are_called_wrong_in_a_twentieth_of_families() -> None:
    def rows(shift: float, g: np.random.Generator) -> list[dict[str, Any]]:
        return [row(shift * (k == 0), g, expected=0.0) for k in range(20)]

    found = counts(lambda g: judge(claimed("matches"), measured(rows(0.0, g))), seed=5)
    assert within_limits(found["not reproduced"], 0.05)
    size = judge(claimed("matches"), measured(rows(0.0, np.random.default_rng(0)))).detectable
    found = counts(lambda g: judge(claimed("matches"), measured(rows(size, g))), seed=6)
    # Nineteen others may be called wrong too.
    assert within_limits(found["not reproduced"], 0.81)


def test_a_family_without_effects_has_a_wrong_verdict_in_a_twentieth_of_cases() -> None:
    claims = [claimed("less", query={**SIDES, "where": {"k": k}}, family="f", id=str(k)) for k in range(10)]
    generator, wrong = np.random.default_rng(7), {"reproduced": 0, "not reproduced": 0}
    for _ in range(100):
        rows = [row(0.0, generator, who=who, k=k) for k in range(10) for who in "ab"]
        found = [v.verdict for v in judge_all(claims, {"measurements": measured(rows)})]
        for name in wrong:
            wrong[name] += name in found
    assert below_limit(wrong["reproduced"], 0.05, 100)
    assert below_limit(wrong["not reproduced"], 0.05, 100)


METHODS = ("ST", "STGS", "ReinMax", "GST-1.0", "Gumbel-Rao")


def runs(
    means: dict[str, float], generator: np.random.Generator, places: tuple[str, ...] = ("8x4",)
) -> Values:
    return {
        (name, place): generator.normal(mean, 1.0, size=10)
        for place in places
        for name, mean in means.items()
    }


@pytest.mark.parametrize(
    ("claim", "planted", "null_rate"),
    [
        # Rank: without an effect the second of five is as likely any of them.
        (
            ordering(judge="ranked", lower=("ST",), higher=METHODS[1:], parameters={"rank": 2}),
            {name: 4.0 * k for k, name in enumerate(("STGS", "ST", "ReinMax", "GST-1.0", "Gumbel-Rao"))},
            0.05,
        ),
        # Of 120 orders 5 correlate with a given one by .9 or more.
        (
            ordering(judge="agrees", lower=METHODS, higher=(), parameters={"from": 0.9}),
            {name: 4.0 * k for k, name in enumerate(METHODS)},
            0.05,
        ),
    ],
)
def test_ranks_over_seeds(claim: Any, planted: dict[str, float], null_rate: float) -> None:
    null = counts(lambda g: verdict(claim, runs(dict.fromkeys(METHODS, 0.0), g)), seed=8, repeats=100)
    assert below_limit(null["reproduced"], null_rate, 100)
    found = counts(lambda g: verdict(claim, runs(planted, g)), seed=9, repeats=50)
    assert found["reproduced"] == 50
    reverse = counts(
        lambda g: verdict(claim, runs({n: -v for n, v in planted.items()}, g)), seed=10, repeats=50
    )
    assert reverse["not reproduced"] == 50


def test_gains_with_size_over_seeds() -> None:
    """Of six shapes in random order one in ten correlates by −.6 or less; certainty takes more than that."""
    places = ("4x24", "8x4", "8x16", "10x30", "16x12", "64x8")
    claim = ordering(
        judge="gains",
        lower=("ReinMax",),
        higher=("ST",),
        places=places,
        parameters={"by": "categories", "to": -0.6},
    )
    null = counts(
        lambda g: verdict(claim, runs({"ReinMax": 0.0, "ST": 0.0}, g, places)), seed=11, repeats=100
    )
    assert below_limit(null["reproduced"], 0.05, 100)

    def planted(g: np.random.Generator) -> Values:
        values = runs({"ReinMax": 0.0, "ST": 0.0}, g, places)
        return {
            (name, place): np.asarray(own) - (4.0 * places.index(place) if name == "ReinMax" else 0.0)
            for (name, place), own in values.items()
        }

    assert counts(lambda g: verdict(claim, planted(g)), seed=12, repeats=50)["reproduced"] == 50


def test_scatter_over_seeds() -> None:
    claim = ordering(
        judge="scatters_more", lower=METHODS[1:4], higher=("Gumbel-Rao",), parameters={"times": 2.0}
    )

    def values(factor: float, g: np.random.Generator) -> Values:
        return {
            (name, "8x4"): g.normal(0.0, factor if name == "Gumbel-Rao" else 1.0, size=10)
            for name in METHODS[1:]
        }

    # At twice the others' deviation the claim is on its edge: each verdict is wrong in some tenth of cases,
    # because a bootstrap of ten seeds knows their deviation badly.
    edge = counts(lambda g: verdict(claim, values(2.0, g)), seed=13, repeats=100)
    assert below_limit(edge["reproduced"], 0.15, 100)
    assert counts(lambda g: verdict(claim, values(30.0, g)), seed=14, repeats=50)["reproduced"] == 50
    assert counts(lambda g: verdict(claim, values(0.2, g)), seed=15, repeats=50)["not reproduced"] == 50


def test_a_difference_of_the_detectable_size_between_seeds_is_found_in_most_cases() -> None:
    """Bootstrap of ten seeds, which calls a little too much reproduced: between 75 and 90%."""
    claim = ordering()
    size = 1.645 + 0.842  # in standard errors of the difference of two means
    shift = size * np.sqrt(2 / 10)
    found = counts(
        lambda g: verdict(
            claim, {("ReinMax", "8x4"): g.normal(size=10), ("ST", "8x4"): g.normal(shift, size=10)}
        ),
        seed=16,
    )
    assert 0.75 * REPEATS <= found["reproduced"] <= 0.9 * REPEATS
    sizes = [
        verdict(claim, {("ReinMax", "8x4"): g.normal(size=10), ("ST", "8x4"): g.normal(size=10)}).detectable
        for g in map(np.random.default_rng, range(50))
    ]
    assert np.median(sizes) == pytest.approx(shift, rel=0.1)
