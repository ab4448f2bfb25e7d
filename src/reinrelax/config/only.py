"""What of the planned experiments is asked for: all of them, or what the key `only` names."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from reinrelax.config.blocks import Only
from reinrelax.config.specs import Training
from reinrelax.errors import ConfigError


def restricted(
    only: Only, experiments: Collection[str], several: Mapping[str, Training]
) -> tuple[frozenset[str], dict[str, Training]]:
    """The experiments that are left, and what is left of their trainings.

    Latent shapes and estimators alone leave no other experiment.

    Args:
        only: what is asked for.
        experiments: all of them.
        several: trainings by experiment, as printed and as run, from which shapes and estimators
            choose.

    Raises:
        ConfigError: a shape or an estimator is in none of the trainings asked for, or they leave
            none.
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
                    f"only.{key}[{index}]: no training that is asked for has {wanted!r}; there are:"
                    f" {', '.join(dict.fromkeys(known)) or 'none'}. Add it to an experiment, or"
                    " leave it out"
                )
    found = {name: _of(training, only) for name, training in left.items()}
    found = {name: training for name, training in found.items() if training.settings}
    if chosen and not found:
        raise ConfigError("only: these estimators are trained at none of these latent shapes")
    return asked - (set(base.values()) - {base[name] for name in found}), found


def _of(training: Training, only: Only) -> Training:
    """The part of a training at those latent shapes and with those estimators."""
    settings = {
        (name, shape): settings
        for (name, shape), settings in training.settings.items()
        if name in (only.estimators or [name]) and str(shape) in (only.shapes or [str(shape)])
    }
    return replace(training, settings=settings)
