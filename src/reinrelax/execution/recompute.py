"""Retrains one cell and compares the results with the existing ones."""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reinrelax.config.load import Config
from reinrelax.datasets import images
from reinrelax.errors import ResultsError
from reinrelax.execution.verify import companies_of
from reinrelax.jobs.job import Job
from reinrelax.jobs.runs import table_path
from reinrelax.results import finished
from reinrelax.results.finished import Finished
from reinrelax.results.read import held

# Fields of provenance that explain differences by rounding between two trainings of the same run.
_COMPUTED_BY = ("processor", "device", "threads", "source_hash")


@dataclass(frozen=True)
class Comparison:
    """A comparison of the old and new numbers of a cell.

    Attributes:
        values: the number of values compared.
        differing: the number of values that differ in any digit.
        first: the location of the first differing value, in words.
        most: the largest difference, nats per image; NaN if one is NaN.
        computed: differences in provenance, in words, each with the old and the new value.
    """

    cell: Job
    values: int
    differing: int
    first: str
    most: float
    computed: tuple[str, ...]

    def describe(self) -> str:
        """Format the comparison as lines."""
        what = f"{self.cell.name}: {len(self.cell.runs)} runs, {self.values} numbers"
        if not self.differing:
            return f"{what}: identical to the last digit"
        lines = [
            f"{what}: {self.differing} differ, by {self.most:.3g} nats at most. The first:"
            f" {self.first}"
        ]
        lines += [f"computed with another {words}" for words in self.computed]
        return "\n".join(lines)


def recompute(config: Config, cell: Job, device: str) -> Comparison:
    """Retrain all finished runs of a cell in a temporary folder, grouped into jobs as before.

    Args:
        config: the configuration of the results.
        cell: the cell.
        device: "cpu" or "cuda".

    Raises:
        ResultsError: no run of the cell is finished, or its results or images are damaged.
    """
    from reinrelax.experiments.training import train_cell

    before = held(config, cell, any_source=True)
    if not before:
        raise ResultsError(
            f"{table_path(config, cell.name)}: has no finished run to compare a new one with. Run"
            " snakemake first"
        )
    pixels = images.load(config.folder / "data")
    now: dict[str, Finished] = {}
    for company in companies_of(cell, before):
        with tempfile.TemporaryDirectory() as scratch:
            table = Path(scratch, "cell.csv")
            train_cell(
                company.cell,
                pixels,
                table=table,
                known={},
                device=device,
                checkpoint_every=company.cell.first.epochs,
                extra={},
            )
            now |= finished.read(finished.place(table))
    return compared(cell, before, now)


def compared(cell: Job, before: Mapping[str, Finished], now: Mapping[str, Finished]) -> Comparison:
    """Compare the runs of a cell with the retrained ones; either may have ended earlier."""
    pairs = [
        (run, before[run.run_id], now[run.run_id]) for run in cell.runs if run.run_id in before
    ]
    epochs = range(
        max(len(values) for _, *both in pairs for one in both for values in one.results.values())
    )
    places = [
        (epoch, run, name, _at(old, name, epoch), _at(new, name, epoch))
        for epoch in epochs
        for run, old, new in pairs
        for name in sorted(old.results.keys() | new.results.keys())
    ]
    # Compare digits, so that NaN equals NaN.
    wrong = [place for place in places if repr(place[3]) != repr(place[4])]
    first, most = "", 0.0
    if wrong:
        epoch, run, name, old, new = wrong[0]
        first = (
            f"epoch {epoch + 1}, {run.run_id} (seed {run.seed}), {name}: {old!r} before,"
            f" {new!r} now"
        )
        gaps = [abs(_number(old) - _number(new)) for *_, old, new in wrong]
        most = math.nan if any(map(math.isnan, gaps)) else max(gaps)
    return Comparison(
        cell,
        len(places),
        len(wrong),
        first,
        most,
        tuple(_computed([(old, new) for _, old, new in pairs])),
    )


def _at(run: Finished, name: str, epoch: int) -> float | None:
    """Return a result after an epoch; None if it is missing."""
    values = run.results.get(name, ())
    return float(values[epoch]) if epoch < len(values) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _computed(pairs: Sequence[tuple[Finished, Finished]]) -> Iterator[str]:
    """Yield the differences in provenance between old and new runs."""
    for name in _COMPUTED_BY:
        old, new = ({str(both[side].origin.get(name)) for both in pairs} for side in (0, 1))
        if old != new:
            yield f"{name}: {', '.join(sorted(old))} before, {', '.join(sorted(new))} now"
