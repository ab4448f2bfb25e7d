"""Table 1, Figure 1 and section 5.3: what was measured of gradients at the snapshots of a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from reinrelax.reporting.numbers.common import HYPER, labels, over_seeds, reference

_SPREADS = ("std_relative", "std_root")
_COUNTS = ("estimates", "images")


def table1(tables: Mapping[str, pd.DataFrame], root: Path) -> pd.DataFrame:
    """Standard deviations beside Table 1's, each also as a ratio to ST's: one row an estimator and quantity.

    The paper does not say of what its standard deviation is; ratios do not depend on a common factor.
    """
    columns = ["estimator", "paper", "paper_ratio", "quantity", "value", "low", "high", "ratio", "epoch"]
    columns += [*_COUNTS, "seeds"]
    found = measured(tables, "table1")
    found = found[found["quantity"].isin(_SPREADS)]
    if found.empty:
        return pd.DataFrame(columns=columns)
    found = found[found["epoch"] == found["epoch"].max()]
    paper = {row["estimator"]: float(row["std"]) for row in reference(root, "table1_gradient_std")}
    rows = found.set_index(["estimator", "quantity"])
    out = []
    for estimator in dict.fromkeys([*paper, *found["estimator"]]):
        for quantity in _SPREADS:
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
    """Every quantity over the snapshots' epochs: one row a labelled estimator, quantity and epoch."""
    columns = ["estimator", "label", "tau", "eta", "quantity", "epoch", "value", "low", "high", "seeds"]
    return measured(tables, "figure1")[columns]


def sweep(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every quantity over τ, at the last snapshot; labels do not tell τ apart."""
    return measured(tables, "sweep", told=HYPER[1:])


def control(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What ReinMax-CV's two added terms do, per reading, τ, η and snapshot."""
    return over_seeds(tables["control"], ["reading", "epoch", "tau", "eta", "draws", *_COUNTS, "quantity"])


def quadrature(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Errors of the integration rules at each snapshot."""
    return over_seeds(tables["quadrature"], ["epoch", "rule", "beta", "quantity"])


def measured(tables: Mapping[str, pd.DataFrame], role: str, told: Sequence[str] = HYPER) -> pd.DataFrame:
    """The rows of one role, labelled, with seeds taken together."""
    rows = tables["estimators"]
    rows = rows[rows["role"] == role].reset_index(drop=True)
    rows = rows.assign(label=labels(rows, told))
    return over_seeds(rows, ["estimator", "label", *HYPER, "epoch", *_COUNTS, "quantity"])
