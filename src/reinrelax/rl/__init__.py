"""The catalogues of reinforcement learning: algorithms and environments, one entry each.

Modules are imported on first use, so that a configuration can be checked without loading torch or
gymnasium.
"""

from dataclasses import dataclass
from typing import Literal

from reinrelax.core.catalogue import Catalogue


@dataclass(frozen=True)
class Algorithm:
    """An algorithm: the estimator of the actor's gradient, and the role of the critic.

    Attributes:
        function: the estimator at the logits of each step, a function in `rl.policy_gradients`.
        critic: `value` for V(s), `control` for the control variate c(s, z) of the relaxed action z,
            or None.
        objective: the critic's objective to minimise: `error`, the squared difference from the
            returns, or `variance`, the squared gradient of the actor. With None it keeps its
            initial values.
        variant_of: the algorithm that this is another reading of, if any.
    """

    function: str
    critic: Literal["value", "control"] | None = None
    objective: Literal["error", "variance"] | None = None
    variant_of: str | None = None


class Paper(Algorithm):
    """An algorithm from the papers; claims about every algorithm use only these."""


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


# Gymnasium's identifiers, with its default limit of steps per episode. The paper's Taxi-v3 was
# removed from gymnasium; Taxi-v4 differs from it only in options that are off by default.
_STEPS = {"CartPole-v1": 500, "Taxi-v4": 200, "Acrobot-v1": 500}
ENVIRONMENTS = Catalogue("environment", __name__, _STEPS)
PAPERS = ("CartPole-v1", "Taxi-v4", "Acrobot-v1")  # claims about every environment use these
