"""The declaration of an experiment; jobs, tables, figures and report sections are derived from it.

Declarations are in `experiments/<name>/experiment.py`, which loads without torch because Snakemake
imports it at every start. They therefore refer to functions by name: `cost.page:table4` is a
function of `reinrelax.experiments.cost.page`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Kinds of evidence that results are based on.
THEOREM = "theorem or enumeration"
SIMULATION = "simulation of a toy problem"
ONE_TRAINING = "one training"
SEVERAL_SEEDS = "several seeds"
BASES = (SEVERAL_SEEDS, ONE_TRAINING, SIMULATION, THEOREM)

# Columns of a table, in order, with their types: `str`, `float` or `int`. Cells that do not apply
# to a row are empty.
Columns = Mapping[str, type]


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes:
        keys: the columns that identify a row.
        numbers: columns that are numeric in this table but not in every table (`display.tables`);
            not needed if a study writes a table with the same name, which declares its types.
        caption: the caption in Snakemake's report, LaTeX and Markdown, with its title between
            asterisks; only for tables that a paper would print.
        view: the function that builds a `blocks.Table` from the collected tables; only for tables
            with a caption.
    """

    name: str
    keys: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    caption: str = ""
    view: str = ""


@dataclass(frozen=True)
class Experiment:
    """An experiment or a study, named like its block of the configuration.

    Attributes:
        purpose: its purpose, as shown on the page.
        paper: the short name of the paper whose results it replicates.
        rests_on: the kind of evidence that its results are based on, one of `BASES`.
        spec: its block of the configuration, see `block`; None if it has none.
        measure: the function of its block that computes its tables, if it is no more than that.
        reached: source names that `measure` uses indirectly, as in the `modules` of a job.
        seconds: the estimated duration of a job by its settings, if it depends on them.
        writes: the tables that its jobs write, if these are studies.
        tables: the tables that the report builds from them.
        figures: the figures by name, each with its caption in Snakemake's report.
        drawn_by: the module whose `FIGURES` draws the figures from these tables; empty if they do
            not depend on a run.
        views: functions that build the tables of the page's sections, by section id.
    """

    name: str
    purpose: str
    paper: str
    rests_on: str = SEVERAL_SEEDS
    spec: Any = None
    measure: str = ""
    reached: tuple[str, ...] = ()
    seconds: Callable[[Mapping[str, Any]], float] | None = None
    writes: Mapping[str, Columns] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    drawn_by: str = ""
    views: Mapping[str, str] = field(default_factory=dict)
