"""Gradient estimators, and their catalogue with one line each.

A pathwise estimator maps logits `[..., C]` to a one-hot sample of the same shape and dtype, whose
backward pass gives the gradient estimate. A score-function estimator maps logits and a loss to an
`Estimate`. Both raise an `InputError` that names the invalid argument; `Pathwise` and
`ScoreFunction` in `estimators.base` document the arguments.

Names are resolved on first use, so that a configuration can be checked without loading torch.

>>> from reinrelax.estimators import reinmax
>>> one_hot = reinmax(torch.zeros(5, 3), tau=1.3)
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reinrelax.core.catalogue import Catalogue

if TYPE_CHECKING:
    from reinrelax.estimators.base import Estimator


@dataclass(frozen=True)
class Entry:
    """An entry of the catalogue: the function of an estimator and its hyper-parameters.

    Attributes:
        module: the name of its module in this package.
        function: the name of the function in that module.
        hyperparameters: the names of the hyper-parameters in order; a test compares them with the
            function's signature.
        variant_of: for a variant of a formula, the estimator whose published settings it uses.
    """

    module: str
    function: str
    hyperparameters: tuple[str, ...]
    variant_of: str | None = None

    @property
    def source(self) -> str:
        """The function that computes the estimate, as named in `core.sources`."""
        return f"reinrelax.estimators.{self.module}:{self.function}"


class Paper(Entry):
    """An estimator of the papers; claims about "every estimator" count only these."""


ENTRIES: dict[str, Entry] = {
    "ST": Paper("straight_through_family", "straight_through", ("tau",)),
    "ST-unscaled": Paper("straight_through_family", "straight_through_unscaled", ("tau",), "ST"),
    "GST-1.0": Paper("straight_through_family", "gapped_straight_through", ("tau",)),
    "STGS": Paper("gumbel", "straight_through_gumbel_softmax", ("tau",)),
    "Gumbel-Rao": Paper("gumbel", "gumbel_rao", ("tau", "draws")),
    "Gumbel-Rao-differentiated": Paper(
        "gumbel", "gumbel_rao_differentiated", ("tau", "draws"), "Gumbel-Rao"
    ),
    "ReinMax": Paper("reinmax_family", "reinmax", ("tau",)),
    "ReinMax-scaled": Paper("reinmax_family", "reinmax_scaled", ("tau",), "ReinMax"),
    "ReinMax-Eq16": Paper("reinmax_family", "reinmax_equation16", ("tau",), "ReinMax"),
    "ReinMax-Argmax": Paper("reinmax_family", "reinmax_argmax", ("tau",), "ReinMax"),
    "ReinMax-RK2": Paper("reinmax_family", "reinmax_rk2", ("beta",), "ReinMax"),
    "ReinMax-RK2-run": Paper("reinmax_family", "reinmax_rk2_run", ("beta",), "ReinMax"),
    "ReinMax-RK2-corrected": Paper("reinmax_family", "reinmax_rk2_corrected", ("beta",), "ReinMax"),
    "ReinMax-Rao": Paper("reinmax_rao_family", "reinmax_rao", ("tau", "draws")),
    "ReinMax-Rao-run": Paper(
        "reinmax_rao_family", "reinmax_rao_run", ("tau", "draws"), "ReinMax-Rao"
    ),
    "ReinMax-Rao-Eq17": Paper(
        "reinmax_rao_family", "reinmax_rao_equation17", ("tau", "draws"), "ReinMax-Rao"
    ),
    "ReinMax-Rao-tempered": Paper(
        "reinmax_rao_family", "reinmax_rao_tempered", ("tau", "tau_d", "draws"), "ReinMax-Rao"
    ),
    "ReinMax-CV": Paper("reinmax_cv_family", "reinmax_cv", ("tau", "eta", "draws")),
    **{
        f"ReinMax-CV-{name}": Paper(
            "reinmax_cv_family", f"reinmax_cv_{name}", ("tau", "eta", "draws"), "ReinMax-CV"
        )
        for name in ("run", "exchanged", "factor2", "matched", "differentiated")
    },
    **{
        f"ReinMax-CV-{name}": Paper(
            "reinmax_cv_family",
            f"reinmax_cv_{name.replace('-', '_')}",
            ("tau", "tau_d", "eta", "draws"),
            "ReinMax-CV",
        )
        for name in ("tempered", "exchanged-tempered", "matched-tempered")
    },
    "REINFORCE": Paper("score", "reinforce", ()),
    "REINFORCE-LOO": Paper("score", "reinforce_leave_one_out", ("samples",)),
    "REBAR": Paper("rebar", "rebar_estimate", ("tau", "eta")),
    "RELAX": Paper("relax", "relax_estimate", ("tau",)),
    "ARSM": Entry("swaps", "arsm", ()),
    "DisARM": Entry("antithetic", "disarm", ()),
}
#: The entries by the estimators' names in the papers' tables.
CATALOGUE = Catalogue("estimator", __name__, ENTRIES)

lookup = CATALOGUE.lookup
_FUNCTIONS = {entry.function: name for name, entry in CATALOGUE.items()}
# Public names that are not in the catalogue, each with its module.
_OTHERS = {
    "rloo": "several",
    "vimco": "several",
    "nvil": "baselines",
    "MovingAverage": "baselines",
    "relax_with": "relax",
}
__all__ = ["CATALOGUE", "Entry", "Paper", "exact", "get", "lookup", *_FUNCTIONS, *_OTHERS]


def get(name: str) -> "Estimator":
    """Load an estimator by its name in the papers' tables.

    Raises:
        ConfigError: there is no estimator of this name.
    """
    estimator: Estimator = CATALOGUE.load(name)
    return estimator


def __getattr__(attribute: str) -> Any:
    if attribute in _FUNCTIONS:
        return get(_FUNCTIONS[attribute])
    if attribute in _OTHERS:
        return getattr(import_module(f"reinrelax.estimators.{_OTHERS[attribute]}"), attribute)
    if attribute == "exact":
        return import_module("reinrelax.estimators.exact")
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
