"""The figures of *Beyond ReinMax*: which rows of which table go where."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from reinrelax.display.charts import maps
from reinrelax.display.charts.lines import LineFigure, LinePanel, Mark, Reference
from reinrelax.display.charts.maps import MapFigure, MapPanel, Scale
from reinrelax.display.charts.plans import Read, panel_title, stacked, tidy
from reinrelax.display.charts.style import PAPER
from reinrelax.experiments.discrete_vae.elbo import RUN
from reinrelax.results.labels import in_words

_COSINE = "Cosine similarity to the exact gradient"
_VARIANCE = "Variance of the gradient"
_TRAIN = "Train negative ELBO (nats)"
_CLIP_NATS = 3.0
_RELATIVE = "‖std‖ / ‖mean‖, mean over images"
_AUTHORS = "the authors’ seeds"
_THEIRS = ("authors_mean", "authors_low", "authors_high")
_RK2 = {
    "ReinMax-RK2": "Eq. 27 as printed",
    "ReinMax-RK2-run": "Eq. 27 as run",
    "ReinMax-RK2-corrected": "corrected",
}
_ENDPOINT = {"endpoint": "end points, Eq. 25", "endpoint, Eq. 24": "end points, Eq. 24"}


def curves(read: Read, name: str, metric: str, label: str) -> LineFigure:
    """Figures 3 and 4: one panel a latent shape, one line an estimator."""
    table = read("curves")
    table = table[table["metric"] == metric]
    data = tidy(table, "latent", "estimator", "epoch", "mean", ("ci_low", "ci_high"), ("seeds",))
    panels = tuple(
        LinePanel(latent, panel_title(latent), "Epoch", label, whole=True, settles=True)
        for latent in dict.fromkeys(data["panel"])
    )
    return LineFigure(
        name, f"{label} over epochs: one panel a latent shape, one line an estimator", data, panels
    )


def early(read: Read) -> LineFigure:
    """The first epochs: one panel an estimator and latent shape, ours beside the public code's."""
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
    what = "Train negative ELBO over the first epochs, ours beside the curves of the authors’ public seeds"
    return LineFigure("early", what, data, panels, columns=min(3, max(1, len(latents))))


def early_difference(read: Read) -> LineFigure:
    """Our mean less that of the authors' seeds: one panel a latent shape, one line a cell."""
    table = read("early")
    table = table[(table["metric"] == "train") & table["difference"].notna()]
    as_run = table["method"] == RUN
    table = table.assign(series=table["estimator"].where(~as_run, table["estimator"] + f", {RUN}"))
    ends = ("difference_low", "difference_high")
    data = tidy(table, "latent", "series", "epoch", "difference", ends, ("seeds", "authors_seeds"))
    panels = tuple(
        LinePanel(
            *(latent, panel_title(latent), "Epoch", "Ours less the public code’s (nats)"),
            whole=True,
            references=(Reference("y", 0.0, "agreement"),),
        )
        for latent in dict.fromkeys(data["panel"])
    )
    what = "Train negative ELBO over the first epochs, ours less that of the authors’ public seeds"
    return LineFigure("early-difference", what, data, panels)


def figure1(read: Read) -> LineFigure:
    """Cosine and variance over epochs: the paper's estimators above, others below."""
    table = read("figure1")
    table = table[table["quantity"].isin(("cosine", "variance"))]
    suffix = table["estimator"].map(lambda name: "" if name in PAPER else "-readings")
    table = table.assign(panel=table["quantity"] + suffix)
    order = ("cosine", "variance", "cosine-readings", "variance-readings")
    data = tidy(table, "panel", "label", "epoch", "value", ("low", "high"), ("seeds",), order)
    titles = ("Bias", "Variance", "Bias: further estimators", "Variance: further estimators")
    panels = tuple(
        LinePanel(name, title, "Epoch", _VARIANCE if log else _COSINE, log=log, whole=True)
        for name, title, log in zip(order, titles, (False, True) * 2, strict=True)
        if name in set(data["panel"])
    )
    what = "Bias and variance of gradient estimates over the epochs of a training with ReinMax"
    return LineFigure("figure1", what, data, panels, columns=2)


