"""Trainings of discrete VAEs (B, Tables 2, 3 and 5, Figures 2 to 4)."""

from reinrelax.core.experiment import ONE_TRAINING, Experiment, Table

_PLACE = ("estimator", "latent")
_METHOD = ("estimator", "method", "latent")
_PRINTED = (
    *("paper_mean", "paper_plus_minus", "paper_seeds", "paper_spread"),
    *("to_base", "to_base_low", "to_base_high"),
)
_RATIO = ("spread_ratio", "spread_ratio_low", "spread_ratio_high")
_COMPARED = ("mean", "authors_mean", "difference", "difference_low", "difference_high", *_RATIO)

EXPERIMENTS = (
    Experiment(
        "elbo",
        "Tables 2 and 3",
        tables=(
            Table("table2", _METHOD, numbers=_PRINTED),
            Table("table3", _METHOD, numbers=_PRINTED),
            Table("curves", ("metric", "latent", "estimator", "epoch")),
        ),
    ),
    Experiment("elbo-run", "Tables 2 and 3 as run"),
    Experiment(
        "early",
        "First epochs",
        tables=(
            Table("early", ("metric", *_METHOD, "epoch"), numbers=("sd", "authors_sd", *_RATIO)),
            Table(
                "early_last",
                _METHOD,
                numbers=tuple(f"{part}_{name}" for part in ("train", "test") for name in _COMPARED),
            ),
            Table("early_curves", ("metric", "estimator", "latent", "series", "epoch")),
        ),
    ),
    Experiment("early-run", "First epochs as run"),
    Experiment(
        "beta",
        "Figure 2",
        tables=(
            Table("figure2", (*_PLACE, "beta")),
            Table("figure2_minimum", _PLACE, numbers=("nelbo",)),
        ),
    ),
    Experiment("beta-run", "Figure 2 as run", tables=(Table("figure2_run", (*_PLACE, "beta")),)),
    Experiment(
        "grid",
        "Table 5",
        rests_on=ONE_TRAINING,
        tables=(
            Table(
                "table5",
                _PLACE,
                numbers=(*("best_nelbo", "paper_nelbo", "gap", "rank", "points", "finished", "within_half"),),
            ),
            Table(
                "grid",
                (*_PLACE, "optimizer", "learning_rate", "tau", "eta"),
                numbers=("train_nelbo", "test_nelbo", "above_best"),
            ),
            Table(
                "selection",
                ("latent",),
                numbers=(
                    *("searched", "left_out", "plus_minus", "second_mean"),
                    *("rivals", "optimism", "chosen_again"),
                ),
            ),
        ),
    ),
    Experiment(
        "readings",
        "Readings",
        tables=(
            Table(
                "readings",
                ("label", "latent"),
                numbers=("paper_train", "paper_test", "delta_train", "delta_test"),
            ),
            Table("readings_curves", ("label", "latent", "epoch")),
        ),
    ),
)
