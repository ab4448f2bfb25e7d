"""The classes of the released library beside this project's laws (A, IV)."""

from dataclasses import dataclass

from reinrelax.core.experiment import THEOREM, Experiment, Table
from reinrelax.experiments.properties.experiment import LAWS

_KEYS = ("law", "implementation", "class", "check")


@dataclass(frozen=True)
class Library:
    """What the classes of the released library are measured for, with so many samples each (A, IV)."""

    samples: int


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
