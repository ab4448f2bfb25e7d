"""The tables that one would paste into a paper: which columns they have and how their numbers are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

NOT_RUN = "not run"


@dataclass(frozen=True)
class Value:
    """What is taken from a table's row, and how it is written.

    Attributes:
        name: the column.
        kind: `nats` with two decimals, `signed` with a sign, too, `digits` significant, `short` with as many
            as it needs, `whole`; `yes` where it holds, `mark` of a verdict, `name` as it is, `text`.
        limits: columns of an interval's ends, which follow in brackets.
        half: whether half of the interval follows instead, after ±; it must be symmetric.
        plus_minus: a column that follows after ±.
        verdict: a column whose mark follows.
        words: what stands for the column's entries.
        absent: what stands where there is nothing.
        best: whether the lowest of a column is bold.
    """

    name: str
    kind: Literal["text", "name", "yes", "mark", "nats", "signed", "digits", "short", "whole"] = "text"
    limits: tuple[str, str] | None = None
    half: bool = False
    plus_minus: str = ""
    verdict: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    absent: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    """A head and what stands below it; `prose` may break into lines."""

    head: str
    value: Value
    prose: bool = False


@dataclass(frozen=True)
class Listing:
    """One row for each of a table's."""

    columns: Sequence[Column]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Crossed:
    """Rows against columns, as Tables 2 and 3: `lines` of a row each show another value of the same cell.

    Attributes:
        down: columns whose values name the rows.
        across: the column whose values name the columns; with `heads`, these alone, under their heads.
        lines: name of each line, and what stands in it.
    """

    down: Sequence[Column]
    across: str
    lines: Sequence[tuple[str, Value]]
    heads: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def _mean(name: str, ends: str = "", kind: Literal["nats", "digits"] = "nats") -> Value:
    low, high = (f"{ends or name}_{end}" for end in ("low", "high"))
    return Value(name, kind, (low, high), absent=NOT_RUN)


