"""Figures of agents that learn by reinforcement, planned from the tables."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pandas as pd

from reinrelax import rl
from reinrelax.display.charts import intervals
from reinrelax.display.charts.intervals import IntervalFigure, IntervalPanel, Kind
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.style import INK
from reinrelax.display.charts.tidy_tables import Read, stacked, tidy
from reinrelax.display.text_format import episodes_of

# The algorithms of Figure 3; all others are variants of them.
PRINTED = tuple(name for name, algorithm in rl.ALGORITHMS.items() if algorithm.variant_of is None)
VARIANTS = (
    "RELAX",
    *(name for name, algorithm in rl.ALGORITHMS.items() if algorithm.variant_of == "RELAX"),
)
_RUNNING = "Running mean of the return"


def one_run(read: Read, name: str, value: str, what: str, label: str) -> LineFigure:
    """Plan a column of the first seed's curves, at each environment's first cap, the authors'."""
    table = read("rl_figure3")
    first = table.groupby("environment")["cap"].transform("first")
    table = table[(table["cap"] == first) & table[value].notna()]
    table = table.assign(low=float("nan"), high=float("nan"))
    return _figure(
        table, name, what, label, value, ("low", "high"), algorithms=PRINTED, extra=("seed",)
    )


def over_seeds(
    read: Read, name: str, curve: str, what: str, algorithms: Collection[str]
) -> LineFigure:
    """Plan raw or running returns: means over seeds with bands."""
    table = read("rl_curves")
    table = table[table["curve"] == curve]
    label = "Return of an episode" if curve == "return" else _RUNNING
    return _figure(
        table, name, what, label, "mean", ("ci_low", "ci_high"), algorithms, ("iqm", "seeds")
    )


def gradients(read: Read) -> LineFigure:
    """Plan the variance of each agent's gradient relative to REINFORCE's on the same episodes."""
    table = read("rl_gradients")
    table = table[table["quantity"] == "ratio"]
    what = (
        "Variance of the actor’s gradient relative to that of REINFORCE’s estimate from the same"
        " episodes and parameters, during training: geometric mean over seeds with 95% interval"
    )
    names = [name for name in rl.ALGORITHMS if name != "REINFORCE"]
    label, ends = "Variance over REINFORCE’s", ("ci_low", "ci_high")
    return _figure(
        *(table, "rl-gradients", what, label, "mean", ends, names, ("seeds",)),
        log=True,
        references=(Reference("y", 1.0, "REINFORCE"),),
    )


def ends(read: Read) -> IntervalFigure:
    """Plan the ends of running means, ours and printed, and how often RELAX beats each baseline."""
    table, better = read("rl_summary"), read("rl_improvement")
    first = table.groupby("environment")["cap"].transform("first")
    table = table[
        (table["cap"] == first)
        & (table["score"] == "running_final")
        & table["algorithm"].isin(PRINTED)
    ]
    shown = ["environment", "algorithm", "seeds"]
    ours = table[[*shown, "mean", "ci_low", "ci_high"]].set_axis(
        [*shown, "value", "low", "high"], axis=1
    )
    theirs = table.dropna(subset=["paper"])[[*shown, "paper"]].rename(columns={"paper": "value"})
    places = {
        environment: cap
        for environment, cap in zip(table["environment"], table["cap"], strict=True)
    }
    better = better[
        (better["algorithm"] == "RELAX")
        & (better["score"] == "final")
        & (better["cap"] == better["environment"].map(places))
        & better["baseline"].isin(PRINTED)
    ]
    parts = [
        ours.assign(panel=ours["environment"], row=ours["algorithm"], series=_OURS),
        theirs.assign(panel=theirs["environment"], row=theirs["algorithm"], series=_PRINTED_END),
        better.assign(
            panel="improvement",
            row=better["environment"] + ", " + better["baseline"],
            series=_OURS,
            value=better["probability"],
            low=better["ci_low"],
            high=better["ci_high"],
        ),
    ]
    data = stacked(parts, intervals.COLUMNS).reindex(columns=[*intervals.COLUMNS, "seeds"])
    panels = [
        IntervalPanel(
            name,
            name,
            "running mean after the last episode",
            tuple(table.loc[table["environment"] == name, "algorithm"]),
        )
        for name in places
    ]
    if len(better):
        rows = tuple(data.loc[data["panel"] == "improvement", "row"])
        chance = (Reference("x", 0.5, "even"),)
        panels.append(
            IntervalPanel(
                "improvement",
                "RELAX above the baseline",
                "probability of improvement",
                rows,
                references=chance,
                ends=(0, 1),
            )
        )
    what = (
        "Ends of the running means of Figure 3, mean over seeds with 95% intervals, and the ends of"
        " the printed curves"
    )
    kinds = (Kind(_OURS, INK), Kind(_PRINTED_END, "#D55E00", "D", hollow=True))
    return IntervalFigure("agents", what, data, tuple(panels), kinds, columns=2)


_OURS, _PRINTED_END = "ours, mean over seeds", "end of the printed curve, one run"
_BAND = "mean over seeds with 95% bootstrap band, a panel per environment and cap"
FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "agents": ends,
    "a-figure3": lambda read: one_run(
        *(read, "a-figure3", "running"),
        "Figure 3 as printed: the running mean of one run’s returns, which starts at the first of"
        " them; Acrobot is ours",
        _RUNNING,
    ),
    "rl-start": lambda read: one_run(
        *(read, "rl-start", "without_start"),
        "The running means of the same runs without the first return, with the other weights scaled"
        " to a sum of one",
        "Running mean of all later returns",
    ),
    "rl-seeds": lambda read: over_seeds(
        *(
            read,
            "rl-seeds",
            "return",
            f"Returns of the three agents, not smoothed: {_BAND}",
            PRINTED,
        )
    ),
    "rl-running": lambda read: over_seeds(
        *(read, "rl-running", "running", f"The running mean that Figure 3 plots: {_BAND}", PRINTED)
    ),
    "rl-gradients": gradients,
    "rl-variants": lambda read: over_seeds(
        *(
            read,
            "rl-variants",
            "running",
            f"Running means of RELAX and its variants: {_BAND}",
            VARIANTS,
        )
    ),
}


def _figure(
    table: pd.DataFrame,
    name: str,
    what: str,
    label: str,
    value: str,
    ends: tuple[str, str],
    algorithms: Collection[str],
    extra: tuple[str, ...],
    log: bool = False,
    references: tuple[Reference, ...] = (),
) -> LineFigure:
    """Plan the lines of these algorithms: a panel per environment and cap, in the table's order."""
    table = table[table["algorithm"].isin(algorithms)]
    places = list(
        table[["environment", "cap"]].drop_duplicates().itertuples(index=False, name=None)
    )
    titles = {f"{environment}-{cap}": episodes_of(environment, cap) for environment, cap in places}
    table = table.assign(panel=[f"{line.environment}-{line.cap}" for line in table.itertuples()])
    data = tidy(table, "panel", "algorithm", "episode", value, ends, extra, tuple(titles))
    panels = tuple(
        LinePanel(*(panel, title, "Episodes", label), log=log, whole=True, references=references)
        for panel, title in titles.items()
    )
    return LineFigure(name, what, data, panels, columns=3 if len(panels) % 2 else 2)
