"""Dirichlet laws and their Gaussians by the Laplace bridge (A, III.I and Figures 4 to 6)."""

from reinrelax.core.experiment import THEOREM, Experiment, Table

EXPERIMENTS = (
    Experiment(
        "bridge",
        "Laplace bridge",
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
    ),
)
