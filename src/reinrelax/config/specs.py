"""The specifications that blocks of the configuration are resolved to, with all settings looked up.

They are separate from the configuration because results depend on these alone: a new key elsewhere
triggers no recomputation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reinrelax.core.types import LatentShape

Hyper = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Setting:
    """The settings of one training, except its latent shape and seed.

    Attributes:
        hyper: the hyper-parameters by name.
    """

    optimizer: str
    learning_rate: float
    hyper: Hyper


@dataclass(frozen=True)
class Training:
    """Trainings of discrete VAEs: estimators × latent shapes × settings × seeds.

    Attributes:
        settings: the settings per estimator and latent shape: Table 5's row, or a grid.
        hidden: units of the encoder's hidden layers if they differ from the paper's; otherwise
            empty.
        draws: the Monte Carlo draws; 0 for latent variables.
    """

    settings: Mapping[tuple[str, LatentShape], tuple[Setting, ...]] = field(repr=False)
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    hidden: tuple[int, ...]
    draws: int = 0

    @property
    def estimators(self) -> tuple[str, ...]:
        """The estimators without duplicates."""
        return tuple(dict.fromkeys(name for name, _ in self.settings))

    @property
    def latent_shapes(self) -> tuple[LatentShape, ...]:
        """The latent shapes without duplicates."""
        return tuple(dict.fromkeys(shape for _, shape in self.settings))


@dataclass(frozen=True)
class Measured:
    """An estimator whose gradients are measured, with its hyper-parameters."""

    estimator: str
    hyper: Hyper


@dataclass(frozen=True)
class Gradients:
    """The measurements at snapshots of the training of the same name in `Config.trainings`.

    Attributes:
        figure1, table1, sweep: the estimators and settings of each; the latter two only at the last
            snapshot.
        control_taus, control_etas: the settings of `control`; if empty, its terms are not measured.
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
        """The tables that a study of these measurements writes."""
        control = ("control",) if self.control_taus else ()
        return ("estimators", *control, *(("quadrature", "example") if self.betas else ()))

    @property
    def measured(self) -> tuple[Measured, ...]:
        """All estimators and settings to measure."""
        return (*self.figure1, *self.table1, *self.sweep)


@dataclass(frozen=True)
class Cost:
    """The timing of each estimator, alone on the machine, with one replica and with `replicas`."""

    estimators: tuple[Measured, ...]
    latent_shape: LatentShape
    images: int
    rounds: int
    replicas: int
