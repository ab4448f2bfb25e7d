"""Agents that learn from episodes (A, IV, V and Figure 3)."""

from reinrelax.core.experiment import Experiment, Table

_AGENT = ("environment", "cap", "algorithm")
_OF_AGENT = {"environment": str, "cap": int, "algorithm": str, "seed": int, "episode": int}

EXPERIMENTS = (
    Experiment(
        "rl",
        "Learning from episodes",
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
    ),
)
