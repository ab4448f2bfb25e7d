"""The opening screen: an overview of what was run and found, and notices to read first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reinrelax.claims.findings import BASES
from reinrelax.claims.model import JUDGED, NOT_TESTED, VERDICTS, WORDS
from reinrelax.config.load import Config
from reinrelax.core.words import first_of
from reinrelax.display.text_format import (
    Badge,
    anchor,
    commit,
    count,
    duration,
    images,
    mark,
    shape,
)
from reinrelax.jobs.planned import THERE

Claims = Sequence[Mapping[str, Any]]
Lines = Sequence[Mapping[Any, Any]]

_SOFTWARE = ("python", "torch", "numpy")
_CHANGED = "+changes"
_NAMED = 12
_PUBLISHED = "Published results: make paper-report."


@dataclass(frozen=True)
class Row:
    """The verdicts of the findings of one paper and basis that occur, each with its number."""

    paper: str
    basis: str
    counts: Sequence[tuple[Badge, int]]


@dataclass(frozen=True)
class Notice:
    """A warning about results that could mislead.

    Attributes:
        title, text: the warning in a sentence, and the details.
        link: the part of the page with more information.
        command: a command that fixes the problem.
    """

    title: str
    text: str
    link: str = ""
    command: str = ""


@dataclass(frozen=True)
class Ribbon:
    """The status line at the top of every page, on screen and on paper.

    Attributes:
        style: a class of the style sheet: `good`, `near` (incomplete, small) or `bad` (not MNIST).
        short: the text for the title of the window.
        link: the part of the report with more information.
        small: whether figures and tables must be marked as not conclusive.
    """

    style: str
    title: str
    text: str
    short: str
    link: str
    small: bool = False

    @property
    def printed(self) -> str:
        """The whole text, as a string for the style sheet."""
        return f"{self.title}. {self.text}".replace("\\", "").replace('"', "”")


@dataclass(frozen=True)
class Summary:
    """The summary of a run.

    Attributes:
        only: the configuration's `only`; empty if everything is requested.
        judged: whether any claim was judged.
        below: whether any claim was not judged because its runs are below the scale it requires.
        tested: whether any claim about several seeds was judged.
        dataset: the images that the finished cells used.
        elsewhere: whether any of them are not MNIST.
        coverage: how much of the plan has been computed, in words.
        complete: whether nothing is missing, unreadable or diverged.
        cost: names and values of the time and the resources used.
        environment: names and values of machine and software.
        findings: the verdicts of findings, a row per paper and basis.
        counted: the number of findings that are replications.
        aside: the number of findings that are not, and are not counted.
        notices: warnings.
    """

    scale: str
    only: str
    judged: bool
    below: bool
    tested: bool
    dataset: str
    elsewhere: bool
    coverage: Sequence[str]
    complete: bool
    cost: list[tuple[str, str]]
    environment: list[tuple[str, str]]
    findings: Sequence[Row]
    counted: int
    aside: int
    notices: Sequence[Notice]


def summary(
    config: Config,
    planned: pd.DataFrame,
    claims: Claims,
    findings: Claims,
    rules: pd.DataFrame,
) -> Summary:
    """Summarise coverage, cost, environment and verdicts.

    Args:
        config: the configuration of the results.
        planned: the table of jobs.
        claims, findings: the entries of `claims.json` and `findings.json`.
        rules: the rules that they were judged by (`rules.csv`).
    """
    counted = [finding for finding in findings if not finding["aside"]]
    cells = planned[planned["estimator"] != ""]
    there, done_cells = (table[table["state"].isin(THERE)] for table in (planned, cells))
    jobs, studies = there.to_dict("records"), len(planned) - len(cells)
    states = Counter(planned["state"])
    diverged = int(cells["diverged"].sum())
    ended, trainings = int(done_cells["seeds"].sum()) + diverged, int(cells["planned_seeds"].sum())
    names = sorted(set(done_cells["dataset"])) or [config.dataset.name]
    elsewhere = any(name != "mnist" for name in names)
    return Summary(
        scale=config.scale,
        only=", ".join(
            f"{key}: {', '.join(names)}" for key, names in config.raw.get("only", {}).items()
        ),
        judged=_judged(claims),
        below=any(claim["verdict"] == NOT_TESTED for claim in claims),
        tested=any(claim["seeds"] and claim["verdict"] in JUDGED for claim in claims),
        dataset=_dataset(config, done_cells),
        elsewhere=elsewhere,
        coverage=[
            f"{(cells['state'] == 'done').sum():,} of {count(len(cells), 'cell')} done",
            *([f"{states['partial']:,} in part"] if states["partial"] else []),
            f"{ended:,} of {count(trainings, 'training')} ended",
            f"{len(there) - len(done_cells):,} of {count(studies, 'study', 'studies')} done",
            f"{diverged:,} diverged",
            f"{states['missing']:,} missing",
            f"{states['unreadable']:,} unreadable",
        ],
        complete=states["done"] == len(planned) and not diverged,
        cost=_cost(jobs),
        environment=_environment(jobs),
        findings=_by_basis(counted),
        counted=len(counted),
        aside=len(findings) - len(counted),
        notices=[*_notices(claims, jobs, states, diverged, elsewhere), *rule_notices(rules, jobs)],
    )


def ribbon(found: Summary, done: int, planned: int, missing: Sequence[str]) -> Ribbon:
    """Return the status line.

    Args:
        found: the summary of the same results.
        done, planned: the numbers of finished and of planned jobs.
        missing: the purposes of experiments without any finished job.
    """
    jobs = f"{done:,} of {count(planned, 'job')} done."
    link = "" if found.complete else "not-run"
    if found.elsewhere:
        title = f"{found.scale.capitalize()} scale · not MNIST: proves nothing about the papers."
        text = f"Computed on {found.dataset} to show that everything runs. {jobs} {_PUBLISHED}"
        return Ribbon("bad", title, text, title, link, small=True)
    title = f"{found.scale.capitalize()} scale · MNIST"
    if found.below and not found.tested:
        text = f"Below the papers’ scale: no training here tests the papers. {jobs} {_PUBLISHED}"
        return Ribbon("near", title, text, title, link, small=True)
    if found.complete:
        return Ribbon("good", title, f"Complete: {jobs}", title, "")
    lacking = f"Not run: {', '.join(missing)}." if missing else ""
    return Ribbon("near", f"{title} · incomplete", f"{jobs} {lacking}".strip(), title, link)


def tally(values: Iterable[Any], noun: str = "job") -> str:
    """Return a single value, or several by frequency: `2.15.0 (40 jobs), 2.14.1 (3 jobs)`."""
    counts = Counter(str(value) for value in values)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({count(number, noun)})" for value, number in counts.most_common())


def _dataset(config: Config, done: pd.DataFrame) -> str:
    facts = done.drop_duplicates(["dataset", "train_images", "test_images"])
    used = [
        f"{images(name)} ({train:,.0f} training and {test:,.0f} test images)"
        for name, train, test in zip(
            facts["dataset"], facts["train_images"], facts["test_images"], strict=True
        )
    ]
    return "; ".join(used) or f"{images(config.dataset.name)} (nothing has been run yet)"


def _cost(jobs: Lines) -> list[tuple[str, str]]:
    totals = {
        name: sum(float(job[name]) for job in jobs if pd.notna(job[name]))
        for name in ("wall_seconds", "core_seconds", "gpu_seconds")
    }
    cores = totals["core_seconds"]
    return [
        ("Wall time", f"{duration(totals['wall_seconds'])}, jobs added up"),
        (
            "Processor",
            f"{cores / 3600:,.2f} core-hours ({cores:,.0f} core-seconds: wall time × threads)",
        ),
        ("GPU", f"{totals['gpu_seconds']:,.0f} GPU-seconds"),
    ]


def _environment(jobs: Lines) -> list[tuple[str, str]]:
    lines = {
        "Devices": [job["device"] for job in jobs],
        "Processors": [job["processor"] for job in jobs if job["processor"]],
        "Hosts": [job["host"] for job in jobs],
        "System": [job["platform"] for job in jobs if job["platform"]],
    }
    software = [f"{name} {tally(job[name] for job in jobs if job[name])}" for name in _SOFTWARE]
    return [(name, tally(values)) for name, values in lines.items() if values] + (
        [("Software", "; ".join(software))] if jobs else []
    )


def _by_basis(findings: Claims) -> list[Row]:
    """Count the verdicts of findings per paper and basis; a basis without findings is left out."""
    rows = []
    for paper in dict.fromkeys(finding["paper"] for finding in findings):
        for basis in BASES:
            own = [f["verdict"] for f in findings if f["paper"] == paper and f["basis"] == basis]
            if own:
                counts = [
                    (mark(verdict), own.count(verdict)) for verdict in VERDICTS if verdict in own
                ]
                rows.append(Row(paper, basis, counts))
    return rows


def finding_rows(findings: Claims) -> list[dict[str, Any]]:
    """Return a row per finding: those of abstracts and conclusions first, then those judged."""
    ordered = sorted(
        findings, key=lambda f: (not f["headline"], bool(f["aside"]), f["verdict"] not in JUDGED)
    )
    return [
        {
            **{
                key: finding[key]
                for key in ("id", "paper", "together", "leading", "headline", "chapter")
            },
            "claims": [(name, anchor("claim", name)) for name in finding["claims"]],
            "says": shape(finding["says"]),
            "anchor": anchor("finding", finding["id"]),
            "mark": mark(finding["verdict"]),
            "order": WORDS.index(finding["verdict"]),
            "basis": finding["aside"] or finding["basis"],
        }
        for finding in ordered
    ]


def _judged(claims: Claims) -> bool:
    return bool(set(JUDGED) & {claim["verdict"] for claim in claims})


def _notices(
    claims: Claims, jobs: Lines, states: Mapping[str, int], diverged: int, elsewhere: bool
) -> list[Notice]:
    out = []
    below = sum(claim["verdict"] == NOT_TESTED for claim in claims)
    if jobs and below and not elsewhere:
        some = f"{below:,} of {count(len(claims), 'claim')} cannot be judged here."
        out.append(
            Notice(
                some if _judged(claims) else "No claim is tested here.",
                "Their runs are below the papers’ scale. To run that scale:",
                command="make report SCALE=paper",
            )
        )
    wrong = [
        *(
            f"{count(states[state], 'job')} {words}"
            for state, words in (
                ("partial", "in part"),
                ("missing", "missing"),
                ("unreadable", "unreadable"),
            )
            if states[state]
        ),
        *([f"{count(diverged, 'training')} diverged"] if diverged else []),
    ]
    if wrong:
        out.append(Notice("Not complete:", f"{', '.join(wrong)}.", "not-run"))
    return [*out, *_outlived(jobs), *_mixed(jobs)]


def _outlived(jobs: Lines) -> list[Notice]:
    """Warn of published results whose source has changed since; other reports do not show them."""
    changed = [job for job in jobs if job["source_changed"]]
    if not changed:
        return []
    names = Counter(job["experiment"] for job in changed)
    whose = ", ".join(f"{name} ({count(number, 'job')})" for name, number in names.items())
    text = (
        f"commit {tally(commit(job['commit']) for job in changed)}. The code that computes them has"
        f" changed since: {whose}. Their settings match this configuration."
    )
    title = (
        f"{len(changed):,} of {count(len(jobs), 'published result')} computed by earlier source"
        " code:"
    )
    return [Notice(title, text, "provenance")]


def _mixed(jobs: Lines) -> list[Notice]:
    """Warn of differences between jobs that are combined in one result."""
    out = []
    commits = [commit(job["commit"].removesuffix(_CHANGED)) for job in jobs]
    if len(set(commits)) > 1:
        text = f"{tally(commits)}."
        if not any(job["source_changed"] for job in jobs):
            text += " The code that computes these jobs is the same in all of them, and here."
        out.append(Notice("Computed at several commits:", text, "provenance"))
    if changed := [job["commit"] for job in jobs if job["commit"].endswith(_CHANGED)]:
        whose = tally(commit(name.removesuffix(_CHANGED)) for name in changed)
        title = f"{count(len(changed), 'job')} computed from changed working trees:"
        out.append(Notice(title, f"the changes on top of {whose} are not committed.", "provenance"))
    if rounded := [job["products"] for job in jobs if job["products"] not in ("float32", "")]:
        text = f"{tally(rounded)} in the layers, which the papers do not mention."
        out.append(
            Notice(f"{count(len(rounded), 'job')} with rounded products:", text, "provenance")
        )
    for name in ("torch", "numpy"):
        if len({job[name] for job in jobs}) > 1:
            text = f"{tally(job[name] or 'unknown' for job in jobs)}."
            out.append(Notice(f"Computed with several versions of {name}:", text, "provenance"))
    used = [
        images(job["dataset"]) + (f" (sha256 {sha[:12]})" if (sha := job["dataset_sha256"]) else "")
        for job in jobs
        if job["dataset"]
    ]
    if len(set(used)) > 1:
        out.append(Notice("Computed on several data sets:", f"{tally(used)}.", "provenance"))
    return out


def rule_notices(rules: pd.DataFrame, jobs: Lines) -> list[Notice]:
    """Warn of rules that are in no known commit, and of rules that were set after results."""
    out = []
    seen = rules["commit"] != ""
    if not seen.all():
        gone = rules["says"] == ""
        parts = {
            "as they are here": rules["rule"][~seen & ~gone],
            "removed": rules["rule"][~seen & gone],
        }
        words = "; ".join(
            f"{what}: {first_of(list(names), _NAMED)}"
            for what, names in parts.items()
            if len(names)
        )
        text = (
            f"{words}. Claims, findings, errata or printed numbers were edited. After committing"
            " that:"
        )
        title = f"Judged by {count(int((~seen).sum()), 'rule')} in no known commit:"
        out.append(Notice(title, text, command="make limits"))
    begun = min((str(job["started"]) for job in jobs if job["started"]), default="")
    dates = pd.to_datetime(rules["date"], utc=True)
    # A record may hold an invalid date. It becomes NaT, and no date is later than NaT.
    since = pd.to_datetime(begun, errors="coerce", utc=True)
    late = [rule for rule, date in zip(rules["rule"], dates, strict=True) if date > since]
    if late:
        title = (
            f"{len(late):,} of {count(len(rules), 'rule')} set after the first of these results."
        )
        out.append(Notice(title, "Each claim says when.", "claims"))
    return out
