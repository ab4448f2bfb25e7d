"""Runs with one value a seed: what they hold for a claim, and whether at the scale that it asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.model import Claim, Floats, Group, Minimum, Sample

Place = tuple[str, str]  # estimator and latent shape

_REASONS = 6
_WORDS = {
    "dataset": "data set {found} (asked for: {wanted})",
    "train_images": "{found:,} training images (asked for: {wanted:,})",
    "test_images": "{found:,} test images (asked for: {wanted:,})",
    "batch_size": "batches of {found} (asked for: {wanted})",
    "epochs": "{found} epochs (asked for: {wanted})",
    "draws": "{found} draws (asked for: {wanted})",
    "episodes": "{found} episodes (asked for: {wanted})",
}


@dataclass(frozen=True)
class Evidence:
    """Two tidy tables.

    Attributes:
        runs: one row a run that has ended, at its last epoch: the columns of the results tables, `latent` (as
            `8x4`), and `diverged`. Of agents that learn, `estimator` is the algorithm and `latent` the
            environment with its cap.
        plan: one row a planned job: `estimator`, `latent`, `state` (done, missing or unreadable), `message`,
            `planned_seeds`, and its name as `job`.
    """

    runs: pd.DataFrame
    plan: pd.DataFrame

    def at(self, place: Place) -> pd.DataFrame:
        """The ended runs of one estimator and latent shape."""
        return self._runs.get(place, self._nothing[0])

    def planned(self, place: Place) -> pd.DataFrame:
        """The planned cells of one estimator and latent shape: none, one, or its parts."""
        return self._plan.get(place, self._nothing[1])

    def values(self, place: Place, metric: str) -> dict[int, float]:
        """Seed to final value of the runs that did not diverge, in the metric's unit."""
        key = (place, metric)
        if key not in self._values:
            rows = self.at(place)
            rows = rows[~rows["diverged"].astype(bool)]
            self._values[key] = dict(zip(rows["seed"].astype(int), rows[metric].astype(float), strict=True))
        return dict(self._values[key])

    def diverged(self, place: Place) -> list[int]:
        """Seeds that diverged."""
        rows = self.at(place)
        return [int(seed) for seed in rows.loc[rows["diverged"].astype(bool), "seed"]]

    def sample(self, claim: Claim, worst: float = np.inf, against: str = "") -> Sample:
        """The runs that a claim is about, resampled over seeds, one group a place.

        Args:
            claim: about runs.
            worst: what a diverged seed counts as on the lower side; on the higher side it is left out.
            against: a metric; the higher side is then the same methods' in this metric.
        """
        wanted = [(place, claim.lower, claim.higher) for place in claim.places]
        wanted += [(place, claim.higher, claim.lower) for place in claim.elsewhere]
        cells: list[Place] = []
        values: list[dict[int, float]] = []
        for place, lower, higher in wanted:
            for method in lower:
                cell = (method, place)
                cells.append(cell)
                values.append(
                    self.values(cell, claim.metric) | dict.fromkeys(self.diverged(cell), float(worst))
                )
            for method in lower if against else higher:
                cells.append((method, place))
                values.append(self.values((method, place), against or claim.metric))
        means = _with_observed(values)
        groups, start = [], 0
        for _, lower, higher in wanted:
            middle = start + len(lower)
            end = middle + len(lower if against else higher)
            groups.append(
                Group(means[:, start:middle], means[:, middle:end], np.arange(len(lower), dtype=np.float64))
            )
            start = end
        cells = list(dict.fromkeys(cells))
        return Sample(
            groups,
            opposite=len(claim.elsewhere),
            premise=premise(self, claim, cells),
            seeds=min((len(self.values(cell, claim.metric)) for cell in cells), default=0),
            diverged=sum(len(self.diverged(cell)) for cell in cells),
            jobs=self.jobs(cells),
        )

    def jobs(self, cells: Iterable[Place]) -> list[str]:
        """The planned jobs behind these cells."""
        return [job for cell in cells for job in self.planned(cell).get("job", [])]

    @cached_property
    def _values(self) -> dict[tuple[Place, str], dict[int, float]]:
        return {}

    @cached_property
    def _nothing(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """No run, and no planned cell."""
        return self.runs.iloc[:0], self.plan.iloc[:0]

    @cached_property
    def _runs(self) -> dict[Place, pd.DataFrame]:
        return _by_place(self.runs)

    @cached_property
    def _plan(self) -> dict[Place, pd.DataFrame]:
        return _by_place(self.plan)


def premise(evidence: Evidence, claim: Claim, cells: Sequence[Place]) -> tuple[str, str]:
    """The verdict and its reason where these cells do not allow to judge; two empty strings where they do."""
    if reason := why_not_run(evidence, cells):
        return model.NOT_RUN, reason
    if reason := why_not_tested(evidence, cells, claim.minimum):
        return model.NOT_TESTED, reason
    return "", ""


def why_not_run(evidence: Evidence, places: Iterable[Place]) -> str:
    """In words, which of these cells have no ended run; empty where all have some."""
    absent = [(place, _absence(evidence, place)) for place in places]
    absent = [(place, why) for place, why in absent if why]
    if not absent:
        return ""
    (estimator, latent), why = absent[0]
    more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
    return f"{estimator} at {latent} {why}{more}"


def why_not_tested(evidence: Evidence, places: Iterable[Place], minimum: Minimum) -> str:
    """In words, in what these cells fall short of the scale asked for; empty where they do not."""
    reasons: dict[str, None] = {}
    for place in places:
        reasons.update(dict.fromkeys(_shortfalls(evidence, place, minimum)))
    more = [f"and {len(reasons) - _REASONS} more"] if len(reasons) > _REASONS else []
    return "; ".join([*list(reasons)[:_REASONS], *more])


def _absence(evidence: Evidence, place: Place) -> str:
    if len(evidence.at(place)):
        return ""
    planned = evidence.planned(place)
    if planned.empty:
        return "is not in this configuration"
    unreadable = planned[planned["state"] == "unreadable"]
    if len(unreadable):
        return f"cannot be read: {unreadable['message'].iloc[0]}"
    return "has not been run"


def _shortfalls(evidence: Evidence, place: Place, minimum: Minimum) -> Iterable[str]:
    rows = evidence.at(place)
    for column, wanted in minimum.exact.items():
        found = rows[column].dropna().unique()
        if column == "draws" and len(found) == 0:
            continue  # the estimator draws nothing
        for value in sorted(found.tolist() or ["unknown"], key=str):
            if value != wanted:
                shown = int(value) if isinstance(value, float) else value
                yield _WORDS[column].format(found=shown, wanted=wanted)
    estimator, latent = place
    for name, setting in minimum.settings.get(place, {}).items():
        for value in rows[name].unique().tolist():
            if not _same(value, setting):
                yield f"{estimator} at {latent} with {name} {value} (the paper's: {setting})"
    if len(rows) < minimum.seeds:
        yield f"{len(rows)} seeds (asked for: at least {minimum.seeds})"


def _same(value: Any, setting: str | float) -> bool:
    return value == setting if isinstance(setting, str) else bool(np.isclose(value, setting, rtol=1e-9))


def _with_observed(values: Sequence[dict[int, float]]) -> Floats:
    """Means of the groups `[1 + S, G]`: first as observed, then over resampled seeds."""
    observed = [np.mean(list(group.values())) if group else np.nan for group in values]
    return np.vstack([np.array(observed, dtype=np.float64), stats.bootstrap_means(values)])


def _by_place(table: pd.DataFrame) -> dict[Place, pd.DataFrame]:
    groups = table.groupby(["estimator", "latent"], sort=False)
    return {(str(estimator), str(latent)): group for (estimator, latent), group in groups}