def figure1_run(read: Read) -> LineFigure:
    """By the metric that the authors' public code computes: ours beside the means of their VAEs."""
    table = read("figure1_run")
    shown = {"cosine_batch": ("Bias", _COSINE, False), "std_image": ("Variance", _RELATIVE, True)}
    drawn = ("value", "low", "high")
    theirs = table.drop(columns=list(drawn)).rename(columns=dict(zip(_THEIRS, drawn, strict=True)))
    whose = {"here": table, "authors": theirs}
    places = [(quantity, name) for quantity in shown for name in whose]
    parts = [
        whose[name][table["quantity"] == quantity].assign(panel=f"{quantity}-{name}")
        for quantity, name in places
    ]
    rows = stacked(parts, ()).dropna(subset=["value"])
    order = [f"{quantity}-{name}" for quantity, name in places]
    data = tidy(rows, "panel", "label", "epoch", "value", ("low", "high"), (), order)
    panels = tuple(
        LinePanel(
            f"{quantity}-{name}",
            f"{shown[quantity][0]}: {'here' if name == 'here' else 'the authors’ VAEs'}",
            *("Epoch", shown[quantity][1], shown[quantity][2]),
            whole=True,
            group=quantity,
        )
        for quantity, name in places
        if f"{quantity}-{name}" in set(data["panel"])
    )
    what = (
        "Cosine of the whole batch and relative standard deviation over the epochs of trainings with "
        "ReinMax, here and in the authors’ public files"
    )
    return LineFigure("figure1-run", what, data, panels, columns=2)


def figure2(read: Read) -> LineFigure:
    """Train negative ELBO over β: one panel a latent shape, with the lowest point of each line and the
    authors' own runs where there are any.
    """
    table, lowest = (
        found.assign(series=found["estimator"].map(lambda name: _RK2.get(name, name)))
        for found in (stacked([read("figure2"), read("figure2_run")], ()), read("figure2_minimum"))
    )
    theirs = table.dropna(subset=["authors_mean"]).drop_duplicates(["latent", "beta"])
    drawn = ("mean", "ci_low", "ci_high", "seeds")
    named = dict(zip((*_THEIRS, "authors_seeds"), drawn, strict=True))
    theirs = theirs.drop(columns=list(drawn)).rename(columns=named).assign(series=_AUTHORS, diverged=0)
    both = stacked([table, theirs], ())
    data = tidy(both, "latent", "series", "beta", "mean", ("ci_low", "ci_high"), ("seeds", "diverged"))
    panels = tuple(
        LinePanel(
            *(latent, panel_title(latent), "β", _TRAIN),
            references=(Reference("x", 0.5, "½"),),
            marks=tuple(
                Mark(str(row.series), *(float(value) for value in (row.beta, row.nelbo, row.low, row.high)))
                for row in lowest[lowest["latent"] == latent].itertuples()
            ),
        )
        for latent in dict.fromkeys(data["panel"])
    )
    what = "Train negative ELBO over the weight β of the end points: one panel a latent shape"
    return LineFigure("figure2", what, data, panels)


def sweep(read: Read) -> LineFigure:
    """Cosine and variance over τ at the last snapshot."""
    table = read("sweep")
    order = {"cosine": ("Bias", _COSINE), "variance": ("Variance", _VARIANCE)}
    table = table[table["quantity"].isin(order)]
    data = tidy(table, "quantity", "label", "tau", "value", ("low", "high"), ("epoch", "seeds"), tuple(order))
    panels = tuple(
        LinePanel(name, f"{title}, after epoch {_last(table)}", "τ", label, log=name == "variance")
        for name, (title, label) in order.items()
        if name in set(data["panel"])
    )
    what = "Bias and variance of gradient estimates over the temperature"
    return LineFigure("sweep", what, data, panels, columns=2)


def quadrature(read: Read) -> LineFigure:
    """Section 5.3: one pair's g′ and what rules put in its place; their errors over epochs; and over β that
    of the gradient, which tells Eq. 24 and 25 apart: the rules' own errors are the same, β against 1 − β.
    """
    example, table = read("example"), read("quadrature")
    errors = table[(table["quantity"] == "error_relative") & table["beta"].isna()]
    ends = table[(table["quantity"] == "gradient_error") & table["beta"].notna()]
    ends = ends[ends["epoch"] == ends["epoch"].max()]
    last = example[(example["epoch"] == example["epoch"].max()) & (example["seed"] == example["seed"].min())]
    names = {"g'": "g′", **_ENDPOINT}
    parts = [
        last.assign(
            panel="example", series=last["rule"], x_=last["x"], value=last["slope"], low=None, high=None
        ),
        *(
            part.assign(panel=panel, series=part["rule"], x_=part[x])
            for panel, x, part in (
                ("epochs", "epoch", errors),
                ("beta", "beta", ends),
            )
        ),
    ]
    kept = ["panel", "series", "x_", "value", "low", "high"]
    drawn = pd.concat([part[kept].astype({"low": float, "high": float}) for part in parts], ignore_index=True)
    drawn["series"] = drawn["series"].map(lambda name: names.get(name, name))
    data = tidy(drawn, "panel", "series", "x_", "value", ("low", "high"))
    panels = (
        LinePanel("example", f"g′ of one pair, after epoch {_last(example)}", "x", "g′(x) (nats)"),
        LinePanel(
            *("epochs", "Error of f(Iᵢ) − f(Iⱼ)", "Epoch", "Relative, root mean square"), log=True, whole=True
        ),
        LinePanel(
            *("beta", f"Error of the gradient, after epoch {_last(ends)}", "β", "Relative"),
            references=(Reference("x", 0.5, "½"),),
        ),
    )
    what = "Rules of integration: an example, their errors, and the gradient of the end-point rule over β"
    return LineFigure("quadrature", what, data, tuple(p for p in panels if p.name in set(data["panel"])))


