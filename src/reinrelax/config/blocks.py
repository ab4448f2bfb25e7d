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
        description="auto: a GPU where there is one that computes"
    )
    threads: int = Field(ge=1, le=1024, description="of a job")
    max_replicas_per_job: int = Field(
        ge=1, le=10_000, description="about 35 MB of memory each at 8x4"
    )
    jobs_per_gpu: int = Field(ge=1, le=64, description="how many jobs may share one GPU")
    checkpoint_every_epochs: int = Field(
        ge=1, le=1_000_000, description="what a killed job may lose"
    )
    kernels: Literal["torch", "compiled"] = Field(
        default="torch", description="on a GPU; compiled: this package's kernels and CUDA graphs"
    )
    container: Text = Field(
        default="", description="an image in which jobs run where containers are used"
    )


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Only:
    """The part of the configuration to run and to report; everything if empty."""

    experiments: Several[_Experiment] = Field(default=(), description="of `experiments`")
    shapes: Several[str] = Field(default=(), description="latent shapes of their trainings")
    estimators: Several[str] = Field(
        default=(), description="of them, or kinds of latent variables"
    )


@dataclass(frozen=True, kw_only=True, config=BLOCK)
class Configuration:
    """The whole configuration."""

    scale: block.Name = Field(description="name of the results folder")
    results: block.Path = Field(
        description="where everything is written, from the working directory"
    )
    dataset: Images
    machine: Machine
    products: Literal["float32", "bfloat16"] = Field(
        description="what the layers of all VAEs multiply"
    )
    only: Only = Field(default_factory=Only)
    experiments: _Experiments
    settings_table: block.Path = Field(
        description="each estimator's settings at each latent shape: Table 5"
    )
    settings_as_run: block.Path = Field(description="the same of what the authors ran differently")
    settings: Given = Field(description="what the tables do not list, or is to be changed")
