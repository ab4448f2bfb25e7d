"""Which latent variables are asked for, and with which values of their hyper-parameters."""

from typing import Annotated, Any

from pydantic import AfterValidator

from reinrelax.core.block import Shape, mapping, several
from reinrelax.core.types import LatentShape
from reinrelax.estimators.asked import value_of
from reinrelax.latents import CATALOGUE, Entry
from reinrelax.latents.hyperparameters import HYPERPARAMETERS


def _block(name: str, entry: Entry) -> Any:
    """A latent shape, and a value of each hyper-parameter or several that it takes in turn."""

    def sized(shape: LatentShape) -> LatentShape:
        if entry.binary != (shape.categories == 2):
            wanted = (
                "2 categories, such as 2x20"
                if entry.binary
                else "more than 2 categories, such as 10x20"
            )
            raise ValueError(f"must have {wanted}; got {shape}")
        return shape

    values = {key: value_of(HYPERPARAMETERS[key]) for key in entry.hyperparameters}
    several_of = {key: kind | several(kind) for key, kind in values.items()}
    return mapping(name, {"latent_shape": Annotated[Shape, AfterValidator(sized)], **several_of})


Latents: Any = mapping(
    "Latents", {name: _block(name, entry) for name, entry in CATALOGUE.items()}, required=False
)
