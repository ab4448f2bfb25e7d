"""The catalogue of latent variables for the VAEs of paper A, one entry each.

Modules are imported on first use, so that a configuration can be checked without loading torch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reinrelax.core.catalogue import Catalogue

if TYPE_CHECKING:
    from reinrelax.latents.base import Latent


@dataclass(frozen=True)
class Entry:
    """A catalogue entry: the implementation of a kind of latent variables, and its properties.

    Attributes:
        module: the module in `reinrelax.latents`.
        function: a function of shape, seeds, device and hyper-parameters that returns a `Latent`.
        section: the section of paper A that describes the relaxation; empty if there is none.
        hyperparameters: its hyper-parameters; a test compares them with the signature.
        binary: whether it is for two categories; otherwise it is for more.
        variant_of: the entry that this is another reading or setting of, if any.
    """

    module: str
    function: str
    section: str = ""
    hyperparameters: tuple[str, ...] = ()
    binary: bool = True
    variant_of: str | None = None

    @property
    def source(self) -> str:
        """The function that computes it, as a root for `core.sources`."""
        return f"reinrelax.latents.{self.module}:{self.function}"


class Paper(Entry):
    """An entry from the papers; claims about every relaxation in a VAE use only these."""


ENTRIES: dict[str, Entry] = {
    "Poisson": Paper("counts", "poisson", "III.A", ("tau",), False),
    "Geometric": Paper("counts", "geometric", "III.A", ("tau",), False),
    "Binomial": Paper("counts", "binomial", "III.A", ("tau",), False),
    "Negative-Binomial": Paper("counts", "negative_binomial", "III.A", ("tau",), False),
    "Relaxed-Bernoulli": Paper("bernoulli", "relaxed_bernoulli", "III.B", ("tau",)),
    "Relaxed-Bernoulli-density": Paper(
        "bernoulli", "relaxed_bernoulli_density", "III.B", ("tau",), variant_of="Relaxed-Bernoulli"
    ),
    "Hard-Concrete": Paper("bernoulli", "hard_concrete", "III.C", ("tau",)),
    "ST-Bernoulli": Paper("bernoulli", "straight_through", "III.D"),
    "ST-Bernoulli-copy": Paper(
        "bernoulli", "straight_through_copy", "III.D", variant_of="ST-Bernoulli"
    ),
    "STS": Paper("bernoulli", "stochastic_times_smooth", "III.E"),
    "STS-straight-through": Paper(
        "bernoulli", "stochastic_times_smooth_through", "III.E", variant_of="STS"
    ),
    "Correlated-Bernoulli": Paper("correlated", "correlated", "III.F", ("tau",)),
    "Correlated-Bernoulli-independent": Paper(
        "correlated", "independent", "III.F", ("tau",), variant_of="Correlated-Bernoulli"
    ),
    "Correlated-Bernoulli-free": Paper(
        "correlated", "free", "III.F", ("tau",), variant_of="Correlated-Bernoulli"
    ),
    "Invertible-Gaussian": Paper("gaussian", "invertible_gaussian", "III.G", ("tau",), False),
    "Top-k": Paper("subsets", "top_k", "III.H", ("tau", "k"), False),
    "Logistic-Normal": Paper("gaussian", "logistic_normal", "III.I", (), False),
    "RELAX": Paper("score", "relax", "III.J"),
    "RELAX-categorical": Paper("score", "relax", "III.J", (), False, "RELAX"),
    "Decoupled-STGS": Paper(
        "categorical", "decoupled", "III.K", ("tau_forward", "tau_backward"), False
    ),
    "REBAR": Paper("score", "rebar", "III.L", ("tau",)),
    "REBAR-categorical": Paper("score", "rebar", "III.L", ("tau",), False, "REBAR"),
    "REINFORCE": Paper("score", "reinforce", "III.L"),
    "REINFORCE-categorical": Paper("score", "reinforce", "III.L", (), False, "REINFORCE"),
}
CATALOGUE = Catalogue("latent variables", __name__, ENTRIES)
lookup = CATALOGUE.lookup


def make(name: str, *arguments: Any, **hyper: Any) -> "Latent":
    """Create the latent variables with this name from `Latent`'s arguments and hyper-parameters.

    Raises:
        ConfigError: there is no such entry.
    """
    latent: Latent = CATALOGUE.load(name)(*arguments, **hyper)
    return latent
