"""Evidence from measurements with intervals: the rows of collected tables, and their scale."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from reinrelax.claims import model, papers, queries
from reinrelax.claims.evidence import NETWORK
from reinrelax.claims.model import Claim, Group, Resampled
from reinrelax.claims.parts import Estimate
from reinrelax.claims.queries import Pick, Query, fits, held
from reinrelax.core.words import first_of
from reinrelax.jobs.planned import THERE

_LEVEL = 0.95  # coverage of the intervals in the tables
_BOOTSTRAPPED = ("rl_curves", "rl_summary")  # their intervals are percentiles of resampled means
_NAMED = 4  # absent values that are named; the others are only counted
_WORDS = {"dataset": "data set", "train_images": "training images", "test_images": "test images"}


@dataclass(frozen=True)
class Measurements:
    """The collected tables.

    Attributes:
        tables: collected tables by name.
        references: the paper's own tables by name.
        sources: name of a table to the experiment or study that fills it.
        plan: one row per planned job: `job`, `experiment`, `state`, `message`, and the settings it
            was computed with (`dataset`, `epochs` …); for trainings also `estimator` and `latent`.
    """

    tables: Mapping[str, pd.DataFrame]
    references: Mapping[str, pd.DataFrame]
    sources: Mapping[str, str]
    plan: pd.DataFrame

    def sample(self, claim: Claim) -> Resampled:
        """Return the values that a claim is about, each with its standard error."""
        assert claim.query is not None  # the reader of claims files checks this
        query = claim.query
        rows = self.rows(claim)
        groups, used, lacking = [], [], [*_lacking(rows, query.where)]
        values = estimates(rows, query)
        at = rows[query.over].to_numpy(dtype=float).tolist() if query.over else None
        picked = [[held(rows, pick) for pick in picks] for picks in (query.lower, query.higher)]
        for part in _keyed(rows, query.each):
            lower = _side(part, picked[0]) if query.lower else part.tolist()
            higher = _side(part, picked[1])
            if len(lower) == 0 or len(higher) < len(query.higher):
                lacking += ["one side of a comparison has no rows"] if len(part) else []
                continue
            along = [at[row] for row in lower] if at is not None else range(len(lower))
            groups.append(
                Group([values[row] for row in lower], [values[row] for row in higher], along)
            )
            used += [*lower, *higher]
        found = rows.iloc[used] if used else rows.iloc[:0]
        # A claim on many rows needs all jobs that could have produced one of them.
        whole = bool(query.each or query.over) or (not query.lower and len(found) > 1)
        jobs = self._jobs(query, found if len(found) else rows, whole)
        return Resampled(
            groups,
            opposite=0,
            premise=self._premise(claim, found, jobs, lacking),
            seeds=int(found["seeds"].min())
            if "seeds" in found and found["seeds"].notna().any()
            else 0,
            diverged=int(found["diverged"].sum()) if "diverged" in found and len(found) else 0,
            jobs=[str(job) for job in jobs["job"]],
        )

    def rows(self, claim: Claim) -> pd.DataFrame:
        """Return all rows that match a claim's query.

        Rows of entries that a user added to the catalogues match only if the claim names them.

        Raises:
            ConfigError: names the claim and the table or column that does not exist.
        """
        query = claim.query
        assert query is not None
        key = repr((query.reference, query.table, query.where, sorted(query.named())))
        if key not in self._fitting or query.columns().keys() - set(self._fitting[key].columns):
            known = self.references if query.reference else self.tables
            self._fitting[key] = queries.rows(f"claim {claim.id}", query, known, known.__getitem__)
        return self._fitting[key]

    @cached_property
    def _fitting(self) -> dict[str, pd.DataFrame]:
        """A cache of matching rows, by table and conditions, shared by all claims."""
        return {}

    def _jobs(self, query: Query, rows: pd.DataFrame, whole: bool) -> pd.DataFrame:
        """Return the planned jobs behind these rows; if unknown, all that fill the table."""
        if query.reference:
            return self.plan.iloc[:0]
        plan = self._filling(query)
        told = () if whole else _told(rows)
        own = [any(name.endswith(told) for name in of) for of in _names(plan)] if told else []
        return plan[own] if any(own) else plan

    def _filling(self, query: Query) -> pd.DataFrame:
        """Return the planned jobs that fill a query's table.

        Those of entries that a user added to the catalogues count only if the query names them.
        """
        plan = self._plans[self.sources[query.table]]
        return plan[papers.counted(plan, query.named())]

    @cached_property
    def _plans(self) -> Mapping[str, pd.DataFrame]:
        """The planned jobs of each source."""
        return {
            source: self.plan[self.plan["experiment"] == source]
            for source in set(self.sources.values())
        }

    def _premise(
        self, claim: Claim, rows: pd.DataFrame, jobs: pd.DataFrame, lacking: Sequence[str]
    ) -> tuple[str, str]:
        assert claim.query is not None
        query = claim.query
        if query.reference:
            return "", ""
        if not len(rows):
            return model.NOT_RUN, _absence(jobs)
        # Settings that the rows lack are read from all finished jobs that fill their table.
        filling = self._filling(query)
        reasons = [*_shortfalls(rows, filling[filling["state"].isin(THERE)], claim.minimum.exact)]
        if undone := int((~jobs["state"].isin(THERE)).sum()):
            reasons.append(f"{len(jobs) - undone} of {len(jobs)} jobs done")
        reasons += lacking
        return (model.NOT_TESTED, "; ".join(dict.fromkeys(reasons))) if reasons else ("", "")


def _told(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return endings of the names of the jobs that the rows come from; empty if unknown."""
    if {"environment", "cap", "algorithm"} <= set(rows):
        runs = zip(rows["environment"], rows["cap"], rows["algorithm"], strict=True)
        ends = {f"/{environment}-{cap:.0f}/{algorithm}" for environment, cap, algorithm in runs}
    elif "latent" in rows and {"latents", "estimator"} & set(rows):
        methods = rows["latents" if "latents" in rows else "estimator"]
        ends = {
            f"/{latent}/{method}" for latent, method in zip(rows["latent"], methods, strict=True)
        }
    elif "epoch" in rows and rows["epoch"].notna().all():
        ends = {f"/epoch-{epoch:.0f}" for epoch in rows["epoch"]}
    else:
        ends = set()
    return tuple(ends)


