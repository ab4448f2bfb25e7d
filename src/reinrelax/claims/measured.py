"""Measurements with an interval each: what the collected tables hold for a claim, and at what scale."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from reinrelax import stats
from reinrelax.claims import model
from reinrelax.claims.model import Claim, Floats, Group, Pick, Query, Sample
from reinrelax.errors import ConfigError
from reinrelax.results import THERE

_LEVEL = 0.95
_NAMED = 4  # absent values, before the rest is only counted
_WORDS = {"dataset": "data set", "train_images": "training images", "test_images": "test images"}


@dataclass(frozen=True)
class Measurements:
    """The collected tables.

    Attributes:
        tables: by name.
        references: the paper's own, by name.
        sources: table to the experiment or study that fills it.
        plan: one row a planned job: `job`, `source`, `state`, `message`, and what it was computed with
            (`dataset`, `epochs` …); of trainings also `estimator` and `latent`.
    """

    tables: Mapping[str, pd.DataFrame]
    references: Mapping[str, pd.DataFrame]
    sources: Mapping[str, str]
    plan: pd.DataFrame

    def sample(self, claim: Claim) -> Sample:
        """The values that a claim is about, each resampled as a normal estimate with its interval."""
        assert claim.query is not None  # the reader of the claims files sees to it
        query = claim.query
        rows = self.rows(claim)
        keyed = [rows] if not query.each else [part for _, part in rows.groupby(list(query.each), sort=False)]
        noise = _Noise()
        groups, used, lacking = [], [], [*_lacking(rows, query.where)]
        for part in keyed:
            lower = _side(part, query.lower) if query.lower else part
            higher = _side(part, query.higher)
            if len(lower) == 0 or len(higher) < len(query.higher):
                lacking += ["a side of a comparison has no row"] if len(part) else []
                continue
            at = np.asarray(lower[query.over] if query.over else range(len(lower)), dtype=np.float64)
            groups.append(Group(_drawn(lower, query, noise), _drawn(higher, query, noise), at))
            used += [lower, higher]
        found = pd.concat(used) if used else rows.iloc[:0]
        # What is said of many rows needs all jobs that could have given one.
        whole = bool(query.each or query.over) or (not query.lower and len(found) > 1)
        jobs = self._jobs(query, found if len(found) else rows, whole)
        return Sample(
            groups,
            opposite=0,
            premise=self._premise(claim, found, jobs, lacking),
            seeds=int(found["seeds"].min()) if "seeds" in found and found["seeds"].notna().any() else 0,
            diverged=int(found["diverged"].sum()) if "diverged" in found and len(found) else 0,
            jobs=[str(job) for job in jobs["job"]],
        )

    def rows(self, claim: Claim) -> pd.DataFrame:
        """All rows that fit a claim's query.

        Raises:
            ConfigError: names the claim and the table or column that does not exist.
        """
        query = claim.query
        assert query is not None
        known = self.references if query.reference else self.tables
        if query.table not in known:
            options = ", ".join(sorted(known))
            raise ConfigError(f"claim {claim.id}: unknown table {query.table!r}; known: {options}")
        table = known[query.table]
        if missing := sorted(query.columns() - set(table.columns)):
            raise ConfigError(
                f"claim {claim.id}: {query.table} has no column {missing[0]!r}; there are: "
                f"{', '.join(map(str, table.columns))}"
            )
        return _fitting(table, query.where)

    def _jobs(self, query: Query, rows: pd.DataFrame, whole: bool) -> pd.DataFrame:
        """The planned jobs that these rows came from; all that fill the table where rows do not tell."""
        if query.reference:
            return self.plan.iloc[:0]
        plan, names = self._plans[self.sources[query.table]]
        told = () if whole else _told(rows)
        own = [any(name.endswith(told) for name in of) for of in names] if told else []
        return plan[own] if any(own) else plan

    @cached_property
    def _plans(self) -> Mapping[str, tuple[pd.DataFrame, list[tuple[str, str]]]]:
        """The planned jobs behind each source, and the names of each of them."""
        plans = {source: self.plan[self.plan["source"] == source] for source in set(self.sources.values())}
        return {source: (plan, _names(plan)) for source, plan in plans.items()}

    def _premise(
        self, claim: Claim, rows: pd.DataFrame, jobs: pd.DataFrame, lacking: Sequence[str]
    ) -> tuple[str, str]:
        assert claim.query is not None
        query = claim.query
        if query.reference:
            return "", ""
        if not len(rows):
            return model.NOT_RUN, _absence(jobs)
        # What rows do not say of themselves, all that fills their table says.
        filling, _ = self._plans[self.sources[query.table]]
        reasons = [*_shortfalls(rows, filling[filling["state"].isin(THERE)], claim.minimum.exact)]
        if undone := int((~jobs["state"].isin(THERE)).sum()):
            reasons.append(f"{len(jobs) - undone} of {len(jobs)} jobs done")
        reasons += lacking
        return (model.NOT_TESTED, "; ".join(dict.fromkeys(reasons))) if reasons else ("", "")


def _told(rows: pd.DataFrame) -> tuple[str, ...]:
    """Ends of the names of the jobs that rows say they came from; none where they do not."""
    if {"environment", "cap", "algorithm"} <= set(rows):
        runs = zip(rows["environment"], rows["cap"], rows["algorithm"], strict=True)
        ends = {f"/{environment}-{cap:.0f}/{algorithm}" for environment, cap, algorithm in runs}
    elif "latent" in rows and {"latents", "estimator"} & set(rows):
        methods = rows["latents" if "latents" in rows else "estimator"]
        ends = {f"/{latent}/{method}" for latent, method in zip(rows["latent"], methods, strict=True)}
    elif "epoch" in rows and rows["epoch"].notna().all():
        ends = {f"/epoch-{epoch:.0f}" for epoch in rows["epoch"]}
    else:
        ends = set()
    return tuple(ends)


def _names(plan: pd.DataFrame) -> list[tuple[str, str]]:
    """Of each job its own name, and that of the cell of which it may be a part."""
    jobs = zip(plan["job"], plan["latent"], plan["estimator"], strict=True)
    return [(str(job), f"/{latent}/{estimator}") for job, latent, estimator in jobs]


def _lacking(rows: pd.DataFrame, where: Pick) -> Iterable[str]:
    """In words, which of the values that are asked for together no row has."""
    for name, wanted in where.items():
        options = wanted if isinstance(wanted, list) else []
        absent = [str(option) for option in options if not fits(rows[name], option).any()]
        if absent:
            more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
            yield f"no row with {name} {', '.join(absent[:_NAMED])}{more}"


def _absence(jobs: pd.DataFrame) -> str:
    """Why there is no row."""
    if not len(jobs):
        return "not in this configuration"
    unreadable = jobs[jobs["state"] == "unreadable"]
    if len(unreadable):
        return f"cannot be read: {unreadable['message'].iloc[0]}"
    if jobs["state"].isin(THERE).all():
        return "not in this configuration"
    return "has not been run"


def _shortfalls(rows: pd.DataFrame, jobs: pd.DataFrame, wanted: Mapping[str, Any]) -> Iterable[str]:
    """In words, in what rows, or the jobs that they come from where rows do not say, fall short."""
    for name, least in wanted.items():
        column = rows[name] if name in rows else jobs[name] if name in jobs else pd.Series(dtype=float)
        found = column.dropna().unique().tolist()
        word = _WORDS.get(name, name)
        if not found and name != "draws":
            yield f"unknown {word} (asked for: {least})"
        if isinstance(least, str):
            yield from (f"{word} {value} (asked for: {least})" for value in found if value != least)
            continue
        # What draws nothing has no draws to be too few; of snapshots the last one counts.
        counts = [float(value) for value in found if name != "draws" or float(value) > 0]
        if not counts:
            continue
        used = max(counts) if name == "epoch" else min(counts)
        if used < least:
            found_so = f"epoch {used:,.0f}" if name == "epoch" else f"{used:,.0f} {word}"
            yield f"{found_so} (asked for: {least:,.0f})"


def _side(rows: pd.DataFrame, picks: Sequence[Pick]) -> pd.DataFrame:
    """The rows of all picks, in their order; none where one of them finds not exactly one."""
    parts = [_fitting(rows, pick) for pick in picks]
    if not parts or any(len(part) != 1 for part in parts):
        return rows.iloc[:0]
    return pd.concat(parts)


def _fitting(rows: pd.DataFrame, where: Pick) -> pd.DataFrame:
    for name, wanted in where.items():
        rows = rows[fits(rows[name], wanted)]
    return rows


def fits(column: pd.Series, wanted: Any) -> pd.Series:
    """Which entries are one of these values; numbers whatever they are stored as, an empty text as none."""
    options = wanted if isinstance(wanted, list) else [wanted]
    texts = [str(option) for option in options if isinstance(option, str | bool)]
    held = np.zeros(len(column), dtype=bool)
    if texts:
        held |= column.astype(object).where(column.notna(), "").astype(str).isin(texts).to_numpy()
    if len(texts) < len(options):
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        for option in options:
            if not isinstance(option, str | bool):
                held |= np.isclose(numbers, float(option), rtol=1e-9)
    return pd.Series(held, index=column.index)


class _Noise:
    """Standard normal noise `[S]`, independent for each estimate.

    Rows whose values and intervals are the same to the last digit are the same runs under two names, and
    share it.
    """

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)
        self._drawn: dict[tuple[float, float], Floats] = {}

    def of(self, value: float, error: float) -> Floats:
        key = (value, error)
        if key not in self._drawn:
            self._drawn[key] = self._generator.standard_normal(stats.RESAMPLES)
        return self._drawn[key]


def _drawn(rows: pd.DataFrame, query: Query, noise: _Noise) -> Floats:
    """Values `[1 + S, n]`: as observed, then as independent normal estimates with the rows' intervals."""
    values = rows[query.column].to_numpy(dtype=float)
    errors = np.zeros(len(rows))
    if limits := query.ends(rows.columns):
        low, high = (rows[name].to_numpy(dtype=float) for name in limits)
        errors = (high - low) / 2 / stats.normal_quantile((1 + _LEVEL) / 2)
        if "seeds" not in rows:
            # What no seeds stand behind and has no interval is exact; with seeds it is one run's.
            errors = np.nan_to_num(errors, nan=0.0)
    out = np.empty((1 + stats.RESAMPLES, len(rows)))
    out[0] = values
    for place, (value, error) in enumerate(zip(values, errors, strict=True)):
        out[1:, place] = value + error * noise.of(value, error) if error != 0.0 else value
    return out
