"""Checks of every relaxation's stated properties on small problems."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK
from reinrelax.core.experiment import SIMULATION, Experiment, Table
from reinrelax.distributions import CATALOGUE, Paper
from reinrelax.estimators import lookup

# The source hash follows imports; distributions loaded from the catalogue must be listed here.
LAWS = tuple(
    f"reinrelax.distributions.{entry.module}:{law}"
    for law, entry in CATALOGUE.items()
    if isinstance(entry, Paper)
)
_KEYS = ("relaxation", "variant", "property", "setting")


@dataclass(frozen=True, config=BLOCK)
class Properties:
    """The measurement of every relaxation's properties on small problems."""

    samples: int = Field(ge=1000, le=10_000_000, description="samples per measurement")


EXPERIMENTS = (
    Experiment(
        "properties",
        "Properties of the relaxations",
        "Just Relax It!",
        spec=Properties,
        measure="properties.measure:measure",
        reached=(*LAWS, *(lookup(name).source for name in ("REBAR", "RELAX", "REINFORCE"))),
        seconds=lambda settings: 4.0 + 8e-5 * settings["samples"],
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
