"""The judging functions: a claim and the tidy tables in, a verdict out."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.evidence import Evidence, Place, why_not_run, why_not_tested
from reinrelax.claims.model import Claim, Schema, Verdict
from reinrelax.stats import Floats

Judge = Callable[[Claim, Evidence], Verdict]
Compare = Callable[[Floats, Floats], Floats]
# A latent shape, the estimators that should be lower there and those that should be higher.
Side = tuple[str, tuple[str, ...], tuple[str, ...]]

_NUMBER_RULE = ("reproduced_within", "near_within", "level", "published_seeds")
_ORDERING_RULE = ("reproduced_from", "not_reproduced_to", "level")
_ORDERING_KEYS = ("lower", "higher", "places")
_THRESHOLD_KEYS = ("lower", "places", "limit")

SCHEMAS = {
    "number": Schema("number", required=("reference",), rule=_NUMBER_RULE),
    "every_below": Schema("ordering", _ORDERING_KEYS, ("elsewhere", "at_least", "note"), _ORDERING_RULE),
    "best_below": Schema("ordering", _ORDERING_KEYS, ("elsewhere", "at_least", "note"), _ORDERING_RULE),
    "above": Schema("threshold", _THRESHOLD_KEYS, ("note",), _ORDERING_RULE),
    "below": Schema("threshold", _THRESHOLD_KEYS, ("note",), _ORDERING_RULE),
    "single_run": Schema("number", ("lower", "places", "printed"), ("note",), _ORDERING_RULE),
    "ambiguous": Schema("ordering", required=("note",)),
}


def number(claim: Claim, evidence: Evidence) -> Verdict:
    """Hold the mean over seeds of one cell against the number printed for it.

    The paper does not say what its ± is. Read as the standard deviation over its seeds it gives the narrowest
    interval of the difference of all readings, and so makes "reproduced" hardest.
    """
    assert claim.published is not None  # the schema asks for a reference table
    rule, place = claim.rule, (claim.lower[0], claim.places[0])
    text = (
        f"reproduced if |Δ| ≤ {rule['reproduced_within']:g} nats or 0 lies in the {rule['level']:.0%} "
        f"interval of Δ; near if |Δ| ≤ {rule['near_within']:g} nats; otherwise not reproduced. "
        "A diverged seed: not reproduced."
    )
    values, diverged = evidence.values(place, claim.metric), evidence.diverged(place)
    delta = stats.difference_interval(
        list(values.values()),
        claim.published.mean,
        claim.published.plus_minus,
        int(rule["published_seeds"]),
        rule["level"],
    )
    verdict, reason = _premise(claim, evidence, [place])
    if not verdict and diverged:
        verdict = model.NOT_REPRODUCED
        reason = f"{len(diverged)} of {len(values) + len(diverged)} seeds diverged"
    elif not verdict:
        verdict = _verdict_of_difference(delta, rule)
    return Verdict(
        claim,
        verdict,
        text,
        effect=delta.estimate,
        low=delta.low,
        high=delta.high,
        seeds=len(values),
        diverged=len(diverged),
        reason=reason,
    )


def every_below(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether every estimator of `lower` has a lower mean than every one of `higher`."""
    return _ordering(claim, evidence, lambda lower, higher: higher.min(-1) - lower.max(-1))


