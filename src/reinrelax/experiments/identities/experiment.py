"""Theorem 1 and the equations it rests on, by enumeration (B, sections 2 to 5)."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Enumerable, Number, Positive, Several
from reinrelax.core.experiment import THEOREM, Experiment, Table


@dataclass(frozen=True, config=BLOCK)
class Identities:
    """Random problems on which the paper's identities are checked."""

    shapes: Several[Enumerable] = Field(description="latent shapes, categories x latent variables")
    functions: int = Field(ge=1, le=100_000, description="random smooth functions per shape")
    betas: Several[Number] = Field(description="weights β of the far end point")
    taus: Several[Positive] = Field(description="temperatures")


EXPERIMENTS = (
    Experiment(
        "identities",
        "Theorem 1 and the identities",
        "Beyond ReinMax",
        spec=Identities,
        seconds=lambda settings: 0.02 * settings["functions"],
        rests_on=THEOREM,
        writes={
            "identities": {
                **{"identity": str, "categories": int, "latents": int, "beta": float, "tau": float},
                **{"functions": int, "quantity": str, "value": float},
            }
        },
        tables=(
            Table("identities", ("identity", "categories", "latents", "beta", "tau", "quantity")),
        ),
        figures={
            "theorem1": (
                "**Theorem 1**: deviation between its two sides over β, as printed and corrected."
            ),
        },
        drawn_by="identities.figures",
        views={"identities": "identities.page:identities"},
    ),
)
