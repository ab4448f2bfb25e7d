"""Figures of the trainings of discrete VAEs."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from reinrelax.display.charts import intervals, maps
from reinrelax.display.charts.intervals import IntervalFigure, IntervalPanel, Kind
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference, RingedPoint
from reinrelax.display.charts.maps import ColourScale, MapFigure, MapPanel
from reinrelax.display.charts.style import INK
from reinrelax.display.charts.tidy_tables import Read, panel_title, stacked, tidy
from reinrelax.experiments.discrete_vae.elbo import RUN
from reinrelax.results.labels import AUTHORS_INTERVAL, in_words

_TRAIN = "Train negative ELBO (nats)"
_CLIP_NATS = 3.0
# The margin of equivalence of the claims about Tables 2 and 3, and the limit of the figure's axis.
_MARGIN_NATS, _REACH_NATS = 0.5, 5.0
_DRAWN = ("value", "low", "high")
_DIFFERENCE = ("difference", "difference_low", "difference_high")
_LAST, _BEGUN = (
    "after the last epoch, minus the paper’s",
    "after 20 epochs, minus the authors’ public curve",
)
_AUTHORS = "the authors’ seeds"
_RK2 = {
    "ReinMax-RK2": "Eq. 27 as printed",
    "ReinMax-RK2-run": "Eq. 27 as run",
    "ReinMax-RK2-corrected": "corrected",
}


def curves(read: Read, name: str, metric: str, label: str) -> LineFigure:
    """Plan Figure 3 or 4: a panel per latent shape, a line per estimator."""
    table = read("curves")
    table = table[table["metric"] == metric]
    data = tidy(table, "latent", "estimator", "epoch", "mean", ("ci_low", "ci_high"), ("seeds",))
    panels = tuple(
        LinePanel(latent, panel_title(latent), "Epoch", label, whole=True, settles=True)
        for latent in dict.fromkeys(data["panel"])
    )
    return LineFigure(
        name, f"{label} over epochs: a panel per latent shape, a line per estimator", data, panels
    )


def early(read: Read) -> LineFigure:
    """Plan the first epochs, ours and the public code's: a panel per estimator and latent shape."""
    table = read("early_curves")
    table = table[table["metric"] == "train"]
    table = table.assign(panel=table["estimator"] + "-" + table["latent"])
    estimators, latents = (list(dict.fromkeys(table[name])) for name in ("estimator", "latent"))
    order = tuple(f"{estimator}-{latent}" for estimator in estimators for latent in latents)
    data = tidy(table, "panel", "series", "epoch", "mean", ("ci_low", "ci_high"), ("seeds",), order)
    panels = tuple(
        LinePanel(
            *(f"{estimator}-{latent}", f"{estimator}, {panel_title(latent)}", "Epoch", _TRAIN),
            whole=True,
            settles=True,
        )
        for estimator in estimators
        for latent in latents
        if f"{estimator}-{latent}" in set(data["panel"])
    )
    what = "Train negative ELBO over the first epochs, ours and those of the authors’ public seeds"
    return LineFigure("early", what, data, panels, columns=min(3, max(1, len(latents))))


def early_difference(read: Read) -> LineFigure:
    """Plan our mean minus that of the authors' seeds: a panel per latent shape, a line per cell."""
    table = read("early")
    table = table[(table["metric"] == "train") & table["difference"].notna()]
    as_run = table["method"] == RUN
    table = table.assign(series=table["estimator"].where(~as_run, table["estimator"] + f", {RUN}"))
    ends = ("difference_low", "difference_high")
    data = tidy(table, "latent", "series", "epoch", "difference", ends, ("seeds", "authors_seeds"))
    panels = tuple(
        LinePanel(
            *(latent, panel_title(latent), "Epoch", "Ours − public code’s (nats)"),
            whole=True,
            references=(Reference("y", 0.0, "agreement"),),
        )
        for latent in dict.fromkeys(data["panel"])
    )
    what = "Train negative ELBO over the first epochs, ours minus that of the authors’ public seeds"
    return LineFigure("early-difference", what, data, panels)


