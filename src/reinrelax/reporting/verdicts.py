"""Verdicts as plain values: the entries of `claims.json`, with all that is needed to check them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims import history, ordering
from reinrelax.claims.findings import Finding
from reinrelax.claims.model import METRICS, Claim, Verdict
from reinrelax.config.declared import FILLED_BY
from reinrelax.config.load import AS_RUN, Config
from reinrelax.core.yaml_file import read_yaml
from reinrelax.display.text_format import count, images
from reinrelax.experiments.discrete_vae.elbo import RUN, SUBJECTS
from reinrelax.results.commands import recompute

SECTIONS = Path("report/templates/sections")
# For claims about one value per seed: experiment, section and table, by metric or by subject.
_PLACES = {
    **{
        metric: ("elbo", name, name)
        for metric, name in zip(METRICS, ("table2", "table3"), strict=True)
    },
    "learning": ("rl", "a-figure3", "rl_scores"),
}
# Tables of values in nats. Claims about a quotient or a correlation of such values have no unit.
_NATS = {
    "relaxations",
    "relaxations_curves",
    "readings",
    "readings_curves",
    "figure2",
    "figure2_run",
    "curves",
    "table5",
    "baseline",
}
_UNITLESS = {"ratio", "quotient", "agrees", "gains", "scatters_alike", "scatters_more"}
# The names of effects that are not margins, by judging function.
_MEASURES = {
    **dict.fromkeys(("number", "printed", "single_run"), "Δ"),
    "scatters_alike": "quotient",
}
_MINIMUM = {
    "train_images": "{:,} training images",
    "test_images": "{:,} test images",
    "epochs": "{:,} epochs",
    "epoch": "epoch {:,}",
    "batch_size": "batches of {:,}",
    "draws": "{:,} draws where the estimator draws",
    "seeds": "{:,} seeds or more",
}


class Records:
    """A converter of verdicts to the entries of `claims.json`.

    Args:
        config: the configuration of the results.
        root: the project's folder.
        plan: a row per planned job: `job`, its start (`started`) and file to request (`target`).
        findings: all findings; each claim belongs to one of them.
        published: whether the results are published ones, rather than those of a run here.
    """

    def __init__(
        self,
        config: Config,
        root: Path,
        plan: pd.DataFrame,
        findings: Sequence[Finding] = (),
        published: bool = False,
    ) -> None:
        self._config, self._root, self._published = config, root, published
        self._targets = dict(zip(plan["job"], plan["target"], strict=True))
        self._sections = _sections(root)
        self._started = dict(zip(plan["job"], plan["started"], strict=True))
        self._limits = history.read(root / history.TABLE)
        self._findings = {name: finding for finding in findings for name in finding.claims}

    def of(self, verdict: Verdict) -> dict[str, Any]:
        """Return the entry of a verdict and its claim; non-finite numbers are null."""
        claim = verdict.claim
        finding = self._findings.get(claim.id)
        source, section, table = self._place(claim)
        numbers = (
            "effect",
            "low",
            "high",
            "coverage",
            "smallest",
            "holding",
            "failing",
            "detectable",
        )
        values = {key: float(getattr(verdict, key)) for key in numbers}
        return {
            **{
                key: getattr(claim, key)
                for key in ("id", "paper", "subject", "type", "judge", "place")
            },
            "statement": claim.statement,
            "finding": finding.id if finding else "",
            **{key: getattr(claim, key) for key in ("metric", "note")},
            **{
                key: list(getattr(claim, key)) for key in ("lower", "higher", "places", "elsewhere")
            },
            "rule": verdict.rule,
            "minimum": minimum(claim),
            "limits": self._set(verdict),
            "verdict": finding.word(verdict.verdict) if finding else verdict.verdict,
            "reason": verdict.reason,
            **{key: value if np.isfinite(value) else None for key, value in values.items()},
            "measure": _MEASURES.get(claim.judge, "margin"),
            "unit": _unit(claim),
            "family": claim.family,
            "family_size": verdict.family,
            "seeds": verdict.seeds,
            "needed": verdict.needed,
            "diverged": verdict.diverged,
            "source": source,
            "section": section,
            "tables": [f"{table}.csv"] if table else [],
            "command": self._command(verdict),
        }

    def _set(self, verdict: Verdict) -> str:
        """Say when a claim's limits were set, and whether that was before the run it is judged by.

        Earlier runs leave no trace in the records, so nothing is said about them.
        """
        at = self._limits.get(verdict.claim.entry)
        if at is None or at.limits != verdict.claim.limits:
            return "set since the project’s history was last read: `make limits`"
        set_at = datetime.fromisoformat(at.date)
        times = [_time(self._started.get(job)) for job in verdict.jobs]
        first = min((time for time in times if time), default=None)
        before, after = (
            ("before the published run", "after the first published results")
            if self._published
            else ("before this run", "after the first results of this run")
        )
        order = "" if first is None else f", {before if set_at < first else after}"
        return f"set on {set_at:%d %B %Y} (commit {at.commit}){order}"

    def _place(self, claim: Claim) -> tuple[str, str, str]:
        """Return the experiment or study, the section of the page and the table of a claim."""
        if claim.query is None:
            source, *place = _PLACES.get(claim.metric) or _PLACES.get(claim.subject, ("", "", ""))
            return (
                f"{source}{AS_RUN}" if claim.subject == SUBJECTS[RUN] else source,
                place[0],
                place[1],
            )
        if claim.query.reference:
            return "", "", ""
        table = claim.query.table
        return FILLED_BY[table], self._sections.get((claim.paper, table), ""), table

    def _command(self, verdict: Verdict) -> str:
        """Return the command that recomputes the jobs of a verdict; empty if none is planned."""
        targets = [self._targets[job] for job in verdict.jobs if job in self._targets]
        return recompute(self._config, targets, self._root) if targets else ""


def minimum(claim: Claim) -> str:
    """Describe the minimum scale of a claim."""
    exact = dict(claim.minimum.exact)
    words = [images(str(exact.pop("dataset")))] if "dataset" in exact else []
    if claim.minimum.seeds:
        exact["seeds"] = claim.minimum.seeds
    for name, value in exact.items():
        if isinstance(value, str):
            words.append(f"{name} {value}")
        elif name == "episodes":
            words.append(count(int(value), "episode"))
        else:
            words.append(_MINIMUM.get(name, f"{name} {{:,}} or more").format(value))
    if claim.minimum.settings:
        words.append(
            "the settings as run" if claim.subject == SUBJECTS[RUN] else "the paper’s settings"
        )
    return ", ".join(words)


def _unit(claim: Claim) -> str:
    if claim.judge in _UNITLESS or ordering.relative(claim):
        return ""
    nats = claim.subject in SUBJECTS.values() or (
        claim.query is not None and claim.query.table in _NATS
    )
    return "nats" if nats else ""


def _sections(root: Path) -> Mapping[tuple[str, str], str]:
    """Return the first section of the page that shows a table, by (paper, table)."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted((root / SECTIONS).glob("*.yaml")):
        words = read_yaml(root / path)
        for section in words["sections"]:
            for table in section["tables"]:
                found.setdefault((words["paper"], table), section["id"])
    return found


def _time(text: Any) -> datetime | None:
    """Parse the time at which a job started; None if it is missing or invalid."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None
