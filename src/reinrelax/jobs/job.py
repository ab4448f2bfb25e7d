"""Jobs: their runs or settings, their source, and their files below a results folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reinrelax.config.run import Run, digest
from reinrelax.core.sources import fingerprint
from reinrelax.datasets import MNIST, Size


@dataclass(frozen=True)
class Job:
    """A unit of computation: a cell or a study.

    A cell trains runs of one experiment, latent shape and estimator side by side.

    Attributes:
        name: `elbo/8x4/ReinMax`; for a study also its folder: `gradients/epoch-5`, `identities`.
        modules: the source that computes it, and that of the training whose snapshots it may read:
            modules, and functions as `module:name`.
        record: path of its provenance record.
        results: paths of its results. They do not include the record, which states that the results
            are complete.
        optional: paths of further files that may exist: finished runs, pictures, log, benchmark.
        reads_images: whether the result depends on the images.
        runs: for a cell, its rows of the run table.
        snapshots: for a cell, epochs whose parameters are kept next to the table.
        size: size of the images, from which a cell's time and memory are estimated.
        settings: for a study, its settings.
    """

    name: str
    modules: tuple[str, ...]
    record: Path
    results: tuple[Path, ...]
    optional: tuple[Path, ...]
    reads_images: bool
    runs: tuple[Run, ...] = ()
    snapshots: tuple[int, ...] = ()
    size: Size = MNIST
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def experiment(self) -> str:
        """The experiment that it is a part of: `elbo`, `gradients`, `rl`, `bridge`, …."""
        return self.name.split("/")[0]

    @property
    def first(self) -> Run:
        """One of a cell's runs, for what all of them share."""
        return self.runs[0]

    @property
    def on_gpu(self) -> bool:
        """True if it uses a GPU when available. Other jobs are small, or wait for a simulator."""
        return self.reads_images

    @property
    def tables(self) -> tuple[Path, ...]:
        """The results that are tables."""
        return tuple(path for path in self.results if path.suffix == ".csv")

    @property
    def target(self) -> Path:
        """The file by which the workflow requests the job."""
        return self.tables[0] if self.runs else self.record

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of a finished job.

        They do not include the parameters at snapshots, which only studies need.
        """
        return (*(path for path in self.results if path.suffix != ".pt"), self.record)

    @property
    def published(self) -> "Job":
        """The job without files that are too large to publish: the parameters at snapshots."""
        return replace(self, results=self.files[:-1], optional=())

    @property
    def source_hash(self) -> str:
        """A hash of all source that `modules` depend on."""
        return fingerprint(self.modules)

    @property
    def settings_hash(self) -> str:
        """A hash of the runs or settings; it does not depend on the source."""
        return digest(self._rows or self.settings)

    @property
    def fingerprint(self) -> str:
        """A hash of settings and source: everything that the results depend on."""
        return self.fingerprint_of(self.source_hash)

    def fingerprint_of(self, source_hash: str) -> str:
        """Return the fingerprint of results that a source with this hash computed."""
        return digest([source_hash, *(self._rows or [self.settings])])

    @property
    def _rows(self) -> list[Any]:
        return [[run.run_id for run in self.runs], list(self.snapshots)] if self.runs else []
