"""The figures of *Just Relax It!* that its VAEs make: which rows of which table go where."""

from collections.abc import Callable, Mapping

from reinrelax.display.charts import maps
from reinrelax.display.charts.lines import LineFigure, LinePanel
from reinrelax.display.charts.maps import MapFigure, MapPanel, Scale
from reinrelax.display.charts.plans import Read, cells, rising, stacked, texts, tidy
from reinrelax.display.wording import fixed, interval

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
_CLIP_NATS = 5.0


def curves(read: Read, name: str, metric: str, what: str, label: str) -> LineFigure:
    """A bound over epochs: one panel a section of the paper, one line a kind of latent variables."""
    table = read("relaxations_curves")
    table = table[table["metric"] == metric]
    order = sorted(set(table["section"]))
    data = tidy(table, "section", "label", "epoch", "mean", ("ci_low", "ci_high"), ("seeds",), order)
    panels = tuple(
        LinePanel(section, _title(section), "Epoch", label, whole=True, settles=True) for section in order
    )
    return LineFigure(name, what, data, panels, columns=3)


def correlations(read: Read) -> MapFigure:
    """R of the first seed below its diagonal; R = I is left out, for it is not learned."""
    table = read("relaxations_learned")
    table = table[(table["quantity"] == "correlation") & (table["seed"] == table["seed"].min())]
    off = table[table["i"] > table["j"]]
    learned = [label for label, rows in off.groupby("label", sort=False) if (rows["value"] != 0).any()]
    reach = max(0.01, float(off["value"].abs().max())) if len(off) else 1.0
    scale = Scale(-reach, reach, "correlation", digits=None, diverging=True)
    panels, parts = [], []
    for label in learned:
        own = off[off["label"] == label]
        names = tuple(f"{index + 1:.0f}" for index in sorted({*own["i"], *own["j"]}))
        panels.append(
            MapPanel(str(label), str(label), "Latent variable", "Latent variable", names, names[::-1], scale)
        )
        notes = [
            f"{line['i'] + 1:.0f} and {line['j'] + 1:.0f}: {fixed(line['value'], 3)}"
            for line in own.to_dict("records")
        ]
        columns, rows = (texts(own[axis] + 1) for axis in ("j", "i"))
        parts.append(cells(str(label), columns, rows, own["value"], notes))
    what = (
        "Correlation matrix R of the normal scores that was learned, first seed, each pair once; the colours "
        "reach as far as the largest entry"
    )
    return MapFigure("correlations", what, stacked(parts, maps.COLUMNS), tuple(panels), size=(4.8, 4.0))


def shares(read: Read) -> LineFigure:
    """Where the probabilities of binary latent variables lie, by kind: first seed."""
    table = read("relaxations_learned")
    table = table[(table["quantity"] == "probability_share") & (table["seed"] == table["seed"].min())]
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
    what = "Share of all P(b = 1 | x), over test images and latent variables, in each twentieth; first seed"
    return LineFigure("shares", what, data, panels, columns=2)


def decoupled(read: Read) -> MapFigure:
    """The discrete test bound over both temperatures, in nats above the lowest."""
    table = read("relaxations").dropna(subset=["tau_forward", "tau_backward"])
    parts, panels = [], []
    for label, rows in table.groupby("latents", sort=False):
        x, y = (texts(rows[name]) for name in ("tau_backward", "tau_forward"))
        above = rows["test"] - rows["test"].min()
        scale = Scale(0, max(0.1, min(_CLIP_NATS, above.max())), "nats above the lowest", digits=2)
        panels.append(
            MapPanel(str(label), str(label), "backward τ", "forward τ", rising(x), rising(y), scale)
        )
        notes = [
            f"τ_f {line['tau_forward']:g}, τ_b {line['tau_backward']:g}: "
            f"{fixed(line['test'])} nats {interval(line['test_low'], line['test_high'])}"
            for line in rows.to_dict("records")
        ]
        parts.append(cells(str(label), x, y, above, notes).assign(is_best=list(above == 0)))
    what = (
        "Test bound of the discrete model over the two temperatures, in nats above the lowest: a star marks "
        "our lowest"
    )
    return MapFigure("decoupled", what, stacked(parts, maps.COLUMNS), tuple(panels), size=(5.4, 2.7))


FIGURES: Mapping[str, Callable[[Read], LineFigure | MapFigure]] = {
    "relaxations": lambda read: curves(
        *(read, "relaxations", "test"),
        "Bound of the discrete model on test images over epochs: one panel a section of the paper",
        "Discrete bound, test (nats)",
    ),
    "relaxations-own": lambda read: curves(
        *(read, "relaxations-own", "relaxed"),
        "Own loss of each method on test images over epochs, which is for most no bound of anything",
        "Own loss, test (nats)",
    ),
    "correlations": correlations,
    "shares": shares,
    "decoupled": decoupled,
}


def _title(section: str) -> str:
    return f"{section} {_SECTIONS.get(section, '')}".strip()
