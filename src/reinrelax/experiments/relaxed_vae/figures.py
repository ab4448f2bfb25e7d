"""Figures of the VAEs of *Just Relax It!*, planned from the tables."""

from collections.abc import Callable, Mapping
from typing import Any

from reinrelax.display.charts import intervals, maps
from reinrelax.display.charts.intervals import IntervalFigure, IntervalPanel, Kind
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.maps import ColourScale, MapFigure, MapPanel
from reinrelax.display.charts.style import INK
from reinrelax.display.charts.tidy_tables import Read, cells, panel_title, stacked, texts, tidy
from reinrelax.display.text_format import fixed

# The paper's sections as the titles of panels.
_SECTIONS = {
    "III.A": "Generalized Gumbel-Softmax",
    "III.B": "Relaxed Bernoulli",
    "III.C": "Hard Concrete",
    "III.D": "Straight-Through Bernoulli",
    "III.E": "Stochastic Times Smooth",
    "III.F": "Correlated Relaxed Bernoulli",
    "III.G": "Invertible Gaussian",
    "III.H": "Gumbel-Softmax Top-K",
    "III.I": "Logistic-normal",
    "III.J": "RELAX",
    "III.K": "Decoupled ST-GS",
    "III.L": "REBAR, and REINFORCE",
}
_LEARNED = "III.F"
_BOUND = {"value": "test", "low": "test_low", "high": "test_high"}
_NATS = "nats per test image, lower is better"


def curves(read: Read, name: str, metric: str, what: str, label: str) -> LineFigure:
    """Plan a bound over epochs: a panel per section, a line per kind of latent variables."""
    table = read("relaxations_curves")
    table = table[table["metric"] == metric]
    order = sorted(set(table["section"]))
    data = tidy(
        table, "section", "label", "epoch", "mean", ("ci_low", "ci_high"), ("seeds",), order
    )
    panels = tuple(
        LinePanel(section, _title(section), "Epoch", label, whole=True, settles=True)
        for section in order
    )
    return LineFigure(name, what, data, panels, columns=3)


def correlations(read: Read) -> MapFigure:
    """Plan R of the first seed below its diagonal; R = I, which is not learned, is left out."""
    table = read("relaxations_learned")
    table = table[(table["quantity"] == "correlation") & (table["seed"] == table["seed"].min())]
    off = table[table["i"] > table["j"]]
    learned = [
        label for label, rows in off.groupby("label", sort=False) if (rows["value"] != 0).any()
    ]
    reach = max(0.01, float(off["value"].abs().max())) if len(off) else 1.0
    scale = ColourScale(-reach, reach, "correlation", digits=None, diverging=True)
    panels, parts = [], []
    for label in learned:
        own = off[off["label"] == label]
        names = tuple(f"{index + 1:.0f}" for index in sorted({*own["i"], *own["j"]}))
        panels.append(
            MapPanel(
                str(label),
                str(label),
                "Latent variable",
                "Latent variable",
                names,
                names[::-1],
                scale,
            )
        )
        notes = [
            f"{line['i'] + 1:.0f} and {line['j'] + 1:.0f}: {fixed(line['value'], 3)}"
            for line in own.to_dict("records")
        ]
        columns, rows = (texts(own[axis] + 1) for axis in ("j", "i"))
        parts.append(cells(str(label), columns, rows, own["value"], notes))
    what = (
        "Learned correlation matrix R of the normal scores, first seed, each pair once; the colours"
        " range up to the largest entry"
    )
    return MapFigure(
        "correlations", what, stacked(parts, maps.COLUMNS), tuple(panels), size=(4.8, 4.0)
    )


