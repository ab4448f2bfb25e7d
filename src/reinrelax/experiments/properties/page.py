"""The page's tables of the properties of paper A's relaxations: a matrix, and all measurements."""

import re
from collections.abc import Callable, Sequence

from reinrelax.display.comparison import DIFFERS, READING, agreement
from reinrelax.display.table_blocks import Cell, Column, Table, key, to_float
from reinrelax.display.table_reader import Line, TableReader
from reinrelax.display.text_format import fixed, significant, span

# The temperature shown in the matrix, and the place that is shown large if there are several.
_TAU = "0.5"
_MIDDLE = "a = 0"
_WORDS = {
    "discrete_share": "share of discrete samples",
    "hardened_p_value": "hardened samples fit the discrete distribution, p",
    "distance_to_hard": "distance from the hardened sample",
    "mean": "mean",
    "gradient": "gradient",
    "relaxed_gradient": "gradient, compared with the relaxed expectation’s",
    "linear_gradient_ratio": "gradient of a linear loss, over the exact one",
    "gradient_variance": "variance of the gradient",
    "density_integral": "mass of the density",
    "fit_p_value": "samples fit the density, p",
    "kl_error": "error of the registered KL",
    "finite_share": "share finite in float32",
    "threshold_probability": "P(z > ½)",
    "mass_at_zero": "mass at 0",
    "mass_at_one": "mass at 1",
    "between": "mass between",
    "deployed": "gate without noise",
    "first_pick": "share of first picks",
    "inverse_error": "error of the inverse map",
    "variance_slope": "one-sample slope of the variance",
    "unbiased_z": "distance from the exact gradient, standard errors",
    "baseline": "baseline",
}
# A p-value below this does not occur by chance among some dozens.
_UNLIKELY = 1e-3


def properties(collected: TableReader) -> list[Table]:
    """Return a table with a row per relaxation and variant, and a folded one with everything."""
    lines = collected.lines("properties")
    if not lines:
        return []
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line["relaxation"], line["variant"]), []).append(line)
    rows = [_summary(name, own) for name, own in groups.items()]
    columns = [Column("Relaxation", "text", small=f"at τ = {_TAU}, where it has one"), *_heads()]
    caption = (
        "Gradients are with respect to the first logit, location or log-rate, for a quadratic"
        " loss; the exact ones come from enumerating the discrete distribution. The large number"
        f" is that at a = 0 or at the only place; those of other places are below it. {READING}"
    )
    return [
        Table(
            "properties-rows",
            caption,
            columns,
            [row for row in rows if any(c.text for c in row[1:])],
        ),
        Table(
            "properties-all",
            f"Every measurement, at every place and temperature, with 95% intervals. {READING}",
            [
                *(
                    Column("Relaxation", "text"),
                    Column("Property", "text"),
                    Column("Place", "text"),
                ),
                *(Column("Measured"), Column("Expected"), Column("Outcome", "text")),
            ],
            [_long(line) for line in lines],
            folded=f"All {len(lines):,} measurements",
        ),
    ]


Show = Callable[[Sequence[Line]], Cell]


def _heads() -> list[Column]:
    return [Column(head, small=small) for head, small, _, _ in _COLUMNS]


def _summary(name: tuple[str, str], lines: Sequence[Line]) -> list[Cell]:
    shown = [line for line in lines if _tau(line["setting"]) in ("", _TAU)]
    cells = [show([line for line in shown if line["property"] == of]) for *_, of, show in _COLUMNS]
    return [Cell(_spaced(name[0]), small=[name[1]] if name[1] else ()), *cells]


def _discrete(lines: Sequence[Line]) -> Cell:
    shares = [to_float(line["value"]) for line in lines]
    if not shares:
        return Cell()
    low, high = min(shares), max(shares)
    words = "yes" if low == 1 else "no" if high < 0.01 else "partly"
    ends = f"{low:.0%}" if high - low < 0.005 else f"{low:.0%} to {high:.0%}"
    return Cell(words, key(low), small=[ends] if words == "partly" else ())


def _each(measure: Callable[[Line], tuple[float, str]]) -> Show:
    """Return a function that shows the number of the middle place, and a line per other place."""

    def show(lines: Sequence[Line]) -> Cell:
        if not lines:
            return Cell()
        ordered = sorted(lines, key=lambda line: not line["setting"].startswith(_MIDDLE))
        first, *others = ordered
        value, words = measure(first)
        small = [
            _limits(first, measure),
            *(f"{_place(line)}: {measure(line)[1]}" for line in others),
        ]
        return Cell(words, key(value), small=[text for text in small if text])

    return show