def _names(plan: pd.DataFrame) -> list[tuple[str, str]]:
    """Return for each job its own name, and that of the cell that it may be a part of."""
    jobs = zip(plan["job"], plan["latent"], plan["estimator"], strict=True)
    return [(str(job), f"/{latent}/{estimator}") for job, latent, estimator in jobs]


def _lacking(rows: pd.DataFrame, where: Pick) -> Iterable[str]:
    """Yield, in words, the values listed in each condition that no row has."""
    for name, wanted in where.items():
        options = wanted if isinstance(wanted, list) else []
        absent = [str(option) for option in options if not fits(rows[name], option).any()]
        if absent:
            yield f"no row with {name} {first_of(absent, _NAMED)}"


def _absence(jobs: pd.DataFrame) -> str:
    """Return why there is no row."""
    if not len(jobs):
        return "not in this configuration"
    unreadable = jobs[jobs["state"] == "unreadable"]
    if len(unreadable):
        return f"cannot be read: {unreadable['message'].iloc[0]}"
    if jobs["state"].isin(THERE).all():
        return "not in this configuration"
    return "has not been run"


def _shortfalls(rows: pd.DataFrame, jobs: pd.DataFrame, wanted: Mapping[str, Any]) -> Iterable[str]:
    """Yield, in words, where rows fall short; columns that they lack are read from their jobs."""
    if "dataset" in wanted and "hidden" in jobs:
        yield from (
            NETWORK.format(units) for units in sorted(jobs["hidden"].dropna().unique()) if units
        )
    for name, least in wanted.items():
        column = (
            rows[name] if name in rows else jobs[name] if name in jobs else pd.Series(dtype=float)
        )
        found = column.dropna().unique().tolist()
        word = _WORDS.get(name, name)
        if not found and name != "draws":
            yield f"unknown {word} (required: {least})"
        if isinstance(least, str):
            yield from (f"{word} {value} (required: {least})" for value in found if value != least)
            continue
        # Estimators that draw nothing cannot have too few draws. Of several snapshots only the last
        # counts.
        counts = [float(value) for value in found if name != "draws" or float(value) > 0]
        if not counts:
            continue
        used = max(counts) if name == "epoch" else min(counts)
        if used < least:
            found_so = f"epoch {used:,.0f}" if name == "epoch" else f"{used:,.0f} {word}"
            yield f"{found_so} (required: {least:,.0f})"


def _keyed(rows: pd.DataFrame, each: Sequence[str]) -> list[NDArray[np.int64]]:
    """Return the positions of the rows of each combination of values of these columns."""
    if not each:
        return [np.arange(len(rows))]
    numbers = rows.groupby(list(each), sort=False).ngroup().to_numpy()
    return [np.flatnonzero(numbers == number) for number in range(numbers.max(initial=-1) + 1)]


def _side(part: NDArray[np.int64], picked: Sequence[NDArray[np.bool_]]) -> list[int]:
    """Return the row position of each pick; empty unless every pick matches exactly one row."""
    found = [part[held[part]].tolist() for held in picked]
    return [own[0] for own in found] if all(len(own) == 1 for own in found) else []


def estimates(rows: pd.DataFrame, query: Query) -> list[Estimate]:
    """Return each value with its standard error, derived from its interval.

    The interval of a mean over seeds is Student's or a bootstrap interval, and its error has n − 1
    degrees of freedom. The interval of a single run is normal.
    """
    values = rows[query.column].to_numpy(dtype=float)
    limits = query.ends(rows.columns)
    if not limits:
        return [Estimate(value) for value in values.tolist()]
    low, high = (rows[name].to_numpy(dtype=float) for name in limits)
    half = (high - low) / 2
    if "seeds" in rows:
        seeds = rows["seeds"].to_numpy(dtype=float)
        freedom = np.where(seeds > 1, seeds - 1, np.inf)
    else:
        # Without seeds, a value without an interval is exact. With seeds, it is that of a single
        # run, and its error is unknown.
        half, freedom = np.nan_to_num(half, nan=0.0), np.full(len(rows), np.inf)
    student = np.inf if query.table in _BOOTSTRAPPED else freedom
    errors = half / stdtrit(student, (1 + _LEVEL) / 2)
    return [
        Estimate(*line)
        for line in zip(values.tolist(), errors.tolist(), freedom.tolist(), strict=True)
    ]
