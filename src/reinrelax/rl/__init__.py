"""The catalogues of reinforcement learning: algorithms and environments, one line each.

Names are resolved on first use, so that a configuration is checked without loading torch or gymnasium.
"""

from dataclasses import dataclass
from typing import Literal

from reinrelax.core.catalogue import Catalogue


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


_ALGORITHMS: dict[str, Algorithm] = {
    "REINFORCE": Paper("reinforce"),
    "A2C": Paper("a2c", "value", "error"),
    "RELAX": Paper("relax", "control", "variance"),
    "RELAX-unnormalised": Paper("relax_unnormalised", "control", "variance", "RELAX"),
    "RELAX-untrained": Paper("relax", "control", None, "RELAX"),
    "LAX": Paper("lax", "control", "variance", "RELAX"),
}
ALGORITHMS = Catalogue("algorithm", __name__, _ALGORITHMS)
lookup = ALGORITHMS.lookup


# Gymnasium's identifiers, and after how many steps it cuts an episode of itself. The paper's Taxi-v3 is gone
# from gymnasium; Taxi-v4 differs from it only in options that are off by default.
_STEPS = {"CartPole-v1": 500, "Taxi-v4": 200, "Acrobot-v1": 500}
ENVIRONMENTS = Catalogue("environment", __name__, _STEPS)
PAPERS = ("CartPole-v1", "Taxi-v4", "Acrobot-v1")  # what is said of every environment is said of these
