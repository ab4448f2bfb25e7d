"""Snapshots: the parameters of a training after some of its epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from reinrelax.core import files, records
from reinrelax.core.types import LatentShape
from reinrelax.errors import ResultsError
from reinrelax.training.checkpoint import read_archive
from reinrelax.vae.autoencoder import DiscreteVAE


def write_snapshots(path: Path, seeds: Sequence[int], kept: Mapping[int, Sequence[Tensor]]) -> None:
    """Write the parameters `[R, ...]` of replicas with these seeds, by epoch.

    Raises:
        ResultsError: the file cannot be written.
    """
    with files.atomic(path) as file:
        torch.save({"seeds": list(seeds), "kept": kept}, file)


def read_snapshot(
    path: Path, shape: LatentShape, epoch: int, device: str
) -> tuple[DiscreteVAE, list[int]]:
    """Read the replicas as they were after an epoch, and their seeds.

    Raises:
        ResultsError: the file is missing or damaged, or does not contain the epoch.
    """
    if path.exists():
        records.check_beside(path)
    try:
        content = read_archive(path)
        seeds, kept = content["seeds"], content["kept"][epoch]
        weights = kept[: len(kept) // 2 : 2]  # of the encoder; each is followed by its bias
        pixels, units = weights[0].shape[1], [weight.shape[2] for weight in weights[:-1]]
        model = DiscreteVAE(shape, seeds, device, hidden=units, pixels=pixels)
        for target, saved in zip(model.stack.parameters, kept, strict=True):
            target.copy_(saved)
    except Exception as error:  # a damaged archive can raise any exception
        raise ResultsError(
            f"{path}: no usable snapshot of epoch {epoch} ({type(error).__name__}: {error}). Delete"
            " the file and run snakemake again; if all its replicas diverged, change their"
            " settings"
        ) from None
    return model, seeds
