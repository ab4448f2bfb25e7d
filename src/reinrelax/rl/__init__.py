"""The catalogues of reinforcement learning: algorithms and environments, one line each.

Names are resolved on first use, so that a configuration is checked without loading torch or gymnasium.
"""

from dataclasses import dataclass
from typing import Literal

from reinrelax.errors import ConfigError


@dataclass(frozen=True)
class Algorithm:
    """How an agent estimates the gradient of its actor, and what its critic is for.

    Attributes:
        function: of `rl.policy_gradients`, the estimate at the logits of each step.
        critic: `value`, V(s); `control`, the control variate c(s, z) of the relaxed action; or none.
        objective: what the critic minimises: `error`, its squared distance from the returns; `variance`, the
            squared gradient of the actor; or nothing: it keeps its initial values.
        variant_of: for another reading, the algorithm that it is one of.
    """

    function: str
    critic: Literal["value", "control"] | None = None
    objective: Literal["error", "variance"] | None = None
    variant_of: str | None = None


class Paper(Algorithm):
    """One of the papers': these alone decide what is said of every algorithm."""


ALGORITHMS = {
    "REINFORCE": Paper("reinforce"),
    "A2C": Paper("a2c", "value", "error"),
    "RELAX": Paper("relax", "control", "variance"),
    "RELAX-unnormalised": Paper("relax_unnormalised", "control", "variance", "RELAX"),
    "RELAX-untrained": Paper("relax", "control", None, "RELAX"),
    "LAX": Paper("lax", "control", "variance", "RELAX"),
}

# Gymnasium's identifiers, and after how many steps it cuts an episode of itself. The paper's Taxi-v3 is gone
# from gymnasium; Taxi-v4 differs from it only in options that are off by default.
ENVIRONMENTS = {"CartPole-v1": 500, "Taxi-v4": 200, "Acrobot-v1": 500}
PAPERS = ("CartPole-v1", "Taxi-v4", "Acrobot-v1")  # what is said of every environment is said of these


def lookup(name: str) -> Algorithm:
    """The algorithm of this name.

    Raises:
        ConfigError: no such algorithm; the message lists the known ones.
    """
    if name not in ALGORITHMS:
        raise ConfigError(f"unknown algorithm {name!r}; known: {', '.join(ALGORITHMS)}")
    return ALGORITHMS[name]


def check_environment(name: str) -> None:
    """Do nothing if there is an environment of this name.

    Raises:
        ConfigError: there is none; the message lists the known ones.
    """
    if name not in ENVIRONMENTS:
        raise ConfigError(f"unknown environment {name!r}; known: {', '.join(ENVIRONMENTS)}")
