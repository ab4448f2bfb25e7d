"""Which rows are evidence on the papers: what one has added oneself decides nothing that is said of
every.
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
# Columns of tables to the catalogues that their names are of; cells call all that they train
# estimators.
_CATALOGUES: Mapping[str, tuple[tuple[Mapping[str, Any], type], ...]] = {
    "estimator": (_ESTIMATORS, _LATENTS),
    "latents": (_LATENTS,),
    "relaxation": ((distributions.CATALOGUE, distributions.Paper), _ESTIMATORS),
    "algorithm": ((rl.ALGORITHMS, rl.Paper),),
}


def counted(rows: pd.DataFrame, named: Collection[Any] = ()) -> NDArray[np.bool_]:
    """Which rows count: all but those of what one has added to the catalogues and does not ask for
    by name.

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


def lines(
    rows: Sequence[Mapping[Any, Any]], named: Collection[Any] = ()
) -> list[Mapping[Any, Any]]:
    """Those of a table's rows that count."""
    return [*compress(rows, counted(pd.DataFrame(rows), named))]


def check(where: str, pick: Mapping[str, Any]) -> None:
    """Do nothing if all names that rows are picked by are some that tables can have.

    Raises:
        ConfigError: names what is in no catalogue, and what is.
    """
    known = {
        column: [name for found, _ in of for name in found] for column, of in _CATALOGUES.items()
    }
    known |= {"environment": [*rl.ENVIRONMENTS], "label": [*known["estimator"]]}
    for column, names in known.items():
        asked = pick.get(column, [])
        for name in asked if isinstance(asked, list) else [asked]:
            # A label tells settings of one method apart after its name.
            if str(name).split(", ")[0] not in names and not isinstance(name, int):
                raise ConfigError(f"{where}.{column}: unknown {name!r}; known: {', '.join(names)}")


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
