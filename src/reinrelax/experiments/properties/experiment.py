"""Every relaxation against what it promises, on small problems."""

from reinrelax.core.experiment import SIMULATION, Experiment, Table

_KEYS = ("relaxation", "variant", "property", "setting")

EXPERIMENTS = (
    Experiment(
        "properties",
        "Properties of the relaxations",
        "Just Relax It!",
        rests_on=SIMULATION,
        writes={
            "properties": {
                **dict.fromkeys(_KEYS, str),
                **dict.fromkeys(("value", "low", "high", "expected"), float),
            }
        },
        tables=(Table("properties", _KEYS),),
        views={"a-properties": "properties.page:properties"},
    ),
)
