"""The classes of the released library beside this project's laws (A, IV)."""

from reinrelax.core.experiment import THEOREM, Experiment, Table

_KEYS = ("law", "implementation", "class", "check")

EXPERIMENTS = (
    Experiment(
        "library",
        "The released library",
        "Just Relax It!",
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
