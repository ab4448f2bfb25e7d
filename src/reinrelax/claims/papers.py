"""Which rows are evidence on the papers: what one has added oneself decides nothing that is said of every."""

from collections.abc import Collection, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reinrelax import distributions, estimators, latents, rl

_ESTIMATORS = (estimators.CATALOGUE, estimators.Paper)
_LATENTS = (latents.CATALOGUE, latents.Paper)
# Columns of tables to the catalogues that their names are of; cells call all that they train estimators.
_CATALOGUES: Mapping[str, tuple[tuple[Mapping[str, Any], type], ...]] = {
    "estimator": (_ESTIMATORS, _LATENTS),
    "latents": (_LATENTS,),
    "relaxation": ((distributions.CATALOGUE, distributions.Paper), _ESTIMATORS),
    "algorithm": ((rl.ALGORITHMS, rl.Paper),),
}


def counted(rows: pd.DataFrame, named: Collection[Any] = ()) -> NDArray[np.bool_]:
    """Which rows count: all but those of what one has added to the catalogues and does not ask for by name.

    Args:
        rows: of any table.
        named: what is asked for, by its name or by a row's `label`.
    """
    own = np.zeros(len(rows), dtype=bool)
    for column, names in added().items():
        if column in rows and (unnamed := names - set(named)):
            own |= rows[column].isin(unnamed).to_numpy(dtype=bool)
    if "label" in rows:
        own &= ~rows["label"].isin(named).to_numpy(dtype=bool)
    return ~own


def lines(rows: Sequence[Mapping[Any, Any]], named: Collection[Any] = ()) -> list[Mapping[Any, Any]]:
    """Those of a table's rows that count."""
    return [*compress(rows, counted(pd.DataFrame(rows), named))]


def added() -> dict[str, set[str]]:
    """By column, the names in the catalogues that are not the papers'."""
    out = {"environment": set(rl.ENVIRONMENTS) - set(rl.PAPERS)}
    for column, catalogues in _CATALOGUES.items():
        marked = [
            (name, isinstance(entry, paper))
            for entries, paper in catalogues
            for name, entry in entries.items()
        ]
        theirs = {name for name, is_paper in marked if is_paper}
        out[column] = {name for name, _ in marked} - theirs
    return out
