"""Small types shared by all layers."""

import re
from dataclasses import dataclass

from reinrelax.errors import ConfigError

# Outputs of an encoder, C times L: weights and moments of 65,536 take 270 MB per replica.
_MAX_OUTPUTS = 1 << 16
# C to the power of L, for shapes whose codes are all enumerated.
_MAX_CODES = 1 << 16


@dataclass(frozen=True, order=True)
class LatentShape:
    """A discrete latent space of L variables with C categories, written `CxL` as in paper B."""

    categories: int
    latents: int

    @classmethod
    def parse(cls, text: str) -> "LatentShape":
        """Parse text such as `"8x4"`.

        Raises:
            ConfigError: the text is not two positive integers separated by `x`, or C < 2.
        """
        match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
        if match is None or int(match[1]) < 2:
            raise ConfigError(
                f"latent shape {text!r} is not of the form CxL, such as 8x4: "
                "at least 2 categories by at least 1 latent variable"
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.categories}x{self.latents}"


def parse_shape(text: str) -> LatentShape:
    """Parse a latent shape and check that a VAE of this shape fits into memory.

    Raises:
        ConfigError: the text is not a latent shape, or the shape is too large.
    """
    shape = LatentShape.parse(text if len(text) < 20 else f"{text[:17]}…")
    if shape.categories * shape.latents > _MAX_OUTPUTS:
        raise ConfigError(
            f"latent shape {text!r} is too large: C times L must be at most {_MAX_OUTPUTS:,}"
        )
    return shape


def parse_enumerable(text: str) -> LatentShape:
    """Parse a latent shape and check that its codes can be enumerated.

    Raises:
        ConfigError: the text is not a latent shape, or the shape is too large.
    """
    shape = parse_shape(text)
    if shape.categories**shape.latents > _MAX_CODES:
        raise ConfigError(f"{shape} has more than {_MAX_CODES} codes to enumerate")
    return shape
