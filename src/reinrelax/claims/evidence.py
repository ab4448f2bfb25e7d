"""Evidence from runs with one value per seed, and whether it reaches a claim's minimum scale."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims import model
from reinrelax.claims.model import Claim, Group, Minimum, Resampled
from reinrelax.claims.parts import Estimate, over_seeds
from reinrelax.core import stats

Place = tuple[str, str]  # estimator and latent shape

_REASONS = 6
_WORDS = {
    "dataset": "data set {found} (required: {wanted})",
    "train_images": "{found:,} training images (required: {wanted:,})",
    "test_images": "{found:,} test images (required: {wanted:,})",
    "batch_size": "batches of {found} (required: {wanted})",
    "epochs": "{found} epochs (required: {wanted})",
    "draws": "{found} draws (required: {wanted})",
    "episodes": "{found} episodes (required: {wanted})",
}
NETWORK = "hidden layers of {} units (required: the paper's)"


@dataclass(frozen=True)
class Evidence:
    """Two tidy tables of runs.

    Attributes:
        runs: one row per ended run, at its last epoch: the columns of the results tables, `latent`
            (such as `8x4`), and `diverged`. For agents that learn, `estimator` is the algorithm and
            `latent` the environment with its cap.
        plan: one row per planned job: `estimator`, `latent`, `state` (done, missing or unreadable),
            `message`, and its name as `job`.
    """

    runs: pd.DataFrame
    plan: pd.DataFrame

    def at(self, place: Place) -> pd.DataFrame:
        """Return the ended runs of an estimator at a latent shape."""
        return self._runs[place] if place in self._runs else self.runs.iloc[:0]

    def planned(self, place: Place) -> pd.DataFrame:
        """Return the planned jobs of an estimator at a latent shape: none, one or several parts."""
        return self._plan[place] if place in self._plan else self.plan.iloc[:0]

    def values(self, place: Place, metric: str) -> dict[int, float]:
        """Return the final values by seed of runs that did not diverge, in the metric's unit."""
        key = (place, metric)
        if key not in self._values:
            rows = self.at(place)
            alive = rows[~rows["diverged"].astype(bool)] if len(rows) else rows
            self._values[key] = dict(
                zip(alive["seed"].astype(int), alive[metric].astype(float), strict=True)
            )
        return dict(self._values[key])

    def hold(self, place: Place, metric: str, values: Mapping[int, float]) -> None:
        """Set the values of a cell, overriding the tables; used by simulations."""
        self._values[place, metric] = dict(values)

    def diverged(self, place: Place) -> list[int]:
        """Return the seeds that diverged."""
        if place not in self._lost:
            rows = self.at(place)
            self._lost[place] = [
                int(seed) for seed in rows.loc[rows["diverged"].astype(bool), "seed"]
            ]
        return list(self._lost[place])

    def sample(self, claim: Claim, worst: float = np.inf, against: str = "") -> Resampled:
        """Return the runs that a claim is about, one group per place.

        Args:
            claim: a claim about runs.
            worst: the value of a method on the lower side if all its seeds diverged. Single
                diverged seeds are left out; on the higher side all of them are.
            against: a metric. If given, the higher side is the same methods in this metric.
        """
        higher = claim.lower if against else claim.higher
        groups, used = [], []
        for place in (*claim.places, *claim.elsewhere):
            below, above = (
                [(method, place) for method in methods] for methods in (claim.lower, higher)
            )
            used += [*below, *above]
            limits, reverse = (
                [[smallest(claim, place, low, high) for high in after] for low in before]
                for before, after in ((claim.lower, higher), (higher, claim.lower))
            )
            groups.append(
                Group(
                    [self._estimate(cell, claim.metric, worst) for cell in below],
                    [self._estimate(cell, against or claim.metric, np.nan) for cell in above],
                    range(len(claim.lower)),
                    limits,
                    reverse,
                )
            )
        cells = list(dict.fromkeys(used))
        return Resampled(
            groups,
            opposite=len(claim.elsewhere),
            premise=premise(self, claim, cells),
            seeds=min((len(self.values(cell, claim.metric)) for cell in cells), default=0),
            diverged=sum(len(self.diverged(cell)) for cell in cells),
            jobs=self.jobs(cells),
        )

    def _estimate(self, cell: Place, metric: str, lost: float) -> Estimate:
        values = self.values(cell, metric)
        if not values and self.diverged(cell) and not np.isnan(lost):
            return Estimate(float(lost), 0.0)
        return over_seeds(values)

    def jobs(self, cells: Iterable[Place]) -> list[str]:
        """Return the names of the planned jobs behind these cells."""
        return [
            job for cell in cells if cell in self._plan for job in self._plan[cell].get("job", [])
        ]

    def absence(self, place: Place) -> str:
        """Return why there is no ended run; empty if there is one."""
        if place not in self._absences:
            self._absences[place] = self._absence(place)
        return self._absences[place]

    def _absence(self, place: Place) -> str:
        if place in self._runs:
            return ""
        if place not in self._plan:
            return "is not in this configuration"
        planned = self._plan[place]
        unreadable = planned[planned["state"] == "unreadable"]
        if len(unreadable):
            return f"cannot be read: {unreadable['message'].iloc[0]}"
        return "has not been run"

    @cached_property
    def _lost(self) -> dict[Place, list[int]]:
        return {}

    @cached_property
    def _absences(self) -> dict[Place, str]:
        return {}

    @cached_property
    def _values(self) -> dict[tuple[Place, str], dict[int, float]]:
        return {}

    @cached_property
    def _runs(self) -> dict[Place, pd.DataFrame]:
        return _by_place(self.runs)

    @cached_property
    def _plan(self) -> dict[Place, pd.DataFrame]:
        return _by_place(self.plan)