def caterpillar(read: Read) -> IntervalFigure:
    """Plan our differences from Table 3 and, for first epochs, from the authors' curves."""
    finals, begun = read("table3"), read("early_last")
    found = (
        (finals, _LAST, ("difference", "difference_low", "difference_high")),
        (
            begun,
            _BEGUN,
            tuple(f"test_{name}" for name in ("difference", "difference_low", "difference_high")),
        ),
    )
    parts = [
        table.dropna(subset=[columns[0]])
        .drop(columns=list(_DRAWN), errors="ignore")
        .rename(columns=dict(zip(columns, _DRAWN, strict=True)))
        .assign(series=series)
        for table, series, columns in found
    ]
    rows = stacked(parts, ())
    rows = rows.assign(
        panel=rows["latent"],
        row=[_as_run(*pair) for pair in zip(rows["estimator"], rows["method"], strict=True)],
    )
    data = rows[[*intervals.COLUMNS, "seeds"]]
    order = [_as_run(*pair) for pair in zip(finals["estimator"], finals["method"], strict=True)]
    panels = tuple(
        IntervalPanel(
            *(latent, panel_title(latent), "nats"),
            tuple(
                name
                for name in dict.fromkeys(order)
                if name in set(data.loc[data["panel"] == latent, "row"])
            ),
            band=(-_MARGIN_NATS, _MARGIN_NATS),
            references=(Reference("x", 0.0, ""),),
            ends=(-_REACH_NATS, _REACH_NATS),
        )
        for latent in dict.fromkeys(finals["latent"])
        if latent in set(data["panel"])
    )
    what = (
        "Test negative ELBO, ours minus the paper’s, with 95% intervals: a panel per latent shape."
        " The band is the margin of equivalence, ±0.5 nats"
    )
    kinds = (Kind(_LAST, INK), Kind(_BEGUN, "#2F8FCB", "s", hollow=True))
    return IntervalFigure("caterpillar", what, data, panels, kinds)


def _as_run(estimator: str, method: str) -> str:
    return f"{estimator}, {RUN}" if method == RUN and not estimator.endswith("-run") else estimator


def figure2(read: Read) -> LineFigure:
    """Plan Figure 2: train negative ELBO over β, a panel per latent shape.

    The lowest point of each line is marked. The authors' runs are included if there are any.
    """
    table, lowest = (
        found.assign(series=found["estimator"].map(lambda name: _RK2.get(name, name)))
        for found in (stacked([read("figure2"), read("figure2_run")], ()), read("figure2_minimum"))
    )
    theirs = table.dropna(subset=["authors_mean"]).drop_duplicates(["latent", "beta"])
    drawn = ("mean", "ci_low", "ci_high", "seeds")
    named = dict(zip((*AUTHORS_INTERVAL, "authors_seeds"), drawn, strict=True))
    theirs = (
        theirs.drop(columns=list(drawn)).rename(columns=named).assign(series=_AUTHORS, diverged=0)
    )
    both = stacked([table, theirs], ())
    data = tidy(
        both, "latent", "series", "beta", "mean", ("ci_low", "ci_high"), ("seeds", "diverged")
    )
    panels = tuple(
        LinePanel(
            *(latent, panel_title(latent), "β", _TRAIN),
            references=(Reference("x", 0.5, "½"),),
            marks=tuple(
                RingedPoint(
                    str(row.series),
                    *(float(value) for value in (row.beta, row.nelbo, row.low, row.high)),
                )
                for row in lowest[lowest["latent"] == latent].itertuples()
            ),
        )
        for latent in dict.fromkeys(data["panel"])
    )
    what = "Train negative ELBO over the weight β of the end points: a panel per latent shape"
    return LineFigure("figure2", what, data, panels)


