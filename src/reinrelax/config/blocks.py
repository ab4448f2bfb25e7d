"""The blocks of `config.yaml`; those of experiments are defined with the experiments."""

from typing import Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.config.declared import BLOCKS
from reinrelax.core import block
from reinrelax.core.block import BLOCK, Several, Text, mapping
from reinrelax.datasets.asked import Images
from reinrelax.estimators.asked import Given

_Experiments: Any = mapping("Experiments", BLOCKS)
_Experiment: Any = Literal[tuple(BLOCKS)]


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Machine:
    """How jobs use the machine; affects results only by rounding and, on a GPU, by its noise."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        description="auto: a GPU if a usable one is available"
    )
    threads: int = Field(ge=1, le=1024, description="threads per job")
    max_replicas_per_job: int = Field(
        ge=1,
        le=10_000,
        description="runs that one job trains together; each takes about 35 MB of memory at 8x4",
    )
    jobs_per_gpu: int = Field(ge=1, le=64, description="number of jobs that share a GPU")
    checkpoint_every_epochs: int = Field(
        ge=1,
        le=1_000_000,
        description="epochs between checkpoints: at most this many are lost if a job is killed",
    )
    kernels: Literal["torch", "compiled"] = Field(
        default="torch", description="on a GPU; compiled: this package's kernels and CUDA graphs"
    )
    container: Text = Field(
        default="", description="container image for jobs, used if containers are enabled"
    )


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Only:
    """The part of the configuration to run and to report; everything if empty."""

    experiments: Several[_Experiment] = Field(
        default=(), description="names of blocks in `experiments`"
    )
    shapes: Several[str] = Field(default=(), description="latent shapes of their trainings")
    estimators: Several[str] = Field(
        default=(), description="estimators of their trainings, or kinds of latent variables"
    )


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Configuration:
    """The whole configuration."""

    scale: block.Name = Field(description="name of the results folder")
    results: block.Path = Field(
        description="folder of all output, relative to the working directory"
    )
    dataset: Images
    machine: Machine
    products: Literal["float32", "bfloat16"] = Field(
        description="type of the factors in matrix products of all VAEs"
    )
    only: Only = Field(default_factory=Only)
    experiments: _Experiments
    settings_table: block.Path = Field(
        description="table of the settings per estimator and latent shape: Table 5"
    )
    settings_as_run: block.Path = Field(
        description="the same for trainings that the authors ran differently"
    )
    settings: Given = Field(description="additions and changes to these tables")
