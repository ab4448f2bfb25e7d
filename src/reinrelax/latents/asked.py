"""Which latent variables are asked for, and with which values of their hyper-parameters."""

from typing import Annotated, Any

from pydantic import AfterValidator

from reinrelax.core.block import Shape, mapping, several
from reinrelax.core.types import LatentShape
from reinrelax.estimators.asked import value_of
from reinrelax.latents import CATALOGUE, Entry
from reinrelax.latents.hyperparameters import HYPERPARAMETERS


def _two(shape: LatentShape) -> LatentShape:
    if shape.categories != 2:
        raise ValueError(f"must have 2 categories, such as 2x20; got {shape}")
    return shape


def _more(shape: LatentShape) -> LatentShape:
    if shape.categories == 2:
        raise ValueError(f"must have more than 2 categories, such as 10x20; got {shape}")
    return shape


def _block(name: str, entry: Entry) -> Any:
    """A latent shape, and a value of each hyper-parameter or several that it takes in turn."""
    values = {key: value_of(HYPERPARAMETERS[key]) for key in entry.hyperparameters}
    shape = Annotated[Shape, AfterValidator(_two if entry.binary else _more)]
    return mapping(
        name, {"latent_shape": shape, **{key: kind | several(kind) for key, kind in values.items()}}
    )


Latents: Any = mapping(
    "Latents", {name: _block(name, entry) for name, entry in CATALOGUE.items()}, required=False
)
