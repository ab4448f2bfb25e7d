"""Figures of the bias and variance of gradient estimates."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.display.charts import points
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.points import PointFigure, PointPanel
from reinrelax.display.charts.style import PAPER
from reinrelax.display.charts.tidy_tables import Read, stacked, tidy
from reinrelax.results.labels import AUTHORS_INTERVAL

_COSINE = "Cosine similarity to the exact gradient"
_VARIANCE = "Variance of the gradient"
_RELATIVE = "‖std‖ / ‖mean‖, mean over images"
# The range of η that is drawn: Table 5's settings are positive, the least variance is at negative
# η.
_ETAS = (-2.5, 2.0)
_ENDPOINT = {"endpoint": "end points, Eq. 25", "endpoint, Eq. 24": "end points, Eq. 24"}


def figure1(read: Read) -> LineFigure:
    """Plan 1 − cosine and variance over epochs: the paper's estimators above, others below.

    The variance before training is a hundred times smaller and is left out.
    """
    table = read("figure1")
    table = table[table["quantity"].isin(("cosine", "variance"))]
    table = table[(table["quantity"] == "cosine") | (table["epoch"] > table["epoch"].min())]
    lacking = table["quantity"] == "cosine"
    ends = {"value": 1 - table["value"], "low": 1 - table["high"], "high": 1 - table["low"]}
    table = table.assign(
        **{name: values.where(lacking, table[name]) for name, values in ends.items()}
    )
    suffix = table["estimator"].map(lambda name: "" if name in PAPER else "-readings")
    table = table.assign(panel=table["quantity"] + suffix)
    order = ("cosine", "variance", "cosine-readings", "variance-readings")
    data = tidy(table, "panel", "label", "epoch", "value", ("low", "high"), ("seeds",), order)
    titles = ("Bias", "Variance", "Bias: further estimators", "Variance: further estimators")
    panels = tuple(
        LinePanel(name, title, "Epoch", label, log=True, whole=True)
        for name, title, label in zip(order, titles, ("1 − cosine", _VARIANCE) * 2, strict=True)
        if name in set(data["panel"])
    )
    what = "Bias and variance of gradient estimates over the epochs of a training with ReinMax"
    return LineFigure("figure1", what, data, panels, columns=2)


def figure1_run(read: Read) -> LineFigure:
    """Plan the metrics that the authors' public code computes, for our VAEs and theirs."""
    table = read("figure1_run")
    shown = {"cosine_batch": ("Bias", _COSINE, False), "std_image": ("Variance", _RELATIVE, True)}
    drawn = ("value", "low", "high")
    theirs = table.drop(columns=list(drawn)).rename(
        columns=dict(zip(AUTHORS_INTERVAL, drawn, strict=True))
    )
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
        "Cosine of the whole batch and relative standard deviation over the epochs of trainings"
        " with ReinMax, here and in the authors’ public files"
    )
    return LineFigure("figure1-run", what, data, panels, columns=2)


def sweep(read: Read) -> LineFigure:
    """Plan cosine and variance over τ, at the last snapshot."""
    table = read("sweep")
    order = {"cosine": ("Bias", _COSINE), "variance": ("Variance", _VARIANCE)}
    table = table[table["quantity"].isin(order)]
    data = tidy(
        table,
        "quantity",
        "label",
        "tau",
        "value",
        ("low", "high"),
        ("epoch", "seeds"),
        tuple(order),
    )
    panels = tuple(
        LinePanel(name, f"{title}, after epoch {_last(table)}", "τ", label, log=name == "variance")
        for name, (title, label) in order.items()
        if name in set(data["panel"])
    )
    what = "Bias and variance of gradient estimates over the temperature"
    return LineFigure("sweep", what, data, panels, columns=2)