def premise(evidence: Evidence, claim: Claim, cells: Sequence[Place]) -> tuple[str, str]:
    """Return verdict and reason if these cells cannot be judged, otherwise two empty strings."""
    if reason := why_not_run(evidence, cells):
        return model.NOT_RUN, reason
    if reason := why_not_tested(evidence, cells, claim.minimum):
        return model.NOT_TESTED, reason
    return "", ""


def why_not_run(evidence: Evidence, places: Iterable[Place]) -> str:
    """Say which of these cells have no ended run; empty if all have one."""
    absent = [(place, why) for place in places if (why := evidence.absence(place))]
    if not absent:
        return ""
    (estimator, latent), why = absent[0]
    more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
    return f"{estimator} at {latent} {why}{more}"


def why_not_tested(evidence: Evidence, places: Iterable[Place], minimum: Minimum) -> str:
    """Say how these cells fall short of the minimum scale; empty if they reach it."""
    reasons: dict[str, None] = {}
    for place in places:
        reasons.update(dict.fromkeys(_shortfalls(evidence, place, minimum)))
    more = [f"and {len(reasons) - _REASONS} more"] if len(reasons) > _REASONS else []
    return "; ".join([*list(reasons)[:_REASONS], *more])


def smallest(claim: Claim, place: str, lower: str, higher: str) -> float:
    """Return the smallest effect of interest between two methods at a place.

    A claim's own value takes precedence. Otherwise it is derived from the printed numbers: the
    printed effect, or the smallest effect that the printed seeds would have shown, if that is less.
    Without printed numbers it is the value in the claims file.
    """
    if "smallest" in claim.parameters:
        return claim.smallest
    # Methods run as in the authors' code (`-run`) are printed without the suffix.
    above, below = (
        claim.printed.get((name.removesuffix("-run"), place)) for name in (higher, lower)
    )
    if above is None or below is None:
        return claim.rule.get("smallest", 0.0)
    effect = above.mean - below.mean
    shown = stats.smallest_shown((above.std, below.std), (above.seeds, below.seeds))
    if np.isnan(shown):
        # Without printed errors the effect's precision is unknown: use half of the effect.
        return max(effect / 2, claim.rule.get("smallest", 0.0))
    return min(effect, shown) if effect > 0 else shown


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
    if "dataset" in minimum.exact and "hidden" in rows:
        yield from (NETWORK.format(units) for units in sorted(rows["hidden"].unique()) if units)
    estimator, latent = place
    for name, setting in minimum.settings.get(place, {}).items():
        for value in rows[name].unique().tolist():
            if not _same(value, setting):
                yield f"{estimator} at {latent} with {name} {value} (the paper's: {setting})"
    if len(rows) < minimum.seeds:
        yield f"{len(rows)} seeds (required: at least {minimum.seeds})"


def _same(value: Any, setting: str | float) -> bool:
    return (
        value == setting
        if isinstance(setting, str)
        else bool(np.isclose(value, setting, rtol=1e-9))
    )


def _by_place(table: pd.DataFrame) -> dict[Place, pd.DataFrame]:
    groups = table.groupby(["estimator", "latent"], sort=False)
    return {(str(estimator), str(latent)): group for (estimator, latent), group in groups}
