"""VAEs with every kind of latent variables (A, III and Figures 1, 2)."""

from reinrelax.core.experiment import Experiment, Table

_INTERVALS = ("relaxed", "test_reconstruction", "test_kl", "gap", "below_baseline")

EXPERIMENTS = (
    Experiment(
        "relaxations",
        "VAEs with each relaxation",
        tables=(
            Table("baseline", ("quantity",)),
            Table(
                "relaxations",
                ("label", "latent"),
                numbers=(
                    *("tau_forward", "tau_backward", "k"),
                    *(f"{name}{end}" for name in _INTERVALS for end in ("", "_low", "_high")),
                ),
            ),
            Table("relaxations_curves", ("label", "latent", "metric", "epoch")),
            Table(
                "relaxations_learned",
                ("label", "latent", "seed", "quantity", "i", "j"),
                numbers=("i", "j"),
            ),
        ),
    ),
)
