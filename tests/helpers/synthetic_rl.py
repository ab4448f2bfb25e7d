"""Tables of agents that learn, written by hand: returns that grow, and some noise that is always
the same.
"""

import math
from collections.abc import Mapping
from typing import Any

# By environment: the return of a first and of a hundredth episode, and the reward of a step.
RETURNS = {
    "CartPole-v1": (22.0, 40.0, 1.0),
    "Taxi-v4": (-116.0, -95.0, -1.0),
    "Acrobot-v1": (-590.0, -400.0, -1.0),
}
# How much faster than REINFORCE each learns, and its variance beside REINFORCE's.
_RATES = {"REINFORCE": (1.0, 1.0), "A2C": (1.1, 0.8), "RELAX": (1.05, 0.9)}


def learning(settings: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The tables of a study with these settings."""
    first, hundredth, reward = RETURNS[settings["environment"]]
    rate, share = _RATES.get(settings["algorithm"], (1.0, 1.0))
    common = {key: settings[key] for key in ("environment", "cap", "algorithm")}
    episodes, gradients = [], []
    for seed in (
        range(settings["seeds"]) if isinstance(settings["seeds"], int) else settings["seeds"]
    ):
        for episode in range(1, settings["episodes"] + 1):
            noise = math.sin(12.9898 * seed + 78.233 * episode) * abs(hundredth - first) / 4
            gain = first + (hundredth - first) * (episode - 1) / 99 * rate + noise
            length = min(settings["cap"], max(1, round(abs(gain))))
            cut = int(length == settings["cap"])
            beside = {**common, "seed": seed, "episode": episode, "length": length}
            ends = {"terminated": 1 - cut, "truncated": cut, "diverged": 0}
            episodes.append({**beside, "return": length * reward if reward > 0 else gain, **ends})
        for done in settings["checkpoints"]:
            reinforce = 60.0 + done + seed
            for quantity, value in (
                ("variance", share * reinforce),
                ("variance_reinforce", reinforce),
                ("norm", 3.0 + seed / 10),
            ):
                beside = {"seed": seed, "episode": done, "rollouts": settings["rollouts"]}
                gradients.append({**common, **beside, "quantity": quantity, "value": value})
    return {"episodes": episodes, "policy_gradients": gradients}
