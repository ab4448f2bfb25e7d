"""A job: what it computes, by which source, and the files below a results folder that it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reinrelax.config.run import Run, digest
from reinrelax.core.sources import fingerprint
from reinrelax.datasets import MNIST, Size


@dataclass(frozen=True)
class Job:
    """A cell, which trains runs of one experiment, latent shape and estimator side by side, or a study.

    Attributes:
        name: `elbo/8x4/ReinMax`; of a study, also its folder: `gradients/epoch-5`, `identities`.
        modules: the source that computes it, and the training whose snapshots it may read: modules, and
            functions as `module:name`.
        record: its provenance.
        results: what it computes; the record, which says that the rest is whole, is not among them.
        optional: what may lie beside: finished runs, pictures, log, benchmark.
        reads_images: whether the result depends on the images.
        runs: of a cell, its rows of the run table.
        snapshots: of a cell, epochs whose parameters are kept beside the table.
        size: of the images, by which a cell's time and memory are reckoned.
        settings: of a study, what it is computed with.
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
        """What it is a part of: `elbo`, `gradients`, `rl`, `bridge`, …."""
        return self.name.split("/")[0]

    @property
    def first(self) -> Run:
        """Any of a cell's runs, for what they share."""
        return self.runs[0]

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU where there is one. Others are small, or wait for a simulator."""
        return self.reads_images

    @property
    def tables(self) -> tuple[Path, ...]:
        """Those of its results that are tables."""
        return tuple(path for path in self.results if path.suffix == ".csv")

    @property
    def target(self) -> Path:
        """The file that it is asked for by."""
        return self.tables[0] if self.runs else self.record

    @property
    def files(self) -> tuple[Path, ...]:
        """What is there where it is finished; the parameters at snapshots are needed by studies alone."""
        return (*(path for path in self.results if path.suffix != ".pt"), self.record)

    @property
    def published(self) -> "Job":
        """The same without what is too large to be published: the parameters at snapshots."""
        return replace(self, results=self.files[:-1], optional=())

    @property
    def source_hash(self) -> str:
        """A hash of the source that computes it, and what it reads."""
        return fingerprint(self.modules)

    @property
    def settings_hash(self) -> str:
        """A hash of the rows or settings: what is asked for, whichever source computes it."""
        return digest(self._rows or self.settings)

    @property
    def fingerprint(self) -> str:
        """A hash of what is asked for and of the source that computes it: what the results depend on."""
        return self.fingerprint_of(self.source_hash)

    def fingerprint_of(self, source_hash: str) -> str:
        """The same of what a source with this hash has computed."""
        return digest([source_hash, *(self._rows or [self.settings])])

    @property
    def _rows(self) -> list[Any]:
        return [[run.run_id for run in self.runs], list(self.snapshots)] if self.runs else []