def quadrature(read: Read) -> LineFigure:
    """Plan section 5.3: g′ of a pair and its interpolants, errors over epochs, and errors over β.

    Errors over β are those of the gradient, which distinguish Eq. 24 from Eq. 25. The errors of the
    rules themselves are the same in both, with β and 1 − β exchanged.
    """
    example, table = read("example"), read("quadrature")
    errors = table[(table["quantity"] == "error_relative") & table["beta"].isna()]
    ends = table[(table["quantity"] == "gradient_error") & table["beta"].notna()]
    ends = ends[ends["epoch"] == ends["epoch"].max()]
    last = example[
        (example["epoch"] == example["epoch"].max()) & (example["seed"] == example["seed"].min())
    ]
    names = {"g'": "g′", **_ENDPOINT}
    parts = [
        last.assign(
            panel="example",
            series=last["rule"],
            x_=last["x"],
            value=last["slope"],
            low=None,
            high=None,
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
    drawn = pd.concat(
        [part[kept].astype({"low": float, "high": float}) for part in parts], ignore_index=True
    )
    drawn["series"] = drawn["series"].map(lambda name: names.get(name, name))
    data = tidy(drawn, "panel", "series", "x_", "value", ("low", "high"))
    panels = (
        LinePanel("example", f"g′ of one pair, after epoch {_last(example)}", "x", "g′(x) (nats)"),
        LinePanel(
            *("epochs", "Error of f(Iᵢ) − f(Iⱼ)", "Epoch", "Relative, root mean square"),
            log=True,
            whole=True,
        ),
        LinePanel(
            *("beta", f"Error of the gradient, after epoch {_last(ends)}", "β", "Relative"),
            references=(Reference("x", 0.5, "½"),),
        ),
    )
    what = (
        "Integration rules: an example, their errors, and the gradient of the end-point rule over"
        " β, with Eq. 24 and Eq. 25 equal at ½"
    )
    return LineFigure(
        "quadrature", what, data, tuple(p for p in panels if p.name in set(data["panel"]))
    )


def control(read: Read) -> LineFigure:
    """Plan the variance of ReinMax-CV relative to ReinMax's over η, at the last snapshot.

    It is quadratic in η, so the measured points determine the curve, including negative η.
    """
    table = _last_of_control(read)
    rows = [
        {
            **dict(zip(("reading", "tau"), key, strict=True)),
            "eta": eta,
            "value": value,
            "seeds": one["seeds"].iloc[0],
        }
        for key, one in table[table["quantity"] == "variance_ratio"].groupby(
            ["reading", "tau"], sort=False
        )
        for eta, value in _parabola(one)
    ]
    drawn = pd.DataFrame(rows, columns=["reading", "tau", "eta", "value", "seeds"])
    drawn = drawn.assign(low=float("nan"), high=float("nan"), panel=_tau_panel(drawn))
    data = tidy(drawn, "panel", "reading", "eta", "value", ("low", "high"), ("seeds",))
    panels = tuple(
        LinePanel(
            *(panel, f"τ = {tau:g}", "η", "Variance over ReinMax’s"),
            log=True,
            references=(Reference("y", 1.0, "ReinMax"), Reference("x", 0.0, "0")),
        )
        for panel, tau in dict.fromkeys(zip(_tau_panel(drawn), drawn["tau"], strict=True))
    )
    what = (
        "Variance of ReinMax-CV relative to ReinMax’s over η, in three readings of its added terms;"
        " a negative η exchanges their signs"
    )
    return LineFigure("control", what, data, panels, columns=2)


def control_bias(read: Read) -> LineFigure:
    """Plan the bias of ReinMax-CV over η, at the last snapshot."""
    table = _last_of_control(read)
    table = table[table["quantity"] == "relative_bias"]
    table = table.assign(panel=_tau_panel(table))
    data = tidy(table, "panel", "reading", "eta", "value", ("low", "high"), ("tau", "seeds"))
    panels = tuple(
        LinePanel(panel, f"τ = {tau:g}", "η", "Relative bias")
        for panel, tau in dict.fromkeys(zip(table["panel"], table["tau"], strict=True))
    )
    what = "Bias of ReinMax-CV over η, in three readings of its added terms"
    return LineFigure("control-bias", what, data, panels, columns=2)


def _last_of_control(read: Read) -> pd.DataFrame:
    """Return the rows with an η, at the last snapshot and a few τ."""
    table = read("control")
    table = table[(table["epoch"] == table["epoch"].max()) & table["eta"].notna()]
    taus = sorted(set(table["tau"]))
    few = {taus[0], min(taus, key=lambda tau: abs(tau - 1)), taus[-1]} if taus else set()
    return pd.DataFrame(table[table["tau"].isin(few)])


def _tau_panel(table: pd.DataFrame) -> list[str]:
    return [f"tau-{tau:g}" for tau in table["tau"]]


def _parabola(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """Fit a quadratic with value 1 at η = 0 to the measured points; return points of its curve."""
    eta, excess = rows["eta"].to_numpy(float), rows["value"].to_numpy(float) - 1
    slope, bend = np.linalg.lstsq(np.stack([eta, eta**2], 1), excess, rcond=None)[0]
    return [(float(x), float(1 + slope * x + bend * x**2)) for x in np.linspace(*_ETAS, 46)]


def tradeoff(read: Read) -> PointFigure:
    """Plan bias over variance of the paper's estimators, at the last snapshot."""
    table = read("figure1")
    shown = table["label"].map(_in_tradeoff).astype(bool)
    table = table[(table["epoch"] == table["epoch"].max()) & shown]
    ends = {"variance": ("x", "x_low", "x_high"), "relative_bias": ("value", "low", "high")}
    sides = [
        table[table["quantity"] == quantity]
        .set_index("label")[["value", "low", "high"]]
        .set_axis(list(names), axis=1)
        for quantity, names in ends.items()
    ]
    both = sides[0].join(sides[1], how="inner").reset_index(names="series").assign(panel="last")
    title = f"After epoch {_last(table)}"
    hint = "← less variance;  ↓ less bias"
    panels = (
        (PointPanel("last", title, _VARIANCE, "Bias over the gradient’s norm", hint),)
        if len(both)
        else ()
    )
    what = "Bias of each estimator over its variance, with 95% intervals"
    return PointFigure("tradeoff", what, both[list(points.COLUMNS)], panels)


def _in_tradeoff(label: str) -> bool:
    return label in (*PAPER, "ReinMax-CV-exchanged") or label.startswith("ReinMax-CV, ")


def _last(table: pd.DataFrame) -> str:
    return f"{table['epoch'].max():.0f}" if len(table) else ""


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "figure1": figure1,
    "figure1-run": figure1_run,
    "sweep": sweep,
    "control": control,
    "control-bias": control_bias,
    "tradeoff": tradeoff,
    "quadrature": quadrature,
}
