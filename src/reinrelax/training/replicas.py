"""What a trainer takes from the rows of the run table."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from reinrelax.config.run import Run
from reinrelax.training.loop import Replicas


def replicas_of(runs: Sequence[Run]) -> Replicas:
    """What the trainer wants to know of its runs."""
    return Replicas(
        seeds=[run.seed for run in runs],
        optimizers=[run.optimizer for run in runs],
        learning_rates=[run.learning_rate for run in runs],
    )


def products_of(run: Run) -> torch.dtype:
    """What the layers of its VAE multiply."""
    found: torch.dtype = getattr(torch, run.products)
    return found


def hyper_of(runs: Sequence[Run], counts: Collection[str]) -> dict[str, Tensor | int]:
    """Hyper-parameters by name: a tensor `[R]`, or for `counts`, which all runs share, a number."""
    out: dict[str, Tensor | int] = {}
    for name, value in runs[0].hyper:
        values = [dict(run.hyper)[name] for run in runs]
        out[name] = int(value) if name in counts else torch.tensor(values, dtype=torch.float32, device="cpu")
    return out
