"""Gymnasium's vector environments: one copy a replica, every episode started from a seed of its own."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from reinrelax.errors import InputError

Array = NDArray[Any]


class Resting(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment that does nothing from an episode's end until it is reset with a seed.

    A vector environment goes on until the last of its copies has ended and resets those that ended earlier;
    without this they would play on, which costs time and is of no use.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._last: Any = None
        self._ended = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            self._last, _ = self.env.reset(seed=seed, options=options)
            self._ended = False
        return self._last, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self._ended:
            return self._last, 0.0, True, False, {}
        self._last, reward, terminated, truncated, _ = self.env.step(action)
        self._ended = terminated or truncated
        return self._last, float(reward), terminated, truncated, {}


class Environments:
    """R copies of an environment with finitely many actions; a context manager that closes them.

    Args:
        name: gymnasium's.
        replicas: R.
        cap: steps after which an episode is truncated.

    Attributes:
        actions: A.
        inputs: D, numbers of an observation, or values that a discrete one can take.
        one_hot: whether an observation is discrete. It is then given as its index, which stands for the
            one-hot vector of that entry.

    Raises:
        InputError: observations or actions of another kind.
    """

    def __init__(self, name: str, replicas: int, cap: int) -> None:
        self.cap, self.replicas = cap, replicas
        self._vector = gymnasium.make_vec(
            name,
            num_envs=replicas,
            vectorization_mode="sync",
            # An ended copy is "reset" at the next step, which `Resting` turns into nothing.
            vector_kwargs={"copy": False, "autoreset_mode": AutoresetMode.NEXT_STEP},
            wrappers=(Resting,),
            max_episode_steps=cap,
            disable_env_checker=True,
        )
        observed, acted = self._vector.single_observation_space, self._vector.single_action_space
        self.one_hot = isinstance(observed, Discrete)
        flat = isinstance(observed, Box) and len(observed.shape) == 1
        if not (isinstance(acted, Discrete) and acted.start == 0 and (flat or self.one_hot)):
            self.close()
            raise InputError(
                f"{name}: expected discrete actions from 0 and observations that are discrete or a vector; "
                f"got {acted} and {observed}"
            )
        self.actions = int(acted.n)
        self.inputs = (
            int(observed.n) if isinstance(observed, Discrete) else int(np.prod(observed.shape or ()))
        )

    def reset(self, seeds: Sequence[int]) -> Array:
        """First observations `[R, D]`, or `[R]` indices, of an episode for each seed."""
        # The base class knows of a single seed alone; the copies' own class takes one each.
        observations, _ = self._vector.reset(seed=list(seeds))  # type: ignore[arg-type]
        return np.asarray(observations)

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array]:
        """Observations, rewards, terminated, truncated, each `[R, ...]`, after actions `[R]` int64.

        Of a copy whose episode has ended they mean nothing. The next step overwrites the observations.
        """
        observations, rewards, terminated, truncated, _ = self._vector.step(actions)
        return np.asarray(observations), rewards, terminated, truncated

    def close(self) -> None:
        """Close all copies."""
        self._vector.close()

    def __enter__(self) -> "Environments":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