def shares(read: Read) -> LineFigure:
    """Plan the distribution of the probabilities of binary latent variables, for the first seed."""
    table = read("relaxations_learned")
    table = table[
        (table["quantity"] == "probability_share") & (table["seed"] == table["seed"].min())
    ]
    bins = table["i"].max() + 1
    table = table.assign(
        panel=["correlated" if section == _LEARNED else "others" for section in table["section"]],
        x=(table["i"] + 0.5) / bins,
        low=float("nan"),
        high=float("nan"),
    )
    titles = {"correlated": "Correlated Bernoulli", "others": "Other binary latent variables"}
    data = tidy(table, "panel", "label", "x", "value", ("low", "high"), order=tuple(titles))
    panels = tuple(
        LinePanel(name, title, "P(b = 1 | x)", "Share", log=True)
        for name, title in titles.items()
        if name in set(data["panel"])
    )
    what = (
        "Share of all P(b = 1 | x), over test images and latent variables, in each twentieth; first"
        " seed"
    )
    return LineFigure("shares", what, data, panels, columns=2)


def bounds(read: Read) -> IntervalFigure:
    """Plan the final bounds of the discrete models, best first, and that of the mean image."""
    table, baseline = read("relaxations"), read("baseline")
    mean = baseline.loc[baseline["quantity"] == "mean_image_test", "value"]
    gates = table["latent"].str.startswith("2x")
    table = table.assign(
        panel=gates.map({True: "gates", False: "others"}),
        row=[
            label if gate else f"{label}, {panel_title(latent)}"
            for label, gate, latent in zip(table["label"], gates, table["latent"], strict=True)
        ],
        series="discrete bound",
        **{
            name: table[column]
            for name, column in (("value", "test"), ("low", "test_low"), ("high", "test_high"))
        },
    ).sort_values("value", kind="stable")
    titles = {"gates": "Gates, 2 × 20", "others": "Categories, subsets and counts"}
    reach = (
        (0.99 * float(table["value"].min()), 1.06 * float(mean.iloc[0]))
        if len(table) and len(mean)
        else None
    )
    panels = tuple(
        IntervalPanel(
            *(name, title, _NATS),
            tuple(table.loc[table["panel"] == name, "row"]),
            references=tuple(Reference("x", float(value), "mean image") for value in mean),
            ends=reach,
        )
        for name, title in titles.items()
        if name in set(table["panel"])
    )
    what = (
        "Bound of each VAE with discrete codes after the last epoch, with 95% intervals, best first"
    )
    kinds = (Kind("discrete bound", INK),)
    return IntervalFigure(
        "vaes", what, table[[*intervals.COLUMNS, "seeds"]], panels, kinds, columns=2, width=5.2
    )


def decoupled(read: Read) -> IntervalFigure:
    """Plan the discrete test bound: a row per backward temperature, with all forward ones."""
    table = read("relaxations").dropna(subset=["tau_forward", "tau_backward"])
    forward = sorted(set(table["tau_forward"]))
    names = {tau: f"forward τ = {tau:g}" for tau in forward}
    looks = ((INK, "o"), ("#D55E00", "s"), ("#2F8FCB", "D"), ("#C46A9B", "^"))
    kinds = tuple(
        Kind(names[tau], *looks[index % len(looks)], hollow=index > 0)
        for index, tau in enumerate(forward)
    )
    data = table.assign(
        panel=table["latents"],
        row=[f"backward τ = {tau:g}" for tau in table["tau_backward"]],
        series=table["tau_forward"].map(names),
        **{name: table[column] for name, column in _BOUND.items()},
    )
    panels = tuple(
        IntervalPanel(
            *(name, name, _NATS), tuple(dict.fromkeys(data.loc[data["panel"] == name, "row"]))
        )
        for name in dict.fromkeys(data["panel"])
    )
    what = "Test bound of the discrete model at each pair of temperatures, with 95% intervals"
    return IntervalFigure(
        "decoupled", what, data[[*intervals.COLUMNS, "seeds"]], panels, kinds, width=5.2
    )


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "vaes": bounds,
    "relaxations": lambda read: curves(
        *(read, "relaxations", "test"),
        "Bound of the discrete model on test images over epochs: a panel per section of the paper",
        "Discrete bound, test (nats)",
    ),
    "correlations": correlations,
    "shares": shares,
    "decoupled": decoupled,
}


def _title(section: str) -> str:
    return f"{section} {_SECTIONS.get(section, '')}".strip()
