"""How often judging functions err, and how often they find an effect of the size said to be
detectable.

Errors stand in `report/rates.csv`, which `python -m tests.rates` measures: here it is held to the
levels that are meant and to a measurement of its own. Rates are counted over repetitions in which
only the noise is new. Limits are those outside which a count of the stated rate falls with a
probability below 1e-4; where a rate is only bounded, there is one limit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from scipy.stats import t as student

from reinrelax.claims import FUNCTIONS, Verdict, judge, judge_all
from tests import rates
from tests.helpers.claims import Values, claimed, estimate, measured, ordering, verdict
from tests.helpers.rate_cases import CASES as TRUTHS

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
    "within": (
        claimed("within", parameters={"from": 5.0}),
        lambda margin, g: [row(5.0 + margin, g)],
    ),
    "ratio": (
        claimed("ratio", query=SIDES, parameters={"to": 1.0}),
        lambda margin, g: [row(200.0 - 200 * margin, g, who="a"), row(200.0, g, who="b")],
    ),
}


@pytest.fixture(scope="module")
def written() -> pd.DataFrame:
    return pd.read_csv(rates.TABLE)


def test_every_judging_function_has_its_rates_at_three_five_and_ten_seeds(
    written: pd.DataFrame,
) -> None:
    # What was chosen is held by the test of a limit, as `below` is; what is not judged has no
    # verdict.
    assert set(written["function"]) == set(FUNCTIONS) - {"chosen", "ambiguous", "unjudged"}
    names = [(case.function, case.truth, case.wrong) for case in TRUTHS]
    assert len(set(names)) == len(names)
    keys = ["function", "truth", "wrong", "seeds"]
    wanted = [(*name, seeds) for name in names for seeds in rates.SEEDS]
    assert [tuple(line) for line in written[keys].to_numpy().tolist()] == wanted


def test_no_error_is_more_frequent_than_is_meant(written: pd.DataFrame) -> None:
    assert written["repeats"].min() >= 2000
    for line in written.itertuples():
        assert below_limit(round(line.rate * line.repeats), line.level, line.repeats), line


@pytest.mark.parametrize("index", range(len(TRUTHS)))
def test_the_written_rates_are_those_of_the_functions(index: int, written: pd.DataFrame) -> None:
    case, seeds, repeats = TRUTHS[index], 5, 40
    line = written[written["seeds"] == seeds].iloc[index]
    count = round(rates.rate(case, seeds, repeats, 7 + index) * repeats)
    assert below_limit(count, case.level, repeats)
    # The written rate is itself measured: give or take two of its own standard errors.
    slack = 2 * np.sqrt(max(line.rate, 1 / line.repeats) / line.repeats)
    low = binom.ppf(5e-5, repeats, max(0.0, line.rate - slack))
    assert low <= count <= binom.ppf(1 - 5e-5, repeats, line.rate + slack)


@pytest.mark.parametrize("name", CASES)
def test_an_effect_of_the_detectable_size_is_found_in_four_of_five(name: str) -> None:
    claim, rows = CASES[name]
    size = judge(claim, measured(rows(0.0, np.random.default_rng(0)))).detectable
    found = counts(lambda g: judge(claim, measured(rows(size, g))), seed=2)
    assert within_limits(found["reproduced"], 0.8)
    assert found["not reproduced"] == 0


def test_a_claim_on_many_places_without_an_effect_is_seldom_refuted() -> None:
    """All twenty margins are zero: it holds nowhere surely, but an effect against it is nowhere
    either.
    """
    claim = claimed("less", query={**SIDES, "each": ("k",)})
    found = counts(
        lambda g: judge(
            claim, measured([row(0.0, g, who=who, k=k) for k in range(20) for who in "ab"])
        ),
        17,
        100,
    )
    assert found["reproduced"] == 0
    assert below_limit(found["not reproduced"], 0.05, 100)


def test_a_family_without_effects_has_a_wrong_verdict_in_a_twentieth_of_cases() -> None:
    claims = [
        claimed("less", query={**SIDES, "where": {"k": k}}, family="f", id=str(k))
        for k in range(10)
    ]
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
            {
                name: 4.0 * k
                for k, name in enumerate(("STGS", "ST", "ReinMax", "GST-1.0", "Gumbel-Rao"))
            },
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
    null = counts(
        lambda g: verdict(claim, runs(dict.fromkeys(METHODS, 0.0), g)), seed=8, repeats=100
    )
    assert below_limit(null["reproduced"], null_rate, 100)
    found = counts(lambda g: verdict(claim, runs(planted, g)), seed=9, repeats=50)
    assert found["reproduced"] == 50
    reverse = counts(
        lambda g: verdict(claim, runs({n: -v for n, v in planted.items()}, g)), seed=10, repeats=50
    )
    assert reverse["not reproduced"] == 50


def test_gains_with_size_over_seeds() -> None:
    """Of six shapes in random order one in ten correlates by −.6 or less; certainty takes more than
    that.
    """
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
            (name, place): np.asarray(own)
            - (4.0 * places.index(place) if name == "ReinMax" else 0.0)
            for (name, place), own in values.items()
        }

    assert counts(lambda g: verdict(claim, planted(g)), seed=12, repeats=50)["reproduced"] == 50


def test_a_difference_of_the_detectable_size_between_seeds_is_found_in_four_of_five() -> None:
    """Paired t of ten seeds: the power at (t₀.₉₅ + t₀.₈) standard errors is 0.8, to 0.01."""
    claim = ordering()
    shift = (student.ppf(0.95, 9) + student.ppf(0.8, 9)) * np.sqrt(2 / 10)
    found = counts(
        lambda g: verdict(
            claim, {("ReinMax", "8x4"): g.normal(size=10), ("ST", "8x4"): g.normal(shift, size=10)}
        ),
        seed=16,
    )
    assert within_limits(found["reproduced"], 0.8)
    sizes = [
        verdict(
            claim, {("ReinMax", "8x4"): g.normal(size=10), ("ST", "8x4"): g.normal(size=10)}
        ).detectable
        for g in map(np.random.default_rng, range(50))
    ]
    assert np.median(sizes) == pytest.approx(shift, rel=0.1)


def test_a_spread_of_many_times_is_found_and_its_reverse_refuted() -> None:
    claim = ordering(
        judge="scatters_more", lower=METHODS[1:4], higher=("Gumbel-Rao",), parameters={"times": 2.0}
    )
    for factor, wanted in ((30.0, "reproduced"), (0.2, "not reproduced")):
        generator = np.random.default_rng(14)
        for _ in range(30):
            values = {
                (name, "8x4"): generator.normal(
                    0.0, factor if name == "Gumbel-Rao" else 1.0, size=10
                )
                for name in METHODS[1:]
            }
            assert verdict(claim, values).verdict == wanted


@pytest.mark.parametrize(("function", "slope"), [("trend", -6.0), ("minimum_at", 6.0)])
def test_a_steep_curve_is_nearly_always_seen(function: str, slope: float) -> None:
    parameters = {"direction": "falling"} if function == "trend" else {"from": 2, "to": 2}
    claim = claimed(function, query={"over": "x"}, parameters=parameters)
    at = (lambda x: x) if function == "trend" else (lambda x: abs(x - 2))
    found = counts(
        lambda g: judge(claim, measured([row(slope * at(x), g, x=x) for x in range(5)])),
        seed=3,
        repeats=100,
    )
    assert found["reproduced"] > 90