def best_below(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the best estimator of `lower` has a lower mean than the best one of `higher`."""
    return _ordering(claim, evidence, lambda lower, higher: higher.min(-1) - lower.min(-1))


def above(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the mean of every one of `lower` lies above the limit at every place."""
    return _threshold(claim, evidence, 1.0)


def below(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the mean of every one of `lower` lies below the limit at every place."""
    return _threshold(claim, evidence, -1.0)


def single_run(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether a number of one run, as printed, is one that our runs could have given."""
    place, level = (claim.lower[0], claim.places[0]), claim.rule["level"]
    text = (
        f"reproduced if the printed number lies in the {level:.0%} prediction interval of one more run, "
        "from our seeds; otherwise not reproduced. A diverged seed: not reproduced."
    )
    values, diverged = evidence.values(place, claim.metric), evidence.diverged(place)
    run = stats.prediction_interval(list(values.values()), level)
    verdict, reason = _premise(claim, evidence, [place])
    if not verdict:
        held = run.holds(claim.printed) and not diverged
        verdict = model.REPRODUCED if held else model.NOT_REPRODUCED
        reason = f"{len(diverged)} seeds diverged" if diverged else ""
    return Verdict(
        claim,
        verdict,
        text,
        effect=run.estimate - claim.printed,
        low=run.low - claim.printed,
        high=run.high - claim.printed,
        seeds=len(values),
        diverged=len(diverged),
        reason=reason,
    )


def ambiguous(claim: Claim, evidence: Evidence) -> Verdict:
    """A statement that the paper leaves open to readings of different outcome; its note says which."""
    return Verdict(claim, model.AMBIGUOUS, "no rule: the statement has no single reading", reason=claim.note)


def _verdict_of_difference(delta: stats.Interval, rule: Mapping[str, float]) -> str:
    if abs(delta.estimate) <= rule["reproduced_within"] or delta.holds(0.0):
        return model.REPRODUCED
    return model.NEAR if abs(delta.estimate) <= rule["near_within"] else model.NOT_REPRODUCED


def _threshold(claim: Claim, evidence: Evidence, sign: float) -> Verdict:
    """Judge by the smallest distance of a mean from the limit, resampled over seeds."""
    text = (
        "P = bootstrap probability, over seeds, that every mean lies "
        f"{'above' if sign > 0 else 'below'} {claim.limit:g}: {_rule_in_words(claim.rule)} A diverged seed "
        "counts as infinitely far on the wrong side; with one, at best undecided."
    )
    places = [(method, place) for place in claim.places for method in claim.lower]
    groups = [
        evidence.values(place, claim.metric) | dict.fromkeys(evidence.diverged(place), -sign * np.inf)
        for place in places
    ]
    margins = (sign * (stats.bootstrap_means(groups) - claim.limit)).min(-1)
    observed = [np.mean(list(group.values())) if group else np.nan for group in groups]
    margin = float(np.min(sign * (np.array(observed) - claim.limit)))
    return _by_probability(claim, evidence, places, text, margin, margins)


def _ordering(claim: Claim, evidence: Evidence, compare: Compare) -> Verdict:
    """Judge by the margin with which the claim holds, resampled over seeds.

    The margin at a shape is positive where the claim holds there; that of the claim is the smallest that must
    be positive, the `at_least`-th largest.
    """
    columns = len(claim.places) + len(claim.elsewhere)
    what = "latent shapes" if claim.subject == "trainings" else "places"
    where = f" at {claim.at_least} of {columns} {what} or more" if columns > 1 else ""
    text = (
        f"P = bootstrap probability, over seeds, that it holds{where}: {_rule_in_words(claim.rule)} "
        "A diverged seed counts as infinitely high where it should be lower and is left out where it should "
        "be higher; with either, at best undecided."
    )
    sides: list[Side] = [(latent, claim.lower, claim.higher) for latent in claim.places]
    sides += [(latent, claim.higher, claim.lower) for latent in claim.elsewhere]
    places: list[Place] = []
    groups: list[dict[int, float]] = []
    for latent, lower, higher in sides:
        for estimator in (*lower, *higher):
            place = (estimator, latent)
            group = evidence.values(place, claim.metric)
            if estimator in lower:
                group |= dict.fromkeys(evidence.diverged(place), float("inf"))
            places.append(place)
            groups.append(group)
    resampled = _margins(stats.bootstrap_means(groups), sides, claim, compare)
    observed = np.array([[np.mean(list(group.values())) if group else np.nan for group in groups]])
    margin = float(_margins(observed, sides, claim, compare)[0])
    return _by_probability(claim, evidence, places, text, margin, resampled)


def _by_probability(
    claim: Claim, evidence: Evidence, places: Sequence[Place], rule: str, margin: float, resampled: Floats
) -> Verdict:
    """The verdict by the probability that the margin is positive, from its `resampled` values `[S]`."""
    interval = stats.percentile_interval(margin, resampled, claim.rule["level"])
    probability = stats.probability_positive(resampled)
    diverged = sum(len(evidence.diverged(place)) for place in places)
    verdict, reason = _premise(claim, evidence, places)
    if not verdict:
        verdict = _verdict_of_probability(probability, claim.rule)
        if diverged:
            reason = f"{diverged} seeds diverged among the cells compared"
            verdict = model.UNDECIDED if verdict == model.REPRODUCED else verdict
    return Verdict(
        claim,
        verdict,
        rule,
        effect=interval.estimate,
        low=interval.low,
        high=interval.high,
        probability=probability,
        seeds=min(len(evidence.values(place, claim.metric)) for place in places),
        diverged=diverged,
        reason=reason,
    )


def _margins(means: Floats, sides: Sequence[Side], claim: Claim, compare: Compare) -> Floats:
    """Margins of the claim `[S]` from means `[S, G]`, the groups lying side by side as in `sides`."""
    columns, start = [], 0
    for index, (_, lower, higher) in enumerate(sides):
        middle, end = start + len(lower), start + len(lower) + len(higher)
        first, second = means[:, start:middle], means[:, middle:end]
        # Elsewhere the claim's own sides are exchanged, and its comparison must fail.
        margin = compare(first, second) if index < len(claim.places) else -compare(second, first)
        columns.append(margin)
        start = end
    margins = np.stack(columns, -1)
    unknown = np.isnan(margins).any(-1)
    return np.where(unknown, np.nan, np.sort(margins, -1)[:, -claim.at_least])


def _rule_in_words(rule: Mapping[str, float]) -> str:
    return (
        f"reproduced if P ≥ {rule['reproduced_from']:g}, not reproduced if P ≤ "
        f"{rule['not_reproduced_to']:g}, otherwise undecided."
    )


def _verdict_of_probability(probability: float, rule: Mapping[str, float]) -> str:
    if probability >= rule["reproduced_from"]:
        return model.REPRODUCED
    return model.NOT_REPRODUCED if probability <= rule["not_reproduced_to"] else model.UNDECIDED


def _premise(claim: Claim, evidence: Evidence, places: Sequence[Place]) -> tuple[str, str]:
    """The verdict and its reason where these cells do not allow to judge; two empty strings where they do."""
    if reason := why_not_run(evidence, places):
        return model.NOT_RUN, reason
    if reason := why_not_tested(evidence, places, claim.minimum):
        return model.NOT_TESTED, reason
    return "", ""
