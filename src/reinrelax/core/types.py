"""Small types shared by all layers."""

import re
from dataclasses import dataclass

from reinrelax.errors import ConfigError


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
