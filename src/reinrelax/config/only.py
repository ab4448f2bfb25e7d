"""Restricts the planned experiments to those that the key `only` requests; by default all."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from reinrelax.config.blocks import Only
from reinrelax.config.specs import Training
from reinrelax.errors import ConfigError


def restricted(
    only: Only, experiments: Collection[str], several: Mapping[str, Training]
) -> tuple[frozenset[str], dict[str, Training]]:
    """Return the requested experiments and the requested part of their trainings.

    If only latent shapes or estimators are requested, experiments without trainings are left out.

    Args:
        only: the request.
        experiments: the names of all experiments.
        several: trainings by experiment, as printed and as run, from which shapes and estimators
            are selected.

    Raises:
        ConfigError: no requested training has a requested shape or estimator, or none has the
            combination.
    """
    base = {name: name if name in experiments else name.removesuffix("-run") for name in several}
    chosen = only.shapes or only.estimators
    asked = frozenset(only.experiments or (base.values() if chosen else experiments))
    left = {name: training for name, training in several.items() if base[name] in asked}
    places = [(name, str(shape)) for training in left.values() for name, shape in training.settings]
    for key, known in (
        ("estimators", [name for name, _ in places]),
        ("shapes", [at for _, at in places]),
    ):
        for index, wanted in enumerate(getattr(only, key)):
            if wanted not in known:
                raise ConfigError(
                    f"only.{key}[{index}]: no requested training has {wanted!r}; known:"
                    f" {', '.join(dict.fromkeys(known)) or 'none'}. Add it to an experiment, or"
                    " leave it out"
                )
    found = {name: _of(training, only) for name, training in left.items()}
    found = {name: training for name, training in found.items() if training.settings}
    if chosen and not found:
        raise ConfigError("only: none of these estimators is trained at any of these latent shapes")
    return asked - (set(base.values()) - {base[name] for name in found}), found


def _of(training: Training, only: Only) -> Training:
    """Return the part of a training with the requested latent shapes and estimators."""
    settings = {
        (name, shape): settings
        for (name, shape), settings in training.settings.items()
        if name in (only.estimators or [name]) and str(shape) in (only.shapes or [str(shape)])
    }
    return replace(training, settings=settings)
