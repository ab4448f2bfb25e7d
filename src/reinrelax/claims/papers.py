"""Selection of the rows that are evidence on the papers.

General claims ignore the rows of methods and environments that a user added to the catalogues.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reinrelax import distributions, estimators, latents, rl
from reinrelax.errors import ConfigError

_ESTIMATORS = (estimators.CATALOGUE, estimators.Paper)
_LATENTS = (latents.CATALOGUE, latents.Paper)
# Column of a table to the catalogues of its names. Cells call everything that they train an
# estimator.
_CATALOGUES: Mapping[str, tuple[tuple[Mapping[str, Any], type], ...]] = {
    "estimator": (_ESTIMATORS, _LATENTS),
    "latents": (_LATENTS,),
    "relaxation": ((distributions.CATALOGUE, distributions.Paper), _ESTIMATORS),
    "algorithm": ((rl.ALGORITHMS, rl.Paper),),
}


def counted(rows: pd.DataFrame, named: Collection[Any] = ()) -> NDArray[np.bool_]:
    """Return which rows count: all except those of user-added entries that are not requested.

    Args:
        rows: rows of any table.
        named: requested entries, by name or by a row's `label`.
    """
    own = np.zeros(len(rows), dtype=bool)
    for column, names in added().items():
        if column in rows and (unnamed := names - set(named)):
            own |= rows[column].isin(unnamed).to_numpy(dtype=bool)
    if "label" in rows:
        own &= ~rows["label"].isin(named).to_numpy(dtype=bool)
    return ~own


def lines(
    rows: Sequence[Mapping[Any, Any]], named: Collection[Any] = ()
) -> list[Mapping[Any, Any]]:
    """Return the rows of a table that count."""
    return [*compress(rows, counted(pd.DataFrame(rows), named))]


def check(where: str, pick: Mapping[str, Any]) -> None:
    """Check that the names in a pick are names that tables can contain.

    Raises:
        ConfigError: a name is in no catalogue; the message lists the known ones.
    """
    known = {
        column: [name for found, _ in of for name in found] for column, of in _CATALOGUES.items()
    }
    known |= {"environment": [*rl.ENVIRONMENTS], "label": [*known["estimator"]]}
    for column, names in known.items():
        asked = pick.get(column, [])
        for name in asked if isinstance(asked, list) else [asked]:
            # A label is a method's name followed by the settings that distinguish it.
            if str(name).split(", ")[0] not in names and not isinstance(name, int):
                raise ConfigError(f"{where}.{column}: unknown {name!r}; known: {', '.join(names)}")


def added() -> dict[str, set[str]]:
    """Return the names in the catalogues that are not the papers', by column."""
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