def control(read: Read) -> LineFigure:
    """What ReinMax-CV's added terms do to variance and bias, over η, at the last snapshot and a few τ."""
    table = read("control")
    quantities = {"variance_ratio": "Variance over ReinMax’s", "relative_bias": "Relative bias"}
    titles = {"variance_ratio": "Variance", "relative_bias": "Bias"}
    table = table[table["quantity"].isin(quantities) & table["eta"].notna()]
    table = table[table["epoch"] == table["epoch"].max()]
    taus = sorted(set(table["tau"]))
    few = sorted({taus[0], min(taus, key=lambda tau: abs(tau - 1)), taus[-1]}) if taus else []
    table = table[table["tau"].isin(few)]
    table = table.assign(panel=table["quantity"] + "-" + table["tau"].map(str))
    order = tuple(f"{quantity}-{tau}" for quantity in quantities for tau in few)
    data = tidy(table, "panel", "reading", "eta", "value", ("low", "high"), ("tau", "seeds"), order)
    panels = tuple(
        LinePanel(
            *(f"{quantity}-{tau}", f"{titles[quantity]}, τ = {tau:g}", "η", label),
            log=quantity == "variance_ratio",
            references=(Reference("y", 1.0, "ReinMax"),) if quantity == "variance_ratio" else (),
        )
        for quantity, label in quantities.items()
        for tau in few
    )
    what = "Variance and bias of ReinMax-CV over η, in three readings of its added terms"
    return LineFigure("control", what, data, panels, columns=max(1, len(few)))


def readings(read: Read) -> LineFigure:
    """Train negative ELBO over epochs of each reading: one panel an estimator that the paper names."""
    table, finals = read("readings_curves"), read("readings")
    several = len(set(table["latent"])) > 1

    def panel_of(rows: pd.DataFrame) -> list[str]:
        bases = [base or own for base, own in zip(rows["variant_of"], rows["estimator"], strict=True)]
        latents = rows["latent"]
        return [f"{base}-{latent}" if several else base for base, latent in zip(bases, latents, strict=True)]

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
    what = "Train negative ELBO over epochs of each reading of an ambiguous formula, beside the paper’s last"
    return LineFigure("readings", what, data, panels)


def grid(read: Read) -> MapFigure:
    """Table 5's searches: over τ and η, or over τ and the learning rate with a map for each optimizer."""
    table = read("grid")
    scale = Scale(0, _CLIP_NATS, "nats above the lowest")
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
            xs, ys = (tuple(f"{value:g}" for value in sorted(set(points[key]))) for key in ("tau", y))
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


FIGURES: Mapping[str, Callable[[Read], LineFigure | MapFigure]] = {
    "figure1": figure1,
    "figure1-run": figure1_run,
    "figure2": figure2,
    "figure3": lambda read: curves(read, "figure3", "train_nelbo_nats", _TRAIN),
    "figure4": lambda read: curves(read, "figure4", "test_nelbo_nats", "Test negative ELBO (nats)"),
    "early": early,
    "early-difference": early_difference,
    "sweep": sweep,
    "control": control,
    "quadrature": quadrature,
    "grid": grid,
    "readings": readings,
}


def _last(table: pd.DataFrame) -> str:
    return f"{table['epoch'].max():.0f}" if len(table) else ""


def _note(point: Mapping[Any, Any]) -> str:
    """What a cell of a map says when it is pointed at."""
    words = in_words(point, ("optimizer", "learning_rate", "tau", "eta"))
    if pd.isna(point["above_best"]):
        return f"{words}: {'diverged' if point['diverged'] else 'not run'}"
    dead = f"; {point['diverged']} diverged" if point["diverged"] else ""
    return (
        f"{words}: train {point['train_nelbo']:.2f} nats, {point['above_best']:.2f} above the lowest; "
        f"test {point['test_nelbo']:.2f}{dead}"
    )
