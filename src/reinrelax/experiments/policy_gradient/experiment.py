"""Agents that learn from episodes (A, IV, V and Figure 3)."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK, Rate, Seeds, Several, Share, given, known
from reinrelax.core.experiment import Experiment, Table
from reinrelax.rl import ENVIRONMENTS, lookup

_AGENT = ("environment", "cap", "algorithm")
_OF_AGENT = {"environment": str, "cap": int, "algorithm": str, "seed": int, "episode": int}

# Seconds per step of all replicas together, and per step of one replica. Estimates assume that an
# episode takes the maximum number of steps.
_STEP = 5e-5
_REPLICA_STEP = {"CartPole-v1": 4e-6, "Taxi-v4": 1.8e-5, "Acrobot-v1": 2.8e-5}


def _seconds(settings: Mapping[str, Any]) -> float:
    seeds = settings["seeds"] if isinstance(settings["seeds"], int) else len(settings["seeds"])
    episodes = settings["episodes"] + len(settings["checkpoints"]) * settings["rollouts"]
    return float(
        episodes * settings["cap"] * (_STEP + seeds * _REPLICA_STEP[settings["environment"]])
    )


def _pairs(caps: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, cap) for name, each in caps.items() for cap in each)


_Update = Annotated[int, Field(ge=0)]
_Caps = Several[Annotated[int, Field(ge=1, le=100_000)]]
_Environments = Mapping[Annotated[str, known(ENVIRONMENTS.lookup)], _Caps]


@dataclass(frozen=True, config=BLOCK)
class Reinforcement:
    """Agents that learn from episodes (A, IV, V and Figure 3)."""

    environments: Annotated[
        tuple[tuple[str, int], ...], given(Annotated[_Environments, Field(min_length=1)], _pairs)
    ] = Field(description="limits on the steps of an episode, one or several per environment")
    algorithms: Several[Annotated[str, known(lookup)]] = Field(
        description="names in the catalogue of algorithms"
    )
    seeds: Seeds = Field(
        description="number of seeds (0, 1, …), or a list; one agent per seed and algorithm"
    )
    episodes: int = Field(
        ge=1, le=1_000_000, description="episodes, each of which is followed by an update"
    )
    hidden: int = Field(
        ge=1, le=10_000, description="units of the one hidden layer of actor and critic"
    )
    learning_rate: Rate = Field(description="learning rate of Adam, for actor and critic")
    gamma: Share = Field(description="discount γ of the returns")
    checkpoints: Several[_Update] = Field(
        description="updates after which the variance of the gradient is measured"
    )
    rollouts: int = Field(ge=2, le=100_000, description="episodes per seed for this measurement")

    def __post_init__(self) -> None:
        """Check that the training reaches every checkpoint."""
        if (last := max(self.checkpoints)) > self.episodes:
            raise ValueError(
                f".checkpoints: must be at most episodes = {self.episodes}; got {last}"
            )


EXPERIMENTS = (
    Experiment(
        "rl",
        "Learning from episodes",
        "Just Relax It!",
        spec=Reinforcement,
        seconds=_seconds,
        writes={
            "episodes": {
                **_OF_AGENT,
                **{
                    "return": float,
                    "length": int,
                    "terminated": int,
                    "truncated": int,
                    "diverged": int,
                },
            },
            "policy_gradients": {**_OF_AGENT, "rollouts": int, "quantity": str, "value": float},
        },
        tables=(
            Table("rl_scores", (*_AGENT, "seed"), numbers=("cap", "episodes")),
            Table(
                "rl_summary",
                (*_AGENT, "score"),
                numbers=("cap", "iqm", "iqm_low", "iqm_high", "episodes", "paper"),
                caption=(
                    "**Returns of the agents**: mean over seeds of the first and last episodes'"
                    " return, that of all episodes, the slope of a line through them, and the"
                    " running mean that Figure 3 plots, at its end; higher is better."
                ),
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
            "agents": (
                "**Figure 3**: ends of the running means over seeds, next to those of the"
                " printed curves."
            ),
            "a-figure3": (
                "**Figure 3**: running mean of one run’s returns, which starts at the first of "
                "them. Acrobot is ours."
            ),
            "rl-start": (
                "**Figure 3 without the first return**: the same runs’ running means of all later "
                "returns."
            ),
            "rl-seeds": (
                "**Returns over seeds**: mean over seeds of the raw returns, with 95% bootstrap "
                "band."
            ),
            "rl-running": (
                "**Running means over seeds**: as plotted in Figure 3, mean over seeds with 95%"
                " bootstrap band."
            ),
            "rl-gradients": (
                "**Variance of the policy gradient** over that of REINFORCE’s estimate from "
                "the same episodes, along training."
            ),
            "rl-variants": (
                "**RELAX and its variants**: running means, mean over seeds with 95% bootstrap "
                "band."
            ),
        },
        drawn_by="policy_gradient.figures",
        views={
            "a-figure3": "policy_gradient.page:printed",
            "a-rl": "policy_gradient.page:believed",
            "a-rl-gradients": "policy_gradient.page:variants",
        },
    ),
)