def _limits(line: Line, measure: Callable[[Line], tuple[float, str]]) -> str:
    if to_float(line["low"]) == to_float(line["high"]) or line["low"] == "":
        return ""
    low, high = (
        measure({**line, "value": line[end], "low": "", "high": ""})[1] for end in ("low", "high")
    )
    return f"[{low.split(' ')[0]}, {high.split(' ')[0]}]"


def _plain(line: Line) -> tuple[float, str]:
    value = to_float(line["value"])
    return value, f"{significant(value)}{_symbol(line)}"


def _off(line: Line) -> tuple[float, str]:
    """Return the difference from the expected value, and its text."""
    value = to_float(line["value"]) - to_float(line["expected"])
    text = significant(value, 2)
    return value, f"{'+' if value > 0 else ''}{text}{_symbol(line)}"


def _bias(line: Line) -> tuple[float, str]:
    """Return the difference relative to the expected value, and its text in percent."""
    expected = abs(to_float(line["expected"]))
    value = (
        (to_float(line["value"]) - to_float(line["expected"])) / expected
        if expected
        else float("nan")
    )
    text = fixed(100 * value, 0)
    return value, f"{'+' if value > 0 and text != '0' else ''}{text}%{_symbol(line)}"


def _least(lines: Sequence[Line]) -> Cell:
    """Return a cell with the smallest p-value, marked if it is too small to be chance."""
    values = [to_float(line["value"]) for line in lines]
    if not values:
        return Cell()
    value = min(values)
    low = value < _UNLIKELY
    text = f"< {_UNLIKELY:g}" if low else fixed(value, 2 if value >= 0.01 else 3)
    return Cell(text, key(value), "warn-small" if low else "", small=["≠ no fit"] if low else ())


def _farthest(lines: Sequence[Line]) -> Cell:
    """Return a cell with the value farthest from the expected one."""
    if not lines:
        return Cell()
    worst = max(lines, key=lambda line: abs(to_float(line["value"]) - to_float(line["expected"])))
    value, mark = to_float(worst["value"]), agreement(worst)
    small = [f"{mark.symbol} {mark.text}"] if mark is DIFFERS else ()
    text = "1" if abs(value - 1) < 1e-9 else significant(value, 4 if value > 0.1 else 2)
    return Cell(text, key(value), "warn-small" if mark is DIFFERS else "", small=small)


# Head, small print below it, property, and the function that shows it.
_COLUMNS: Sequence[tuple[str, str, str, Show]] = (
    ("Discrete forward?", "", "discrete_share", _discrete),
    ("Mean off by", "from the discrete one’s", "mean", _each(_off)),
    ("Gradient’s bias", "relative to the exact one", "gradient", _each(_bias)),
    ("Linear loss", "gradient over the exact one", "linear_gradient_ratio", _each(_plain)),
    ("Variance", "of one gradient", "gradient_variance", _each(_plain)),
    ("Mass", "of the density", "density_integral", _farthest),
    ("Fit", "samples and density, least p", "fit_p_value", _least),
    ("Hardened", "fits the discrete one, least p", "hardened_p_value", _least),
    ("KL error", "registered − integral, nats", "kl_error", _farthest),
    ("Finite", "share, float32 at extremes", "finite_share", _farthest),
    ("Off by", "standard errors, worst logit", "unbiased_z", _each(_plain)),
)


def _long(line: Line) -> list[Cell]:
    mark = agreement(line)
    limits = (
        "" if line["low"] == line["high"] else span(to_float(line["low"]), to_float(line["high"]))
    )
    value, expected = to_float(line["value"]), to_float(line["expected"])
    variant = f", {line['variant']}" if line["variant"] else ""
    return [
        Cell(f"{line['relaxation']}{variant}"),
        Cell(str(_WORDS.get(line["property"], line["property"]))),
        Cell(_greek(line["setting"])),
        Cell(f"{significant(value)} {limits}".strip(), key(value)),
        Cell(significant(expected), key(expected)),
        Cell(f"{mark.symbol} {mark.text}".strip(), style="warn" if mark is DIFFERS else ""),
    ]


def _symbol(line: Line) -> str:
    """Return a symbol and a word if a number disagrees; otherwise nothing."""
    mark = agreement(line)
    return f" {mark.symbol} {mark.text}" if mark is DIFFERS else ""


def _tau(setting: str) -> str:
    found = re.search(r"\btau ([\d.]+)", setting)
    return found[1] if found else ""


def _place(line: Line) -> str:
    """Return the setting without its temperature and the part common to all places of a problem."""
    place = re.sub(r",? ?tau [\d.]+", "", line["setting"])
    return _greek(re.sub(r"^.*\), (?=category)", "", place))


def _greek(text: str) -> str:
    return text.replace("tau ", "τ = ").replace("mu ", "μ ").replace("-", "−")


def _spaced(name: str) -> str:
    """Split `StraightThroughBernoulli` into words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
