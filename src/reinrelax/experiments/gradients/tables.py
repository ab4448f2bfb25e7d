"""Table 1, Figure 1 and section 5.3: measurements of gradients at the snapshots of a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from reinrelax.results.labels import (
    AUTHORS,
    HYPER,
    beside_authors,
    labels,
    over_seeds,
    published,
    reference,
)

# The quantity of Table 1's standard deviation: two readings of the text, and that of the public
# code.
PRINTED = ("std_relative", "std_root")
AS_RUN = ("std_image",)
_COUNTS = ("estimates", "images")
_FIGURE1 = (
    "estimator",
    "label",
    "tau",
    "eta",
    "quantity",
    "epoch",
    "value",
    "low",
    "high",
    "seeds",
)
# Columns of the authors' summary (mean and spread) by our quantities; all at one temperature.
_AUTHORS = {"cosine_batch": "cosine", "std_image": "relative_std"}
_AUTHORS_TAU = 1.0


def table1(
    tables: Mapping[str, pd.DataFrame], root: Path, spreads: Sequence[str] = PRINTED
) -> pd.DataFrame:
    """Return standard deviations, ours and Table 1's, and their ratios to ST's.

    There is a row per estimator and quantity. The paper does not define its standard deviation;
    ratios do not depend on a common factor.

    Args:
        tables: of the studies of gradients.
        root: the project's folder.
        spreads: the quantities to return.
    """
    columns = [
        "estimator",
        "paper",
        "paper_ratio",
        "quantity",
        "value",
        "low",
        "high",
        "ratio",
        "epoch",
    ]
    columns += [*_COUNTS, "seeds"]
    found = measured(tables, "table1")
    found = found[found["quantity"].isin(spreads)]
    if found.empty:
        return pd.DataFrame(columns=columns)
    found = found[found["epoch"] == found["epoch"].max()]
    paper = {row["estimator"]: float(row["std"]) for row in reference(root, "table1_gradient_std")}
    rows = found.set_index(["estimator", "quantity"])
    out = []
    for estimator in dict.fromkeys([*paper, *found["estimator"]]):
        for quantity in spreads:
            place = (estimator, quantity)
            own = rows.loc[place] if place in rows.index else {}
            straight = rows["value"].get(("ST", quantity), float("nan"))
            out.append(
                {
                    **{"estimator": estimator, "paper": paper.get(estimator)},
                    "paper_ratio": paper[estimator] / paper["ST"] if estimator in paper else None,
                    "quantity": quantity,
                    **{key: own.get(key) for key in ("value", "low", "high")},
                    "ratio": own["value"] / straight if len(own) else None,
                    **{key: own.get(key) for key in ("epoch", *_COUNTS)},
                    "seeds": own.get("seeds", 0),
                }
            )
    return pd.DataFrame(out, columns=columns)


def figure1(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return every quantity at every snapshot: a row per labelled estimator, quantity and epoch."""
    return measured(tables, "figure1")[list(_FIGURE1)]


def figure1_run(tables: Mapping[str, pd.DataFrame], root: Path) -> pd.DataFrame:
    """Return the same over several VAEs, with the means over VAEs of the authors' public files."""
    found = figure1(tables)
    rows = tables["estimators"]
    rows = rows[rows["role"] == "figure1"].reset_index(drop=True)
    keys = ["label", "quantity", "epoch"]
    values = dict(list(rows.assign(label=labels(rows)).groupby(keys)["value"])) if len(rows) else {}
    theirs = {
        (row["estimator"], quantity, int(row["epoch"])): published(row, column)
        for row in reference(root, "authors_figure1")
        for quantity, column in _AUTHORS.items()
    }
    beside = [
        beside_authors(
            values[line["label"], line["quantity"], line["epoch"]],
            theirs.get((line["estimator"], line["quantity"], line["epoch"]))
            if line["tau"] == _AUTHORS_TAU
            else None,
        )
        for line in found.to_dict("records")
    ]
    return pd.concat(
        [found, pd.DataFrame(beside, index=found.index, columns=list(AUTHORS))], axis=1
    )


def sweep(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return every quantity over τ, at the last snapshot; labels do not contain τ."""
    return measured(tables, "sweep", told=HYPER[1:])


def control(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the effect of ReinMax-CV's two added terms, per reading, τ, η and snapshot."""
    return over_seeds(
        tables["control"], ["reading", "epoch", "tau", "eta", "draws", *_COUNTS, "quantity"]
    )


def quadrature(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the errors of the integration rules at each snapshot."""
    return over_seeds(tables["quadrature"], ["epoch", "rule", "beta", "quantity"])


def measured(
    tables: Mapping[str, pd.DataFrame], role: str, told: Sequence[str] = HYPER
) -> pd.DataFrame:
    """Return the labelled rows of one role, combined over seeds."""
    rows = tables["estimators"]
    rows = rows[rows["role"] == role].reset_index(drop=True)
    rows = rows.assign(label=labels(rows, told))
    return over_seeds(rows, ["estimator", "label", *HYPER, "epoch", *_COUNTS, "quantity"])
