"""What an experiment says of itself, as data: all that must know of it is made of this.

Each lies in `experiments/<name>/experiment.py`, which loads without torch, because Snakemake reads it at
every start. What computes, tabulates and draws is therefore named: `cost.page:table4` is a function of
`reinrelax.experiments.cost.page`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# What results rest on.
THEOREM = "theorem or enumeration"
SIMULATION = "simulation of a toy problem"
ONE_TRAINING = "one training"
SEVERAL_SEEDS = "several seeds"
BASES = (SEVERAL_SEEDS, ONE_TRAINING, SIMULATION, THEOREM)

# Columns of a table, in order, each with what it holds: `str`, `float`, or `int` for what is whole. What a
# row has nothing to say of is empty.
Columns = Mapping[str, type]


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes:
        keys: the columns that name a row.
        numbers: columns of numbers that are none in every table, see `display.tables`; what a study writes
            under the same name tells its own.
        caption: with its title between asterisks, of one that a paper would print, in Snakemake's report,
            LaTeX and Markdown; `reporting.layouts` lays it out.
    """

    name: str
    keys: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Experiment:
    """An experiment or a study, as a block of the configuration has its name.

    Attributes:
        purpose: what it is for, as the page names it.
        paper: the short name of that whose results it replicates.
        rests_on: what its results rest on.
        spec: what its block of the configuration becomes: a dataclass with a field a key. None of
            an experiment that is more than a function of its block.
        check: raises a ConfigError where the block asks for what cannot be.
        measure: the function of `spec` that computes its tables.
        reached: what this reaches beside what it names, as `modules` of a job.
        seconds: a job's estimate by its settings, where these say it.
        writes: the tables that its jobs write, if these are studies.
        tables: those that the report makes of them.
        figures: what is drawn, by name, each with its caption in Snakemake's report.
        drawn_by: the module whose `FIGURES` draws them of these tables; none where they are of no run.
        views: functions that make the tables of the page's sections, by the id of the section.
    """

    name: str
    purpose: str
    paper: str
    rests_on: str = SEVERAL_SEEDS
    spec: Any = None
    check: Callable[[Mapping[str, Any]], None] | None = None
    measure: str = ""
    reached: tuple[str, ...] = ()
    seconds: Callable[[Mapping[str, Any]], float] | None = None
    writes: Mapping[str, Columns] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    drawn_by: str = ""
    views: Mapping[str, str] = field(default_factory=dict)