_ESTIMATOR = Column("Estimator", Value("estimator"))
_SHAPE = Column("Shape", Value("latent"))
_SEEDS = Column("Seeds", Value("seeds", "whole"))
_INTERVAL = "In brackets: 95% interval."
_METHOD = Column("Method", Value("method"))
_BESIDE_PAPER = Crossed(
    down=(_ESTIMATOR, _METHOD),
    across="latent",
    lines=(
        ("paper", Value("paper_mean", "nats", plus_minus="paper_plus_minus", best=True)),
        (
            "ours",
            Value(
                "mean", "nats", ("ci_low", "ci_high"), half=True, verdict="verdict", absent=NOT_RUN, best=True
            ),
        ),
        ("less ReinMax", Value("to_base", "signed", ("to_base_low", "to_base_high"))),
    ),
    notes=(
        "± is the paper’s own, a standard error, and half of the 95% interval of ours. Bold: the lowest of a "
        "column. As run: where the public code differs from the paper in formula or settings. Less ReinMax: "
        "the mean of ours less ReinMax of the same seed, with its 95% interval.",
    ),
)
# By name of the collected table; `claims` is the list of claims.
LAYOUTS: Mapping[str, Listing | Crossed] = {
    "table1": Listing(
        (
            _ESTIMATOR,
            Column(
                "Taken as",
                Value("quantity", words={"std_relative": "‖std‖ / ‖mean‖", "std_root": "√ of Eq. 40"}),
            ),
            Column("Paper", Value("paper", "digits")),
            Column("to ST", Value("paper_ratio", "digits")),
            Column("Ours", Value("value", "digits", ("low", "high"), absent=NOT_RUN)),
            Column("to ST", Value("ratio", "digits", absent=NOT_RUN)),
        ),
        (_INTERVAL,),
    ),
    "table1_run": Listing(
        (
            _ESTIMATOR,
            Column("Paper", Value("paper", "digits")),
            Column("to ST", Value("paper_ratio", "digits")),
            Column("Ours", Value("value", "digits", ("low", "high"), absent=NOT_RUN)),
            Column("to ST", Value("ratio", "digits", absent=NOT_RUN)),
            _SEEDS,
        ),
        (_INTERVAL,),
    ),
    "table2": _BESIDE_PAPER,
    "table3": _BESIDE_PAPER,
    "early_last": Listing(
        (
            _ESTIMATOR,
            _METHOD,
            _SHAPE,
            Column("Epoch", Value("epoch", "whole")),
            *(
                Column(f"{head}, {part}", value)
                for part in ("train", "test")
                for head, value in (
                    ("Ours", Value(f"{part}_mean", "nats", absent=NOT_RUN)),
                    ("Public code", Value(f"{part}_authors_mean", "nats")),
                    (
                        "Δ",
                        Value(
                            f"{part}_difference",
                            "signed",
                            (f"{part}_difference_low", f"{part}_difference_high"),
                        ),
                    ),
                    (
                        "Spread, ratio",
                        Value(
                            f"{part}_spread_ratio",
                            "digits",
                            (f"{part}_spread_ratio_low", f"{part}_spread_ratio_high"),
                        ),
                    ),
                )
            ),
            _SEEDS,
        ),
        (_INTERVAL,),
    ),
    "table4": Listing(
        (
            _ESTIMATOR,
            Column("Paper, s", Value("paper_seconds", "nats")),
            Column("to STGS", Value("paper_ratio", "nats")),
            Column("Ours, s", _mean("seconds", kind="digits")),
            Column("to STGS", _mean("ratio")),
            Column("Side by side, s", Value("batched_seconds", "digits", absent=NOT_RUN)),
            Column("to STGS", Value("batched_ratio", "nats", absent=NOT_RUN)),
        ),
        ("In brackets: the fastest and the slowest round.",),
    ),
    "table5": Listing(
        (
            _ESTIMATOR,
            _SHAPE,
            Column("Paper", Value("paper")),
            Column("As run", Value("as_run")),
            Column("Best found", Value("best", absent=NOT_RUN)),
            Column("Its NELBO", Value("best_nelbo", "nats", absent=NOT_RUN)),
            Column("Paper’s above it", Value("gap", "signed")),
            Column("Its rank", Value("rank", "whole")),
            Column("Points", Value("finished", "whole", absent=NOT_RUN)),
        ),
    ),
    "readings": Listing(
        (
            Column("Estimator", Value("label")),
            Column("Reading of", Value("variant_of")),
            Column("Formula", Value("equation")),
            Column("Train", _mean("train")),
            Column("Paper", Value("paper_train", "nats")),
            Column("Test", _mean("test")),
            Column("Paper", Value("paper_test", "nats")),
            _SEEDS,
            Column("Closest", Value("closest", "yes")),
        ),
        (_INTERVAL,),
    ),
    "relaxations": Listing(
        (
            Column("Latent variables", Value("label")),
            Column("Section", Value("section")),
            _SHAPE,
            Column("Discrete bound", _mean("test")),
            Column("Reconstruction", Value("test_reconstruction", "nats", absent=NOT_RUN)),
            Column("KL", Value("test_kl", "nats", absent=NOT_RUN)),
            Column("Own loss", _mean("relaxed")),
            _SEEDS,
        ),
        (_INTERVAL,),
    ),
    "figure2_minimum": Listing(
        (
            _ESTIMATOR,
            _SHAPE,
            Column("Paper’s β", Value("paper")),
            Column("Lowest at β", Value("beta", "short", ("low", "high"), absent=NOT_RUN)),
            Column("NELBO", Value("nelbo", "nats", absent=NOT_RUN)),
        ),
        (_INTERVAL,),
    ),
    "rl_summary": Crossed(
        down=(
            Column("Environment", Value("environment")),
            Column("Cap", Value("cap", "whole")),
            Column("Agent", Value("algorithm")),
        ),
        across="score",
        lines=(("", Value("mean", "digits", ("ci_low", "ci_high"), absent=NOT_RUN)),),
        heads={
            "first": "First 10",
            "final": "Last 50",
            "area": "All",
            "slope": "Slope per 100",
            "running_final": "Running mean",
        },
        notes=(_INTERVAL,),
    ),
    "claims": Listing(
        (
            Column("Claim", Value("id", "name")),
            Column("Place", Value("place")),
            Column("Statement", Value("statement"), prose=True),
            Column("Effect", Value("effect", "signed", ("low", "high"))),
            Column("p for", Value("holding", "nats")),
            Column("p against", Value("failing", "nats")),
            _SEEDS,
            Column("Verdict", Value("verdict", "mark")),
        ),
        (
            "p for: of the test that a claim does not hold; p against: that it does, by the smallest effect "
            "of interest.",
            _INTERVAL,
        ),
    ),
}
