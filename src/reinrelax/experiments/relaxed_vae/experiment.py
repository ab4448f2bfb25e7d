"""VAEs with every kind of latent variables (A, III and Figures 1, 2)."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Rate
from reinrelax.core.experiment import Experiment, Table
from reinrelax.experiments.discrete_vae.experiment import Trained
from reinrelax.latents.asked import Latents

_INTERVALS = ("relaxed", "test_reconstruction", "test_kl", "gap", "below_baseline")


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Relaxations(Trained):
    """VAEs with every kind of latent variables; each value of a list is run in turn."""

    latents: Annotated[Latents, Field(min_length=1)]
    learning_rate: Rate = Field(description="learning rate of Adam")


EXPERIMENTS = (
    Experiment(
        "relaxations",
        "VAEs with each relaxation",
        "Just Relax It!",
        spec=Relaxations,
        tables=(
            Table("baseline", ("quantity",)),
            Table(
                "relaxations",
                ("label", "latent"),
                numbers=(
                    *("tau_forward", "tau_backward", "k"),
                    *(f"{name}{end}" for name in _INTERVALS for end in ("", "_low", "_high")),
                ),
                caption=(
                    "**VAEs with every relaxation**: each method's own loss and the bound of the"
                    " discrete model, nats per image (lower is better), means over seeds with"
                    " 95% intervals. Only the latter is comparable across methods."
                ),
                view="relaxed_vae.page:vae",
            ),
            Table("relaxations_curves", ("label", "latent", "metric", "epoch")),
            Table(
                "relaxations_learned",
                ("label", "latent", "seed", "quantity", "i", "j"),
                numbers=("i", "j"),
            ),
        ),
        figures={
            "vaes": (
                "**VAEs**: bound of the discrete model after the last epoch, for each kind of"
                " latent variables."
            ),
            "relaxations": (
                "**VAEs with every relaxation**: bound of the discrete model on the test images"
                " (nats per image) over epochs, one panel per section of the paper."
            ),
            "correlations": (
                "**Learned correlations**: the matrix R of the normal scores of correlated "
                "Bernoullis, each pair once."
            ),
            "shares": (
                "**Learned probabilities**: share of all P(b = 1 | x) of binary latent variables in"
                " each twentieth."
            ),
            "decoupled": (
                "**Decoupled temperatures in a VAE**: bound of the discrete model in nats above "
                "the lowest. A star marks our lowest."
            ),
        },
        drawn_by="relaxed_vae.figures",
        views={
            "a-vae": "relaxed_vae.page:vae",
            "a-figure1": "relaxed_vae.page:figure1",
            "a-figure2": "relaxed_vae.page:figure2",
            "a-learned": "relaxed_vae.page:learned",
            "a-figure8": "relaxed_vae.page:decoupled",
        },
    ),
)
