"""What blocks of the configuration come to, once the settings of their estimators are found.

Apart from the configuration, because a result depends on these alone: a new key elsewhere
    recomputes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reinrelax.core.types import LatentShape

Hyper = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Setting:
    """What one training is run with beside its latent shape and seed. `hyper`: hyper-parameters by
    name.
    """

    optimizer: str
    learning_rate: float
    hyper: Hyper


@dataclass(frozen=True)
class Training:
    """Trainings of discrete VAEs: estimators × latent shapes × settings × seeds.

    Attributes:
        settings: what is trained: for estimators and latent shapes, Table 5's row, or a grid.
        hidden: units of the encoder's hidden layers, where they are others than the paper's; else
            none.
        draws: of latent variables, none.
    """

    settings: Mapping[tuple[str, LatentShape], tuple[Setting, ...]] = field(repr=False)
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    hidden: tuple[int, ...]
    draws: int = 0

    @property
    def estimators(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(name for name, _ in self.settings))

    @property
    def latent_shapes(self) -> tuple[LatentShape, ...]:
        """Each once."""
        return tuple(dict.fromkeys(shape for _, shape in self.settings))


@dataclass(frozen=True)
class Measured:
    """An estimator whose gradients are measured, with its hyper-parameters."""

    estimator: str
    hyper: Hyper


@dataclass(frozen=True)
class Gradients:
    """What is measured at snapshots of the training that `Config.trainings` has under the same
    name.

    Attributes:
        figure1, table1, sweep: estimators and settings of each; the latter two at the last snapshot
            alone.
        control_taus, control_etas: of `control`; without any, its terms are not measured.
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
class Cost:
    """What is timed: each estimator alone on the machine, with one replica and with `replicas`."""

    estimators: tuple[Measured, ...]
    latent_shape: LatentShape
    images: int
    rounds: int
    replicas: int
