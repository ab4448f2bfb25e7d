"""Judging functions on planted effects and on none, and the claims files themselves."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from reinrelax.claims import SCHEMAS, Claim, Evidence, judge, load
from reinrelax.claims.model import Minimum, PrintedNumber
from reinrelax.claims.queries import fits
from reinrelax.core import stats
from tests.conftest import ROOT
from tests.helpers.claims import (
    EXACT,
    METRIC,
    NUMBER,
    Values,
    evidence,
    number,
    ordering,
    spread,
    threshold,
    verdict,
)


@pytest.mark.parametrize(
    ("offset", "std", "expected"),
    [
        # Its standard error is √(0.2²/10 + 0.06²·10/9) = 0.09 nats, half of a 90% interval 0.155.
        (0.0, 0.2, "reproduced"),
        (0.34, 0.2, "reproduced"),
        (-0.34, 0.2, "reproduced"),
        (0.36, 0.2, "near"),
        (-1.34, 0.2, "near"),
        (1.36, 0.2, "not reproduced"),
        (-8.0, 0.2, "not reproduced"),
        (0.0, 0.5, "reproduced"),
        (0.0, 1.5, "near"),  # scatter makes it worse
        (0.0, 9.0, "undecided"),
        (2.0, 9.0, "undecided"),
        (2.0, 1.5, "not reproduced"),
    ],
)
def test_a_number_is_judged_by_its_rule(offset: float, std: float, expected: str) -> None:
    found = verdict(number(), {("ReinMax", "8x4"): spread(100 + offset, std=std)})
    assert found.verdict == expected
    assert found.effect == pytest.approx(offset)
    assert found.low < found.effect < found.high
    assert found.coverage == (0.9 if expected in ("reproduced", "near") else 0.95)
    assert found.seeds == 10
    assert "±0.5 nats" in found.rule


def test_an_undecided_number_says_how_many_seeds_would_decide() -> None:
    found = verdict(number(), {("ReinMax", "8x4"): spread(101.0, std=2.0)})
    assert found.verdict == "undecided"
    # Half a nat to either limit: (1.645 + 0.842)² · 4 / (0.25 − 6.18 · 0.004) seeds.
    assert found.needed == pytest.approx(6.183 * 4 / (0.25 - 6.183 * 0.004), abs=1)
    assert (
        found.reason
        == f"about {found.needed} seeds would decide it if the difference is as observed"
    )
    found = verdict(number(plus_minus=1.0), {("ReinMax", "8x4"): spread(101.0, std=2.0)})
    assert (found.verdict, found.needed) == ("undecided", -1)
    assert found.reason.startswith("no number of seeds would decide")


def test_the_printed_error_is_one_of_the_difference() -> None:
    """± is the population's deviation over √n: with that n it gives Welch's interval of the two."""
    ours, theirs = spread(100.0), spread(101.0, count=5, std=3.0, seed=1)
    printed = PrintedNumber(float(np.mean(theirs)), float(np.std(theirs) / np.sqrt(5)), 5)
    found = verdict(number(published=printed), {("ReinMax", "8x4"): ours})
    expected = reference.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("offset", [0.0, 1.0, 5.0])
def test_a_diverged_seed_never_makes_a_number_better(offset: float) -> None:
    values = {("ReinMax", "8x4"): spread(100 + offset)}
    found = verdict(number(), values, diverged={("ReinMax", "8x4"): [4]})
    assert found.verdict == "not reproduced"
    assert (found.seeds, found.diverged) == (9, 1)
    assert found.reason == "1 of 10 seeds diverged"
    found = verdict(number(), values, diverged={("ReinMax", "8x4"): range(10)})
    assert found.verdict == "not reproduced"
    assert np.isnan(found.effect)


def test_the_seeds_that_are_there_are_judged_if_they_are_enough() -> None:
    claim = number(minimum=Minimum(EXACT, 5, {}))
    values = {("ReinMax", "8x4"): spread(100.0)}
    assert verdict(claim, values, planned=20).verdict == "reproduced"
    few = {("ReinMax", "8x4"): spread(100.0)[:4]}
    assert verdict(claim, few, planned=20).verdict == "not tested at this scale"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"dataset": "digits"}, "data set digits"),
        ({"train_images": 5000}, "5,000 training images (required: 60,000)"),
        ({"test_images": 1000}, "1,000 test images"),
        ({"batch_size": 50}, "batches of 50"),
        ({"epochs": 3}, "3 epochs (required: 160)"),
        ({"draws": 20.0}, "20 draws (required: 100)"),
        ({"tau": 2.0}, "ReinMax at 8x4 with tau 2.0 (the paper's: 1.3)"),
        ({"optimizer": "RAdam"}, "with optimizer RAdam"),
    ],
)
def test_what_was_computed_below_scale_is_not_judged(facts: dict[str, Any], reason: str) -> None:
    settings = {("ReinMax", "8x4"): {"optimizer": "Adam", "learning_rate": 0.0005, "tau": 1.3}}
    claim = number(minimum=Minimum(EXACT, 5, settings))
    values = {("ReinMax", "8x4"): spread(100.0)}
    assert verdict(claim, values).verdict == "reproduced"
    found = verdict(claim, values, **facts)
    assert found.verdict == "not tested at this scale"
    assert reason in found.reason
    # What was found is shown all the same.
    assert found.effect == pytest.approx(0.0)


def test_too_few_seeds_are_not_judged() -> None:
    assert verdict(number(), {("ReinMax", "8x4"): spread(100.0, 5)}).verdict == "reproduced"
    found = verdict(number(), {("ReinMax", "8x4"): spread(100.0, 4)})
    assert (found.verdict, found.reason) == (
        "not tested at this scale",
        "4 seeds (required: at least 5)",
    )


def test_an_estimator_without_draws_is_not_asked_for_them() -> None:
    assert (
        verdict(number(), {("ReinMax", "8x4"): spread(100.0)}, draws=np.nan).verdict == "reproduced"
    )


def test_what_is_absent_is_not_run() -> None:
    found = verdict(number(places=("4x24",)), {("ReinMax", "8x4"): spread(100.0)})
    assert (found.verdict, found.reason) == (
        "not run",
        "ReinMax at 4x24 is not in this configuration",
    )
    there = evidence({("ReinMax", "8x4"): spread(100.0)})
    for state, message, reason in (
        ("missing", "", "has not been run"),
        ("unreadable", "x.csv is stale", "cannot be read: x.csv is stale"),
    ):
        plan = there.plan.assign(state=state, message=message)
        found = judge(number(), Evidence(there.runs.iloc[:0], plan))
        assert (found.verdict, found.reason) == ("not run", f"ReinMax at 8x4 {reason}")
        assert np.isnan(found.effect)


def test_a_planted_ordering_is_found_and_its_reverse_refuted() -> None:
    values: Values = {("ReinMax", "8x4"): spread(100.0), ("ST", "8x4"): spread(100.5, seed=1)}
    found = verdict(ordering(), values)
    assert found.verdict == "reproduced"
    assert found.holding < 0.001 < 0.999 < found.failing
    assert found.effect == pytest.approx(0.5)
    assert 0 < found.low < 0.5 < found.high
    found = verdict(ordering(lower=("ST",), higher=("ReinMax",)), values)
    assert found.verdict == "not reproduced"
    assert found.failing < 0.001 < 0.999 < found.holding
    assert found.effect == pytest.approx(-0.5)
    values[("ST", "8x4")] = spread(100.05, seed=1)
    assert verdict(ordering(), values).verdict == "undecided"


def test_every_and_best_differ_where_the_lower_side_has_several() -> None:
    values: Values = {
        ("ReinMax-CV", "8x4"): spread(99.0),
        ("ReinMax-Rao", "8x4"): spread(101.0, seed=1),
        ("ReinMax", "8x4"): spread(100.0, seed=2),
    }
    sides = {"lower": ("ReinMax-CV", "ReinMax-Rao"), "higher": ("ReinMax",)}
    assert verdict(ordering(judge="best_below", **sides), values).verdict == "reproduced"
    assert verdict(ordering(judge="every_below", **sides), values).verdict == "not reproduced"


def test_a_claim_about_most_shapes_needs_that_many() -> None:
    latents = ("8x4", "4x24", "8x16")
    values: Values = {}
    for latent, gap in zip(latents, (1.0, 1.0, -1.0), strict=True):
        values["ReinMax", latent] = spread(100.0)
        values["ST", latent] = spread(100.0 + gap, seed=1)
    assert verdict(ordering(places=latents, at_least=2), values).verdict == "reproduced"
    found = verdict(ordering(places=latents, at_least=3), values)
    assert found.verdict == "not reproduced"
    assert found.effect == pytest.approx(-1.0)
    elsewhere = ordering(places=("8x4", "4x24"), elsewhere=("8x16",), at_least=3)
    assert verdict(elsewhere, values).verdict == "reproduced"
    wrong = ordering(places=("8x4",), elsewhere=("4x24", "8x16"), at_least=3)
    assert verdict(wrong, values).verdict == "not reproduced"


def test_a_diverged_seed_never_makes_an_ordering_better() -> None:
    values: Values = {("ReinMax", "8x4"): spread(100.0), ("ST", "8x4"): spread(105.0, seed=1)}
    for place in values:
        found = verdict(ordering(), values, diverged={place: [2]})
        assert found.verdict == "undecided"
        assert found.diverged == 1
        assert "1 seeds diverged" in found.reason
    # The winner gone altogether refutes the claim; the loser gone leaves it open.
    assert (
        verdict(ordering(), values, diverged={("ReinMax", "8x4"): range(10)}).verdict
        == "not reproduced"
    )
    assert verdict(ordering(), values, diverged={("ST", "8x4"): range(10)}).verdict == "undecided"
    # What was refuted stays so.
    reverse = ordering(lower=("ST",), higher=("ReinMax",))
    for place in values:
        assert verdict(reverse, values, diverged={place: [2]}).verdict == "not reproduced"


def test_an_ordering_below_scale_or_without_runs_is_not_judged() -> None:
    values: Values = {("ReinMax", "8x4"): spread(100.0), ("ST", "8x4"): spread(105.0, seed=1)}
    found = verdict(ordering(), values, epochs=3)
    assert found.verdict == "not tested at this scale"
    assert found.holding < 0.001
    found = verdict(ordering(higher=("ST", "STGS")), values)
    assert (found.verdict, found.reason) == ("not run", "STGS at 8x4 is not in this configuration")
    assert np.isnan(found.holding)


@pytest.fixture(scope="module")
def shipped() -> list[Claim]:
    return load(ROOT / "report/claims", SCHEMAS, ROOT)


def test_numbers_come_from_the_reference_tables(shipped: list[Claim]) -> None:
    published = [claim for claim in shipped if claim.published and claim.subject == "trainings"]
    numbers, spreads = (
        [claim for claim in published if claim.judge == judge]
        for judge in ("number", "scatters_alike")
    )
    assert len(numbers) == len(spreads) == 84
    assert [claim.published for claim in numbers] == [claim.published for claim in spreads]
    for name, metric in (("table2_train_elbo", METRIC), ("table3_test_elbo", "test_nelbo_nats")):
        table = pd.read_csv(ROOT / f"report/reference/{name}.csv", dtype=str)
        own = [claim for claim in numbers if claim.metric == metric]
        assert [(c.lower[0], c.places[0]) for c in own] == list(
            zip(table["estimator"], table["latent"], strict=True)
        )
        for claim, line in zip(own, table.itertuples(), strict=True):
            assert f"{line.mean} ± {line.plus_minus} nats" in claim.statement


def test_shipped_orderings_hold_of_the_printed_tables_or_say_that_they_do_not(
    shipped: list[Claim],
) -> None:
    """The printed means alone bear out every ordering but those whose note objects."""
    values: Values = {}
    runs = []
    for name, metric in (("table2_train_elbo", METRIC), ("table3_test_elbo", "test_nelbo_nats")):
        table = pd.read_csv(ROOT / f"report/reference/{name}.csv")
        runs.append(table.set_index(["estimator", "latent"])["mean"].rename(metric))
    means = pd.concat(runs, axis=1)
    for place in means.index:
        values[place] = [0.0] * 5
    there = evidence(values)
    printed = there.runs[["estimator", "latent"]].merge(
        means.reset_index(), on=["estimator", "latent"]
    )
    there.runs[list(means.columns)] = printed[list(means.columns)].to_numpy()
    objected = set()
    for claim in shipped:
        if claim.subject == "trainings" and claim.type == "ordering" and claim.judge != "ambiguous":
            open_scale = Minimum({}, 5, {})
            found = judge(Claim(**{**vars(claim), "minimum": open_scale}), there)
            if found.verdict != "reproduced":
                objected.add(claim.id)
                assert claim.note, claim.id
    assert objected == {
        *("B-T2-RAO-REINMAX", "B-T3-RAO-REINMAX", "B-T3-RAO-LARGE"),
        *("B-TXT-03-RAO-TRAIN", "B-TXT-03-RAO-TEST", "B-TXT-06-TRAIN", "B-TXT-06-TEST"),
    }


def test_ambiguous_claims_say_why(shipped: list[Claim]) -> None:
    open_claims = [claim for claim in shipped if claim.judge == "ambiguous"]
    assert open_claims
    for claim in open_claims:
        found = judge(claim, evidence({("ReinMax", "8x4"): [1.0]}))
        assert (found.verdict, found.reason) == ("ambiguous in the paper", claim.note)


@pytest.mark.parametrize(("name", "limit"), [("above", 99.0), ("below", 101.0)])
def test_thresholds_are_judged_by_the_means_distance(name: str, limit: float) -> None:
    values = {("ReinMax", "8x4"): spread(100.0), ("ReinMax", "4x24"): spread(100.0)}
    places = ("8x4", "4x24")
    found = verdict(threshold(name, limit, places=places), values)
    assert found.verdict == "reproduced"
    assert found.effect == pytest.approx(1.0, abs=0.2)
    wrong = verdict(threshold(name, 200.0 - limit, places=places), values)
    assert wrong.verdict == "not reproduced"
    assert verdict(threshold(name, 100.0, places=places), values).verdict == "undecided"


def test_a_diverged_seed_keeps_a_threshold_undecided() -> None:
    there = evidence({("ReinMax", "8x4"): spread(100.0)}, diverged={("ReinMax", "8x4"): (0,)})
    for name, limit in (("above", 0.0), ("below", 1000.0)):
        assert judge(threshold(name, limit), there).verdict != "reproduced"


def test_a_single_run_is_held_against_the_scatter_of_ours() -> None:
    values = {("ReinMax", "8x4"): spread(100.0)}
    near, far = (
        number(judge="single_run", rule=NUMBER, parameters={"printed": printed}, published=None)
        for printed in (100.1, 130.0)
    )
    assert verdict(near, values).verdict == "compatible"
    found = verdict(far, values)
    assert found.verdict == "not reproduced"
    assert found.high < 0


def test_prediction_intervals_cover_one_more_value() -> None:
    generator = np.random.default_rng(0)
    runs = generator.normal(size=(4000, 6))
    inside = [stats.prediction_interval(run[:5]).holds(run[5]) for run in runs]
    assert abs(np.mean(inside) - 0.95) < 0.015


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("", [0, 1]), ("copy", [2]), (["", "copy"], [0, 1, 2]), (0.1, [3]), ("nan", [])],
)
def test_rows_are_picked_by_text_by_number_and_by_an_empty_cell(
    wanted: Any, found: list[int]
) -> None:
    column = pd.Series([None, float("nan"), "copy", "0.1"], dtype=object)
    assert np.flatnonzero(fits(column, wanted)).tolist() == found
