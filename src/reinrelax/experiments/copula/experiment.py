"""Correlated relaxed Bernoullis against their law (A, III.F and Appendix A)."""

from reinrelax.core.experiment import SIMULATION, Experiment, Figure, Table

EXPERIMENTS = (
    Experiment(
        "copula",
        "Correlated Bernoullis",
        "Just Relax It!",
        rests_on=SIMULATION,
        writes={
            "gates": {
                **{"row": int, "i": int, "j": int, "quantity": str},
                **{"value": float, "low": float, "high": float, "expected": float},
            },
            "gate_samples": {"row": int, "sample": int, "gate": int, "value": float},
        },
        tables=(
            Table("gates", ("row", "i", "j", "quantity")),
            Table("gate_samples", ("row", "sample", "gate")),
        ),
        figures=(
            Figure(
                "dependence",
                "**Correlations of gates**: of scores, ranks, relaxed and hard gates over the entries of R.",
            ),
        ),
        drawn_by="copula.figures",
        views={"a-gates": "copula.page:gates"},
    ),
)
