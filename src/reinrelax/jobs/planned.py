"""Every planned job, cell or study, as files below a results folder."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reinrelax.config.load import GRADIENTS, Config
from reinrelax.jobs.runs import Cell, cells
from reinrelax.jobs.studies import Study, studies

# States of jobs, as reports call them, of which there are results.
THERE = ("done", "partial")


@dataclass(frozen=True)
class Job:
    """A cell or a study as files below a results folder.

    Attributes:
        source: the cell or study.
        record: its provenance.
        results: what it computed; the record, which says that the rest is whole, is not among them.
        optional: what may lie beside: pictures, snapshots, log, benchmark.
    """

    source: Cell | Study
    record: Path
    results: tuple[Path, ...]
    optional: tuple[Path, ...]

    @property
    def name(self) -> str:
        """As in the run table."""
        return self.source.name

    @property
    def experiment(self) -> str:
        """What it is a part of: `elbo`, `gradients`, `rl`, `bridge`, …."""
        return self.name.split("/")[0]

    @property
    def files(self) -> tuple[Path, ...]:
        """What is there where it is finished; the parameters at snapshots are needed by studies alone."""
        return (*(path for path in self.results if path.suffix != ".pt"), self.record)

    @property
    def published(self) -> "Job":
        """The same without what is too large to be published: the parameters at snapshots."""
        return replace(self, results=self.files[:-1], optional=())

    @property
    def reads_images(self) -> bool:
        """Whether the result depends on the images."""
        return isinstance(self.source, Cell) or self.experiment in ("cost", *GRADIENTS)


def jobs(config: Config) -> Iterator[Job]:
    """Cells first: what a study reads must not be younger than the study, or Snakemake runs it again."""
    for name, cell in cells(config).items():
        kept = {"relaxations": (".npz",), **dict.fromkeys(GRADIENTS, (".pt",))}.get(cell.first.experiment, ())
        # What saves a training later on, see `experiments.finished`.
        saving = (Path(f"{name}.runs{suffix}") for suffix in (".json", *kept))
        yield Job(
            cell,
            Path(f"{name}.json"),
            tuple(Path(f"{name}{suffix}") for suffix in (*kept, ".csv")),
            (*saving, Path(f"logs/train/{name}.log"), Path(f"benchmarks/train/{name}.tsv")),
        )
    for name, study in studies(config).items():
        yield Job(
            study,
            Path(name, "record.json"),
            tuple(Path(name, f"{table}.csv") for table in study.tables),
            (Path(f"logs/studies/{name}.log"), Path(f"benchmarks/studies/{name}.tsv")),
        )
