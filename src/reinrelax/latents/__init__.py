"""The catalogue of latent variables for the VAE of paper A: one line each.

Names are resolved on first use, so that a configuration is checked without loading torch.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reinrelax.errors import ConfigError

if TYPE_CHECKING:
    from reinrelax.latents.base import Latent


@dataclass(frozen=True)
class Entry:
    """Where a kind of latent variables lives, and the section of paper A that describes its relaxation.

    Attributes:
        function: from shape, seeds, device and hyper-parameters to a `Latent`.
        hyperparameters: what it takes (a test holds this to its signature).
        binary: whether it is made for two categories, or for more of them.
        variant_of: for another reading or setting, the entry that it is one of.
    """

    module: str
    function: str
    section: str
    hyperparameters: tuple[str, ...] = ()
    binary: bool = True
    variant_of: str | None = None

    @property
    def source(self) -> str:
        """What computes it, as `sources` names it."""
        return f"reinrelax.latents.{self.module}:{self.function}"


CATALOGUE = {
    "Poisson": Entry("counts", "poisson", "III.A", ("tau",), False),
    "Geometric": Entry("counts", "geometric", "III.A", ("tau",), False),
    "Binomial": Entry("counts", "binomial", "III.A", ("tau",), False),
    "Negative-Binomial": Entry("counts", "negative_binomial", "III.A", ("tau",), False),
    "Relaxed-Bernoulli": Entry("bernoulli", "relaxed_bernoulli", "III.B", ("tau",)),
    "Relaxed-Bernoulli-density": Entry(
        "bernoulli", "relaxed_bernoulli_density", "III.B", ("tau",), variant_of="Relaxed-Bernoulli"
    ),
    "Hard-Concrete": Entry("bernoulli", "hard_concrete", "III.C", ("tau",)),
    "ST-Bernoulli": Entry("bernoulli", "straight_through", "III.D"),
    "ST-Bernoulli-copy": Entry("bernoulli", "straight_through_copy", "III.D", variant_of="ST-Bernoulli"),
    "STS": Entry("bernoulli", "stochastic_times_smooth", "III.E"),
    "STS-straight-through": Entry("bernoulli", "stochastic_times_smooth_through", "III.E", variant_of="STS"),
    "Correlated-Bernoulli": Entry("correlated", "correlated", "III.F", ("tau",)),
    "Correlated-Bernoulli-independent": Entry(
        "correlated", "independent", "III.F", ("tau",), variant_of="Correlated-Bernoulli"
    ),
    "Correlated-Bernoulli-free": Entry(
        "correlated", "free", "III.F", ("tau",), variant_of="Correlated-Bernoulli"
    ),
    "Invertible-Gaussian": Entry("gaussian", "invertible_gaussian", "III.G", ("tau",), False),
    "Top-k": Entry("subsets", "top_k", "III.H", ("tau", "k"), False),
    "Logistic-Normal": Entry("gaussian", "logistic_normal", "III.I", (), False),
    "RELAX": Entry("score", "relax", "III.J"),
    "RELAX-categorical": Entry("score", "relax", "III.J", (), False, "RELAX"),
    "Decoupled-STGS": Entry("categorical", "decoupled", "III.K", ("tau_forward", "tau_backward"), False),
    "REBAR": Entry("score", "rebar", "III.L", ("tau",)),
    "REBAR-categorical": Entry("score", "rebar", "III.L", ("tau",), False, "REBAR"),
    "REINFORCE": Entry("score", "reinforce", "III.L"),
    "REINFORCE-categorical": Entry("score", "reinforce", "III.L", (), False, "REINFORCE"),
}


def lookup(name: str) -> Entry:
    """The catalogue entry of this name.

    Raises:
        ConfigError: no such latent variables; the message lists the known ones.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"unknown latent variables {name!r}; known: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def make(name: str, *arguments: Any, **hyper: Any) -> "Latent":
    """The latent variables of this name, for `Latent`'s arguments and these hyper-parameters.

    Raises:
        ConfigError: no such latent variables.
    """
    entry = lookup(name)
    module = import_module(f"reinrelax.latents.{entry.module}")
    latent: Latent = getattr(module, entry.function)(*arguments, **hyper)
    return latent