def readings(read: Read) -> LineFigure:
    """Plan each reading's train negative ELBO over epochs: a panel per estimator of the paper."""
    table, finals = read("readings_curves"), read("readings")
    several = len(set(table["latent"])) > 1

    def panel_of(rows: pd.DataFrame) -> list[str]:
        bases = [
            base or own for base, own in zip(rows["variant_of"], rows["estimator"], strict=True)
        ]
        latents = rows["latent"]
        return [
            f"{base}-{latent}" if several else base
            for base, latent in zip(bases, latents, strict=True)
        ]

    table, finals = table.assign(panel=panel_of(table)), finals.assign(panel=panel_of(finals))
    data = tidy(table, "panel", "label", "epoch", "mean", ("ci_low", "ci_high"), ("seeds",))
    paper = finals.dropna(subset=["paper_train"]).groupby("panel")["paper_train"].first()
    panels = tuple(
        LinePanel(
            *(name, panel_title(name), "Epoch", _TRAIN),
            whole=True,
            settles=True,
            references=(Reference("y", float(paper[name]), "paper"),) if name in paper else (),
        )
        for name in dict.fromkeys(data["panel"])
    )
    what = (
        "Train negative ELBO over epochs of each reading of an ambiguous formula, and the paper’s"
        " last value"
    )
    return LineFigure("readings", what, data, panels)


def grid(read: Read) -> MapFigure:
    """Plan Table 5's searches: over τ and η, or τ and learning rate with a map per optimizer."""
    table = read("grid")
    scale = ColourScale(0, _CLIP_NATS, "nats above the lowest")
    parts: list[pd.DataFrame] = []
    panels: list[MapPanel] = []
    for (estimator, latent), search in table.groupby(["estimator", "latent"], sort=False):
        y = "eta" if search["eta"].notna().any() else "learning_rate"
        beside = [name for name in ("optimizer", "learning_rate") if name != y]
        for settings, points in search.groupby(beside, sort=False):
            told = [name for name in beside if len(search[name].unique()) > 1]
            words = in_words(dict(zip(beside, settings, strict=True)), beside)
            own = [in_words(points.iloc[0], [name]) for name in told]
            name = "-".join((str(estimator), str(latent), *own))
            xs, ys = (
                tuple(f"{value:g}" for value in sorted(set(points[key]))) for key in ("tau", y)
            )
            y_label = "η" if y == "eta" else "Learning rate"
            title = f"{estimator}, {panel_title(str(latent))} ({words})"
            panels.append(MapPanel(name, title, "τ", y_label, xs, ys, scale))
            parts.append(
                points.assign(
                    panel=name,
                    x=[f"{value:g}" for value in points["tau"]],
                    y=[f"{value:g}" for value in points[y]],
                    value=points["above_best"],
                    note=[_note(point) for point in points.to_dict("records")],
                )
            )
    kept = [*maps.COLUMNS, "train_nelbo", "test_nelbo", "seeds", "diverged"]
    data = pd.concat(parts, ignore_index=True)[kept] if parts else pd.DataFrame(columns=kept)
    what = (
        "Train negative ELBO over the searches of Table 5, in nats above the lowest of each: "
        "a star marks our lowest, a diamond the paper’s choice"
    )
    return MapFigure("grid", what, data, tuple(panels))


def _note(point: Mapping[Any, Any]) -> str:
    """Return the tooltip of a cell of a map."""
    words = in_words(point, ("optimizer", "learning_rate", "tau", "eta"))
    if pd.isna(point["above_best"]):
        return f"{words}: {'diverged' if point['diverged'] else 'not run'}"
    dead = f"; {point['diverged']} diverged" if point["diverged"] else ""
    return (
        f"{words}: train {point['train_nelbo']:.2f} nats, {point['above_best']:.2f} above the"
        f" lowest; test {point['test_nelbo']:.2f}{dead}"
    )


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "figure2": figure2,
    "figure3": lambda read: curves(read, "figure3", "train_nelbo_nats", _TRAIN),
    "figure4": lambda read: curves(read, "figure4", "test_nelbo_nats", "Test negative ELBO (nats)"),
    "caterpillar": caterpillar,
    "early": early,
    "early-difference": early_difference,
    "grid": grid,
    "readings": readings,
}
