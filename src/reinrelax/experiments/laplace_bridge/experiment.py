"""Dirichlet laws and their Gaussians by the Laplace bridge (A, III.I and Figures 4 to 6)."""

from dataclasses import dataclass

from reinrelax.core.experiment import THEOREM, Experiment, Table


@dataclass(frozen=True)
class Bridge:
    """Dirichlet laws and their Gaussians by the Laplace bridge (A, III.I and Figures 4 to 6).

    Attributes:
        shown: concentrations of three categories whose densities are tabulated.
        sizes: numbers of categories K of the random concentrations.
        random: how many random ones of each size, every entry a whole number from 1 to 9 as in the figures.
        totals: Σ α over which the shapes of `shown`, and the uniform one, are scaled.
        steps: intervals along an edge of the simplex in the tables of densities.
        samples: of each Monte Carlo mean.
    """

    shown: tuple[tuple[float, ...], ...]
    sizes: tuple[int, ...]
    random: int
    totals: tuple[float, ...]
    steps: int
    samples: int


EXPERIMENTS = (
    Experiment(
        "bridge",
        "Laplace bridge",
        "Just Relax It!",
        spec=Bridge,
        measure="laplace_bridge.measure:measure",
        seconds=lambda settings: 0.5 + 2e-4 * settings["samples"],
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
        figures={
            "densities": "**Figures 4 to 6**: the Dirichlet, its Gaussian in three readings of Σ, and "
            "back; regions that hold 25, 50, 75, 90 and 99% of the mass. The cross marks the mean of the "
            "Dirichlet.",
            "bridge": "**Laplace bridge**: what is lost over the total Σα, with Σ read in three ways.",
        },
        drawn_by="laplace_bridge.figures",
        views={"a-bridge": "laplace_bridge.page:bridge"},
    ),
)
