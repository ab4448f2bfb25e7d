"""One cell trained anew beside its results, and what differs between the two."""

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

# Where two trainings of the same runs may differ by rounding: what computed them.
_COMPUTED_BY = ("processor", "device", "threads", "source_hash")


@dataclass(frozen=True)
class Comparison:
    """Old and new numbers of a cell.

    Attributes:
        values: how many were compared.
        differing: how many of them are not the same to the last digit.
        first: where the first of these is, in words.
        most: the largest difference, nats per image; NaN if there is one.
        computed: what else the two were computed by, in words, each with the old and the new.
    """

    cell: Job
    values: int
    differing: int
    first: str
    most: float
    computed: tuple[str, ...]

    def describe(self) -> str:
        """Lines for a person."""
        what = f"{self.cell.name}: {len(self.cell.runs)} runs, {self.values} numbers"
        if not self.differing:
            return f"{what}: identical to the last digit"
        lines = [f"{what}: {self.differing} differ, by {self.most:.3g} nats at most. The first: {self.first}"]
        lines += [f"computed by another {words}" for words in self.computed]
        return "\n".join(lines)


def recompute(config: Config, cell: Job, device: str) -> Comparison:
    """Train all finished runs of a cell anew, in a temporary folder and in the company in which they were.

    Args:
        config: whose results.
        cell: which.
        device: "cpu" or "cuda".

    Raises:
        ResultsError: no run of it is finished, or its results or images are damaged.
    """
    from reinrelax.experiments.training import train_cell

    before = held(config, cell, any_source=True)
    if not before:
        raise ResultsError(
            f"{table_path(config, cell.name)}: no run of it is finished, with which a new one could be "
            "compared. Run snakemake first"
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
    """What differs between the runs of a cell and the same trained anew; one may have ended earlier."""
    pairs = [(run, before[run.run_id], now[run.run_id]) for run in cell.runs if run.run_id in before]
    epochs = range(max(len(values) for _, *both in pairs for one in both for values in one.results.values()))
    places = [
        (epoch, run, name, _at(old, name, epoch), _at(new, name, epoch))
        for epoch in epochs
        for run, old, new in pairs
        for name in sorted(old.results.keys() | new.results.keys())
    ]
    # By their digits, because a NaN is the same as another.
    wrong = [place for place in places if repr(place[3]) != repr(place[4])]
    first, most = "", 0.0
    if wrong:
        epoch, run, name, old, new = wrong[0]
        first = f"epoch {epoch + 1}, {run.run_id} (seed {run.seed}), {name}: {old!r} before, {new!r} now"
        gaps = [abs(_number(old) - _number(new)) for *_, old, new in wrong]
        most = math.nan if any(map(math.isnan, gaps)) else max(gaps)
    return Comparison(
        cell, len(places), len(wrong), first, most, tuple(_computed([(old, new) for _, old, new in pairs]))
    )


def _at(run: Finished, name: str, epoch: int) -> float | None:
    """A result after an epoch; None where there is none."""
    values = run.results.get(name, ())
    return float(values[epoch]) if epoch < len(values) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _computed(pairs: Sequence[tuple[Finished, Finished]]) -> Iterator[str]:
    """By what else the old and the new were computed, where that differs."""
    for name in _COMPUTED_BY:
        old, new = ({str(both[side].origin.get(name)) for both in pairs} for side in (0, 1))
        if old != new:
            yield f"{name}: {', '.join(sorted(old))} before, {', '.join(sorted(new))} now"
