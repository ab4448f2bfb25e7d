"""Conversion of rows of the run table into settings of a trainer."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from reinrelax.config.run import Run
from reinrelax.training.loop import Replicas


def replicas_of(runs: Sequence[Run]) -> Replicas:
    """Return the trainer's settings of these runs."""
    return Replicas(
        seeds=[run.seed for run in runs],
        optimizers=[run.optimizer for run in runs],
        learning_rates=[run.learning_rate for run in runs],
    )


def products_of(run: Run) -> torch.dtype:
    """Return the dtype of the matrix products in the VAE's layers."""
    found: torch.dtype = getattr(torch, run.products)
    return found


def hyper_of(runs: Sequence[Run], counts: Collection[str]) -> dict[str, Tensor | int]:
    """Return hyper-parameters by name: a tensor `[R]`, or for `counts` the runs' common number."""
    out: dict[str, Tensor | int] = {}
    for name, value in runs[0].hyper:
        values = [dict(run.hyper)[name] for run in runs]
        out[name] = (
            int(value)
            if name in counts
            else torch.tensor(values, dtype=torch.float32, device="cpu")
        )
    return out
