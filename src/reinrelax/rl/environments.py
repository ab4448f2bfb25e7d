"""Gymnasium's vector environments: one copy per replica, and one seed per episode."""

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
    """A wrapper that makes an environment idle from an episode's end until a reset with a seed.

    A vector environment steps until the last of its copies has ended, and resets copies that end
    earlier. Without this wrapper those would start needless episodes.
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
    """R copies of an environment with discrete actions, as a context manager that closes them.

    Args:
        name: gymnasium's identifier.
        replicas: R.
        cap: the number of steps after which an episode is truncated.

    Attributes:
        actions: the number of actions, A.
        inputs: the length of an observation vector, or the number of discrete observations, D.
        one_hot: whether observations are discrete. They are then indices that stand for one-hot
            vectors.

    Raises:
        InputError: observations or actions are of another kind.
    """

    def __init__(self, name: str, replicas: int, cap: int) -> None:
        self.cap, self.replicas = cap, replicas
        self._vector = gymnasium.make_vec(
            name,
            num_envs=replicas,
            vectorization_mode="sync",
            # Copies that have ended are reset at the next step; `Resting` ignores that.
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
                f"{name}: expected discrete actions from 0 and observations that are discrete or a"
                f" vector; got {acted} and {observed}"
            )
        self.actions = int(acted.n)
        self.inputs = (
            int(observed.n)
            if isinstance(observed, Discrete)
            else int(np.prod(observed.shape or ()))
        )

    def reset(self, seeds: Sequence[int]) -> Array:
        """Start an episode per seed; return the first observations `[R, D]`, or `[R]` indices."""
        # The type of the base class allows a single seed only; the actual class takes one per copy.
        observations, _ = self._vector.reset(seed=list(seeds))  # type: ignore[arg-type]
        return np.asarray(observations)

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array]:
        """Take actions `[R]` int64.

        Returns:
            Observations, rewards, terminated and truncated, each `[R, ...]`. The values of copies
            whose episode has ended are meaningless. The next step overwrites the observations.
        """
        observations, rewards, terminated, truncated, _ = self._vector.step(actions)
        return np.asarray(observations), rewards, terminated, truncated

    def close(self) -> None:
        """Close all copies."""
        self._vector.close()

    def __enter__(self) -> "Environments":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
