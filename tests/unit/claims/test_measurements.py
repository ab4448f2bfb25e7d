"""Claims on measurements: which rows they read, what they need, and what each judging function
says.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from reinrelax.claims import judge, judge_all
from reinrelax.claims.model import Minimum
from reinrelax.errors import ConfigError
from tests.helpers.claims import claimed, estimate, measured

SIDES = {"lower": ({"who": "a"},), "higher": ({"who": "b"},)}


def pair(a: float, b: float, error: float = 0.1, **columns: Any) -> list[dict[str, Any]]:
    return [estimate(a, error, who="a", **columns), estimate(b, error, who="b", **columns)]


def test_a_clear_order_is_found_and_its_reverse_refuted() -> None:
    found = judge(claimed("less", query=SIDES), measured(pair(1.0, 2.0)))
    assert (found.verdict, found.effect) == ("reproduced", pytest.approx(1.0))
    assert found.low == pytest.approx(1.0 - 1.645 * 0.1 * np.sqrt(2), abs=1e-3)
    assert judge(claimed("less", query=SIDES), measured(pair(2.0, 1.0))).verdict == "not reproduced"
    assert judge(claimed("less", query=SIDES), measured(pair(1.0, 1.1))).verdict == "undecided"
    by = claimed("less", query=SIDES, parameters={"by": 1.5})
    assert judge(by, measured(pair(1.0, 2.0))).verdict == "not reproduced"


def test_conditions_pick_rows_by_number_or_text_and_lists_of_either() -> None:
    rows = [*pair(1.0, 2.0, tau=0.1), *pair(2.0, 1.0, tau=1.0)]
    for tau, verdict in ((0.1, "reproduced"), (1, "not reproduced"), ([0.1], "reproduced")):
        claim = claimed("less", query={**SIDES, "where": {"tau": tau}})
        assert judge(claim, measured(rows)).verdict == verdict


def test_groups_are_compared_each_by_itself_and_so_many_must_hold() -> None:
    rows = [row for step in range(4) for row in pair(1.0, 2.0 if step else 0.0, step=step)]
    query = {**SIDES, "each": ("step",)}
    assert judge(claimed("less", query=query), measured(rows)).verdict == "not reproduced"
    found = judge(claimed("less", query=query, at_least=3), measured(rows))
    assert found.verdict == "reproduced"
    assert "at 3 or more of 4 places" in found.rule
    # Where one side is missing nothing is known, and what is left does not stand for all.
    for at_least in (None, 1, 3):
        found = judge(claimed("less", query=query, at_least=at_least), measured(rows[:-1]))
        assert (found.verdict, found.reason) == (
            "not tested at this scale",
            "one side of a comparison has no rows",
        )


def test_a_claim_that_holds_everywhere_as_observed_is_not_refuted_by_the_number_of_places() -> None:
    rows = [
        row for step in range(100) for row in pair(1e-6 * step, 1.0 + 2e-6 * step, 1.0, step=step)
    ]
    found = judge(claimed("less", query={**SIDES, "each": ("step",)}), measured(rows))
    assert (found.verdict, found.effect) == ("undecided", pytest.approx(1.0))
    assert min(found.holding, found.failing) > 0.05
    # One place that fails clearly is enough.
    rows[1] = estimate(-9.0, 1.0, who="b", step=0)
    assert (
        judge(claimed("less", query={**SIDES, "each": ("step",)}), measured(rows)).verdict
        == "not reproduced"
    )


def test_places_of_unlike_size_are_compared_by_shares() -> None:
    """Variances of which one is a thousand times the other: each is ahead by a half, and so is the
    claim.
    """
    query = {**SIDES, "each": ("epoch",)}
    rows = pair(0.05, 0.1, 0.001, epoch=0) + pair(50.0, 100.0, 1.0, epoch=1)
    claim = claimed("less", query=query, parameters={"smallest": 0.05}, family="f")
    found = judge(claim, measured(rows))
    assert (found.verdict, found.effect) == ("reproduced", pytest.approx(0.5))
    assert found.smallest == pytest.approx(0.05, rel=0.1)
    assert 0.4 < found.low < found.high < 0.6
    absolute = judge(claimed("less", query=query), measured(rows))
    assert (absolute.effect, absolute.holding) == (
        pytest.approx(0.05),
        pytest.approx(found.holding),
    )
    # What would have been seen by one of three claims that are judged together is more than by one
    # alone.
    other = claimed("less", query={**query, "where": {"who": "z"}}, family="f", id="z")
    corrected, *_ = judge_all([claim, other, other], {"measurements": measured(rows)})
    assert corrected.detectable > found.detectable


def test_of_two_names_of_the_same_runs_neither_is_ahead() -> None:
    for query in (SIDES, {"lower": SIDES["higher"], "higher": SIDES["lower"]}):
        found = judge(claimed("less", query=query), measured(pair(1.0, 1.0, 0.5)))
        assert (found.verdict, found.effect) == ("not reproduced", 0.0)


def test_the_best_of_each_side() -> None:
    rows = [*pair(3.0, 2.0), estimate(1.0, 0.1, who="c")]
    query = {"lower": ({"who": "a"}, {"who": "c"}), "higher": ({"who": "b"},)}
    assert judge(claimed("best_less", query=query), measured(rows)).verdict == "reproduced"
    assert judge(claimed("less", query=query), measured(rows)).verdict == "not reproduced"


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ({"from": 0.5}, "reproduced"),
        ({"to": 2.5}, "reproduced"),
        ({"from": 0.5, "to": 1.5}, "not reproduced"),
        ({"from": 2.0}, "not reproduced"),
        ({"from": 1.0}, "undecided"),
    ],
)
def test_values_within_bounds(bounds: dict[str, float], verdict: str) -> None:
    assert judge(claimed("within", parameters=bounds), measured(pair(1.0, 2.0))).verdict == verdict


def test_exact_values_are_judged_without_doubt_and_a_bound_holds_itself() -> None:
    rows = [{"value": 1e-13}, {"value": 1e-12}]
    found = judge(claimed("within", parameters={"to": 1e-12}), measured(rows))
    assert (found.verdict, found.holding) == ("reproduced", 0.0)
    assert np.isnan(found.detectable)
    assert (
        judge(claimed("within", parameters={"to": 1e-14}), measured(rows)).verdict
        == "not reproduced"
    )
    # A value of runs with seeds is not exact, even where it has no interval.
    rows = [{"value": 1.0, "low": np.nan, "high": np.nan, "seeds": 1}]
    found = judge(claimed("within", parameters={"to": 2.0}), measured(rows))
    assert (found.verdict, found.reason) == (
        "undecided",
        "one of the compared values is missing or has no interval",
    )


def test_quotients() -> None:
    for bounds, verdict in (
        ({"from": 1.9, "to": 2.1}, "reproduced"),
        ({"to": 1.5}, "not reproduced"),
    ):
        claim = claimed(
            "ratio", query={"lower": SIDES["higher"], "higher": SIDES["lower"]}, parameters=bounds
        )
        found = judge(claim, measured(pair(1.0, 2.0, 0.001)))
        assert found.verdict == verdict
    assert found.effect == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("values", "turns", "verdict"),
    [
        ([4.0, 3.0, 2.0, 1.0], 0, "reproduced"),
        ([4.0, 2.0, 3.0, 1.0], 0, "not reproduced"),
        ([4.0, 2.0, 3.0, 1.0], 1, "reproduced"),
        ([1.0, 2.0, 3.0, 4.0], 1, "not reproduced"),
        ([4.0, 3.0, 3.001, 1.0], 0, "undecided"),
    ],
)
def test_trends(values: list[float], turns: int, verdict: str) -> None:
    # Rows need not be in the coordinate's order.
    rows = [estimate(value, 0.1, x=x) for x, value in enumerate(values)][::-1]
    parameters = {"direction": "falling", "turns": turns}
    claim = claimed("trend", query={"over": "x"}, parameters=parameters)
    assert judge(claim, measured(rows)).verdict == verdict
    mirrored = [{**row, "x": -row["x"]} for row in rows]
    claim = claimed("trend", query={"over": "x"}, parameters={**parameters, "direction": "rising"})
    assert judge(claim, measured(mirrored)).verdict == verdict


def test_where_a_curve_is_lowest() -> None:
    rows = [estimate((x - 0.5) ** 2, 0.001, x=x) for x in np.linspace(0, 1, 11)]
    for ends, verdict in (((0.4, 0.6), "reproduced"), ((0.7, 1.0), "not reproduced")):
        parameters = dict(zip(("from", "to"), ends, strict=True))
        claim = claimed("minimum_at", query={"over": "x"}, parameters=parameters)
        assert judge(claim, measured(rows)).verdict == verdict
    beyond = claimed("minimum_at", query={"over": "x"}, parameters={"from": 2.0, "to": 3.0})
    assert judge(beyond, measured(rows)).verdict == "undecided"


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [
        (9.0, 0.1, "reproduced"),
        (7.6, 0.01, "reproduced"),
        (7.4, 0.01, "near"),
        (12.6, 0.01, "near"),
        (2.0, 0.01, "not reproduced"),
        (4.0, 4.0, "undecided"),  # its interval holds the printed number, and much else
        (9.0, 2.0, "near"),
    ],
)
def test_a_printed_number_is_met_within_its_share(value: float, error: float, verdict: str) -> None:
    claim = claimed("printed", parameters={"printed": 10.0})
    found = judge(claim, measured([estimate(value, error)]))
    assert (found.verdict, found.effect) == (verdict, pytest.approx(value - 10.0))


def test_values_that_theory_knows() -> None:
    rows = [estimate(1.0 + 0.01 * k, 0.1, expected=1.0) for k in range(5)]
    for tolerance, verdict in ((0.3, "reproduced"), (0.1, "compatible"), (0.0, "compatible")):
        claim = claimed("matches", parameters={"tolerance": tolerance})
        assert judge(claim, measured(rows)).verdict == verdict
        # As a share of what is expected it is the same.
        assert (
            judge(claimed("matches", parameters={"share": tolerance}), measured(rows)).verdict
            == verdict
        )
    found = judge(claim, measured([*rows, estimate(1.5, 0.1, expected=1.0)]))
    assert found.verdict == "not reproduced"
    assert found.effect == pytest.approx(-0.5)
    exact = [{"value": 1.0 + 1e-9, "expected": 1.0}]
    assert judge(claimed("matches"), measured(exact)).verdict == "not reproduced"
    assert (
        judge(claimed("matches", parameters={"tolerance": 1e-6}), measured(exact)).verdict
        == "reproduced"
    )


def test_a_test_that_does_not_reject_is_no_confirmation() -> None:
    claim = claimed("unrejected", parameters={"from": 0.01})
    for p, verdict in ((0.5, "compatible"), (0.01, "compatible"), (0.001, "not reproduced")):
        found = judge(claim, measured([{"value": 0.9}, {"value": p}]))
        assert found.verdict == verdict
        # No test was made here of which a p could be shown.
        assert np.isnan([found.holding, found.failing, found.low, found.high]).all()
    assert (
        judge(claimed("unrejected", parameters={"to": 3}), measured([{"value": 2.9}])).verdict
        == "compatible"
    )


def test_an_undefined_place_counts_neither_for_nor_against() -> None:
    rows = [row for step in range(4) for row in pair(1.0, 2.0, step=step)]
    rows[0]["value"] = np.nan
    query = {**SIDES, "each": ("step",)}
    found = judge(claimed("less", query=query, at_least=3), measured(rows))
    assert (found.verdict, found.effect) == ("reproduced", pytest.approx(1.0))
    assert (
        found.reason == "1 of the values compared are undefined and count neither for nor against"
    )
    for at_least in (None, 4):
        assert (
            judge(claimed("less", query=query, at_least=at_least), measured(rows)).verdict
            == "undecided"
        )
    rows[2:4] = pair(2.0, 1.0, step=1)
    assert judge(claimed("less", query=query), measured(rows)).verdict == "not reproduced"
    assert judge(claimed("less", query=query, at_least=3), measured(rows)).verdict == "undecided"


def test_equal_things_are_refuted_once_the_smallest_effect_of_interest_is_excluded() -> None:
    claim = claimed("less", query=SIDES, parameters={"smallest": 0.05})
    for error, verdict in ((0.5, "undecided"), (0.05, "not reproduced")):
        found = judge(claim, measured(pair(10.0, 10.0 + 1e-9, error)))
        assert found.verdict == verdict
        assert (found.high < found.smallest) == (verdict == "not reproduced")
    assert found.smallest == pytest.approx(0.5, rel=0.05)
    # What holds by less than that is near, and what holds by more is reproduced.
    assert judge(claim, measured(pair(10.0, 10.2, 0.05))).verdict == "near"
    assert judge(claim, measured(pair(10.0, 10.5, 0.05))).verdict == "reproduced"


def test_a_mean_over_seeds_is_held_by_students_law() -> None:
    """Three seeds: a 95% interval of ±4.3 standard errors is no ±1.96 of them."""
    rows = [{**row, "seeds": 3} for row in pair(1.0, 1.8, 0.3)]
    assert judge(claimed("less", query=SIDES), measured(rows)).verdict == "reproduced"
    for row in rows:
        row.update(low=row["value"] - 4.303 * 0.3, high=row["value"] + 4.303 * 0.3)
    found = judge(claimed("less", query=SIDES), measured(rows))
    welch = reference.t.sf(0.8 / (0.3 * np.sqrt(2)), 4)
    assert (found.verdict, found.holding) == ("undecided", pytest.approx(welch, rel=1e-3))


def test_settings_that_were_searched_for() -> None:
    claim = claimed(
        "chosen", query={"column": "gap"}, parameters={"to": 0.3}, note="taken as given"
    )
    for gap, verdict in ((0.2, "reproduced"), (0.4, "not reproduced")):
        assert judge(claim, measured([{"gap": gap, "points": 9}])).verdict == verdict
    for points, reason in (
        (np.nan, "taken as given"),
        (9, "the search does not contain the paper’s"),
    ):
        found = judge(claim, measured([{"gap": np.nan, "points": points}]))
        assert found.verdict == "not run"
        assert found.reason.startswith(reason)


def test_what_was_not_run_or_with_less_is_not_judged() -> None:
    claim = claimed("less", query={**SIDES, "where": {"tau": 9}})
    found = judge(claim, measured(pair(1.0, 2.0, tau=1.0), state="missing"))
    assert (found.verdict, found.reason) == ("not run", "has not been run")
    found = judge(
        claim, measured(pair(1.0, 2.0, tau=1.0), state="unreadable", message="x is stale")
    )
    assert found.reason == "cannot be read: x is stale"
    assert judge(claim, measured(pair(1.0, 2.0, tau=1.0))).reason == "not in this configuration"
    scaled = claimed(
        "less", query=SIDES, minimum=Minimum({"epochs": 50, "dataset": "mnist", "draws": 9}, 0, {})
    )
    for facts, reason in (
        ({"epochs": 50, "dataset": "mnist"}, ""),
        ({"epochs": 49, "dataset": "mnist"}, "49 epochs (required: 50)"),
        ({"epochs": 50, "dataset": "digits"}, "data set digits (required: mnist)"),
        ({"epochs": 50, "dataset": "mnist", "draws": 0}, ""),
    ):
        # Said by the rows, or by the jobs that they come from.
        for there in (measured(pair(1.0, 2.0, **facts)), measured(pair(1.0, 2.0), **facts)):
            found = judge(scaled, there)
            assert found.verdict == ("not tested at this scale" if reason else "reproduced")
            assert found.reason == reason


def test_a_curve_with_a_job_missing_is_not_judged() -> None:
    rows = [estimate(-float(x), 0.1, x=x) for x in range(4)]
    claim = claimed("trend", query={"over": "x"}, parameters={"direction": "falling"})
    there = measured(rows)
    assert judge(claim, there).verdict == "reproduced"
    other = there.plan.assign(job="other", state="missing")
    partial = type(there)(
        there.tables, {}, there.sources, pd.concat([there.plan, other], ignore_index=True)
    )
    found = judge(claim, partial)
    assert (found.verdict, found.reason) == ("not tested at this scale", "1 of 2 jobs done")


def test_what_is_said_of_several_needs_them_all() -> None:
    rows = [estimate(1.0 + k, 0.1, label=label) for k, label in enumerate("abc")]
    query = {"where": {"label": ["a", "b", "c", "d", "e", "f", "g", "h"]}}
    found = judge(claimed("within", query=query, parameters={"to": 9.0}), measured(rows))
    assert (found.verdict, found.reason) == (
        "not tested at this scale",
        "no row with label d, e, f, g and 1 more",
    )
    there = measured(rows)
    plan = pd.concat(
        [there.plan, there.plan.assign(job="other", state="missing")], ignore_index=True
    )
    partial = type(there)(there.tables, {}, there.sources, plan)
    for where, verdict in (
        ({}, "not tested at this scale"),
        ({"label": "a"}, "not tested at this scale"),
    ):
        claim = claimed("within", query={"where": where}, parameters={"to": 9.0})
        assert judge(claim, partial).verdict == verdict
    # Where rows tell which job they came from, the others do not matter to one of them.
    cells = [{**row, "estimator": row["label"], "latent": "8x4"} for row in rows]
    plan = pd.DataFrame(
        [
            {
                **there.plan.iloc[0],
                "job": label,
                "estimator": label,
                "latent": "8x4",
                "state": state,
            }
            for label, state in (("a", "done"), ("b", "missing"))
        ]
    )
    partial = type(there)({"t": pd.DataFrame(cells)}, {}, there.sources, plan)
    for where, verdict in (({}, "not tested at this scale"), ({"label": "a"}, "reproduced")):
        claim = claimed("within", query={"where": where}, parameters={"to": 9.0})
        assert judge(claim, partial).verdict == verdict


def test_a_diverged_seed_keeps_a_measurement_undecided() -> None:
    rows = pair(1.0, 2.0, diverged=0, seeds=3)
    assert judge(claimed("less", query=SIDES), measured(rows)).verdict == "reproduced"
    rows[0]["diverged"] = 1
    found = judge(claimed("less", query=SIDES), measured(rows))
    assert (found.verdict, found.diverged, found.seeds) == ("undecided", 1, 3)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"table": "u"}, "claim m.table: unknown table 'u'; known: t"),
        ({"column": "c"}, "claim m.column: t has no column 'c'"),
    ],
)
def test_a_table_or_column_that_is_not_there_is_named(query: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        judge(claimed("within", query=query, parameters={"to": 1}), measured(pair(1.0, 2.0)))


def test_a_family_is_corrected_for_its_size_also_where_others_were_not_run() -> None:
    # z = 2 by itself: p = .023. Among five it is not enough, whether or not the others were run.
    there = measured(pair(0.0, 2.0, 1 / np.sqrt(2)))
    alone = claimed("less", query=SIDES, family="f")
    (found,) = judge_all([alone], {"measurements": there})
    assert (found.verdict, found.family) == ("reproduced", 1)
    by_itself = found
    absent = [
        claimed("less", query={**SIDES, "where": {"who": "z"}}, family="f", id=str(k))
        for k in range(4)
    ]
    found, *others = judge_all([alone, *absent], {"measurements": there})
    assert (found.verdict, found.family) == ("undecided", 5)
    assert found.holding == pytest.approx(5 * by_itself.holding)
    # The interval is widened with it, and no longer says what the verdict does not.
    assert found.low < 0 < by_itself.low
    assert {other.verdict for other in others} == {"not run"}
    # Another paper's family of that name, or none, is another matter.
    found = judge_all(
        [alone, claimed("less", query=SIDES, family="f", paper="q")], {"measurements": there}
    )[0]
    assert (found.verdict, found.family) == ("reproduced", 1)
