"""Theorem 1 and the equations it rests on, by enumeration (B, sections 2 to 5)."""

from reinrelax.core.experiment import THEOREM, Experiment, Table

EXPERIMENTS = (
    Experiment(
        "identities",
        "Theorem 1 and the identities",
        "Beyond ReinMax",
        seconds=lambda settings: 0.02 * settings["functions"],
        rests_on=THEOREM,
        writes={
            "identities": {
                **{"identity": str, "categories": int, "latents": int, "beta": float, "tau": float},
                **{"functions": int, "quantity": str, "value": float},
            }
        },
        tables=(Table("identities", ("identity", "categories", "latents", "beta", "tau", "quantity")),),
        figures={
            "theorem1": "**Theorem 1**: deviation between its two sides over β, as printed and corrected.",
        },
        drawn_by="identities.figures",
        views={"identities": "identities.page:identities"},
    ),
)
