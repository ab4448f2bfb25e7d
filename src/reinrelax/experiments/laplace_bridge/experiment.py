"""Dirichlet laws and their Gaussians by the Laplace bridge (A, III.I and Figures 4 to 6)."""

from reinrelax.core.experiment import THEOREM, Experiment, Figure, Table

EXPERIMENTS = (
    Experiment(
        "bridge",
        "Laplace bridge",
        "Just Relax It!",
        rests_on=THEOREM,
        writes={
            "densities": {"alpha": str, "law": str, "x": float, "y": float, "density": float},
            "bridge": {
                **{"family": str, "alpha": str, "size": int, "total": float, "law": str},
                **{"quantity": str, "value": float},
            },
        },
        tables=(
            Table("densities", ("alpha", "law", "x", "y")),
            Table("bridge", ("family", "alpha", "size", "total", "law", "quantity")),
        ),
        figures=(
            Figure(
                "densities",
                "**Figures 4 to 6**: the Dirichlet, its Gaussian in three readings of Σ, and back; "
                "regions that hold 25, 50, 75, 90 and 99% of the mass. The cross marks the mean of the "
                "Dirichlet.",
            ),
            Figure(
                "bridge",
                "**Laplace bridge**: what is lost over the total Σα, with Σ read in three ways.",
            ),
        ),
        drawn_by="laplace_bridge.figures",
        views={"a-bridge": "laplace_bridge.page:bridge"},
    ),
)
