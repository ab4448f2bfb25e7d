"""Agents that learn from episodes (A, IV, V and Figure 3)."""

from collections.abc import Mapping
from typing import Any

from reinrelax.core.experiment import Experiment, Table

_AGENT = ("environment", "cap", "algorithm")
_OF_AGENT = {"environment": str, "cap": int, "algorithm": str, "seed": int, "episode": int}

# Seconds of a step of all replicas, and of a replica's step; an episode may take as many as its cap.
_STEP = 5e-5
_REPLICA_STEP = {"CartPole-v1": 4e-6, "Taxi-v4": 1.8e-5, "Acrobot-v1": 2.8e-5}


def _seconds(settings: Mapping[str, Any]) -> float:
    seeds = settings["seeds"] if isinstance(settings["seeds"], int) else len(settings["seeds"])
    episodes = settings["episodes"] + len(settings["checkpoints"]) * settings["rollouts"]
    return float(episodes * settings["cap"] * (_STEP + seeds * _REPLICA_STEP[settings["environment"]]))


EXPERIMENTS = (
    Experiment(
        "rl",
        "Learning from episodes",
        "Just Relax It!",
        seconds=_seconds,
        writes={
            "episodes": {
                **_OF_AGENT,
                **{"return": float, "length": int, "terminated": int, "truncated": int, "diverged": int},
            },
            "policy_gradients": {**_OF_AGENT, "rollouts": int, "quantity": str, "value": float},
        },
        tables=(
            Table("rl_scores", (*_AGENT, "seed"), numbers=("cap", "episodes")),
            Table(
                "rl_summary",
                (*_AGENT, "score"),
                numbers=("cap", "iqm", "iqm_low", "iqm_high", "episodes", "paper"),
                caption="**Returns of the agents**: mean over seeds of the first and last episodes' return, "
                "that of all episodes, the slope of a line through them, and the running mean that "
                "Figure 3 plots, at its end; higher is better.",
                view="policy_gradient.page:returns",
            ),
            Table("rl_improvement", (*_AGENT, "baseline", "score"), numbers=("cap", "probability")),
            Table("rl_curves", (*_AGENT, "curve", "episode"), numbers=("cap", "episode", "iqm")),
            Table(
                "rl_figure3",
                (*_AGENT, "seed", "episode"),
                numbers=("cap", "episode", "running", "return", "share", "start", "without_start"),
            ),
            Table("rl_gradients", (*_AGENT, "episode", "quantity"), numbers=("cap", "episode")),
        ),
        figures={
            "agents": "**Figure 3**: ends of the running means over seeds, beside those of the printed "
            "curves.",
            "a-figure3": "**Figure 3**: running mean of one run’s returns, which starts at the first of "
            "them. Acrobot is ours.",
            "rl-start": "**Figure 3 without the first return**: the same runs’ running means of all later "
            "returns.",
            "rl-seeds": "**Returns over seeds**: mean over seeds of the raw returns, with 95% bootstrap "
            "band.",
            "rl-running": "**Running means over seeds**: what Figure 3 plots, mean over seeds with 95% "
            "bootstrap band.",
            "rl-gradients": "**Variance of the policy gradient** over that of REINFORCE’s estimate from "
            "the same episodes, along training.",
            "rl-variants": "**RELAX and its variants**: running means, mean over seeds with 95% bootstrap "
            "band.",
        },
        drawn_by="policy_gradient.figures",
        views={
            "a-figure3": "policy_gradient.page:printed",
            "a-rl": "policy_gradient.page:believed",
            "a-rl-gradients": "policy_gradient.page:variants",
        },
    ),
)
