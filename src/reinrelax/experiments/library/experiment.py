"""The classes of the released library compared with this project's distributions (A, IV)."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK
from reinrelax.core.experiment import THEOREM, Experiment, Table
from reinrelax.experiments.properties.experiment import LAWS

_KEYS = ("law", "implementation", "class", "check")


@dataclass(frozen=True, config=BLOCK)
class Library:
    """The measurement of the classes of the released library (A, IV)."""

    samples: int = Field(ge=1000, le=1_000_000, description="samples per measurement")


EXPERIMENTS = (
    Experiment(
        "library",
        "The released library",
        "Just Relax It!",
        spec=Library,
        measure="library.measure:measure",
        reached=LAWS,
        seconds=lambda settings: 3.0 + 2e-4 * settings["samples"],
        rests_on=THEOREM,
        writes={
            "library": {
                **dict.fromkeys(_KEYS, str),
                **dict.fromkeys(("value", "low", "high", "expected"), float),
                "raised": str,
            }
        },
        tables=(Table("library", _KEYS),),
        views={"a-library": "library.page:library"},
    ),
)
