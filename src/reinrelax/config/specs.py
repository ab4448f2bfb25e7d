"""What experiments are asked for, as frozen objects: all that they need to know of a configuration.

Apart from the configuration, because a result depends on these alone: a new key elsewhere recomputes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reinrelax.core.types import LatentShape

Hyper = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Setting:
    """What one training is run with beside its latent shape and seed. `hyper`: hyper-parameters by name."""

    optimizer: str
    learning_rate: float
    hyper: Hyper


@dataclass(frozen=True)
class Training:
    """Trainings of discrete VAEs: estimators × latent shapes × settings × seeds.

    Attributes:
        seeds: in ascending order.
        hidden: units of the encoder's hidden layers, where they are others than the paper's; else none.
        settings: what is trained: for estimators and latent shapes, Table 5's row, or a grid.
    """

    estimators: tuple[str, ...]
    latent_shapes: tuple[LatentShape, ...]
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    draws: int
    hidden: tuple[int, ...]
    settings: Mapping[tuple[str, LatentShape], tuple[Setting, ...]] = field(repr=False)


@dataclass(frozen=True)
class Measured:
    """An estimator whose gradients are measured, with its hyper-parameters."""

    estimator: str
    hyper: Hyper


@dataclass(frozen=True)
class Gradients:
    """What is measured at snapshots of the training that `Config.trainings` has under the same name.

    Attributes:
        snapshots: epochs after which gradients are measured.
        images: of the batch, the first so many of the training set.
        samples: estimates at each snapshot.
        draws: Monte Carlo draws K of the control variate's terms.
        resamples: of the bootstrap.
        figure1, table1, sweep: estimators and settings of each; the latter two at the last snapshot alone.
        control_taus, control_etas: settings of ReinMax-CV whose terms are taken apart; without any none are.
        betas: weights of the end-point rules of section 5.3; without any no rule is measured.
        random_images: whether each VAE and snapshot has a batch of its own, drawn from the training set.
    """

    snapshots: tuple[int, ...]
    images: int
    samples: int
    draws: int
    resamples: int
    figure1: tuple[Measured, ...]
    table1: tuple[Measured, ...]
    sweep: tuple[Measured, ...] = ()
    control_taus: tuple[float, ...] = ()
    control_etas: tuple[float, ...] = ()
    betas: tuple[float, ...] = ()
    random_images: bool = False

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that a study of it writes."""
        control = ("control",) if self.control_taus else ()
        return ("estimators", *control, *(("quadrature", "example") if self.betas else ()))

    @property
    def measured(self) -> tuple[Measured, ...]:
        """All estimators and settings."""
        return (*self.figure1, *self.table1, *self.sweep)


@dataclass(frozen=True)
class Identities:
    """Sizes of the random problems on which the paper's identities are checked."""

    shapes: tuple[LatentShape, ...]
    functions: int
    betas: tuple[float, ...]
    taus: tuple[float, ...]


@dataclass(frozen=True)
class Cost:
    """What is timed: each estimator alone on the machine, with one replica and with `replicas`."""

    estimators: tuple[Measured, ...]
    latent_shape: LatentShape
    images: int
    rounds: int
    replicas: int


@dataclass(frozen=True)
class Reinforcement:
    """Agents that learn from episodes (A, IV, V and Figure 3).

    Attributes:
        environments: name, and after how many steps an episode is cut.
        algorithms: by name.
        seeds: agents of each, in ascending order.
        episodes: an update follows each.
        hidden: units of the one hidden layer of actor and critic.
        learning_rate: of both.
        gamma: discount of the returns.
        checkpoints: numbers of updates after which gradients are measured.
        rollouts: episodes of each seed on which they are.
    """

    environments: tuple[tuple[str, int], ...]
    algorithms: tuple[str, ...]
    seeds: tuple[int, ...]
    episodes: int
    hidden: int
    learning_rate: float
    gamma: float
    checkpoints: tuple[int, ...]
    rollouts: int
