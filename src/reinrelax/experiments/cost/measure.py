"""Seconds per epoch of every estimator (B, Table 4), with one replica and with several together."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from reinrelax.config.run import Run
from reinrelax.config.specs import Cost, Measured
from reinrelax.datasets.images import Images
from reinrelax.experiments.discrete_vae.measure import make_trainer
from reinrelax.training.process import prepare_process

EPOCH = 60_000
_BATCH = 100
_WARM_UP = 10 * _BATCH


def measure(
    spec: Cost, images: Images, device: str, progress: Callable[[], Any] = lambda: None
) -> list[dict[str, Any]]:
    """Time the training of every estimator, each once per round, so that a slow minute affects all.

    Args:
        spec: the estimators and the number of images, rounds and replicas.
        images: the images; the first `spec.images` of the training images are used, or all if
            fewer.
        device: "cpu" or "cuda".
        progress: called after each measurement.

    Returns:
        Rows; `seconds` are per epoch of 60,000 images, for all replicas together, with a test set
        of one batch.
    """
    prepare_process()
    timed = replace(images, train=images.train[: spec.images], test=images.test[:_BATCH])
    rows = []
    for number in range(1, spec.rounds + 1):
        for replicas in (1, spec.replicas):
            for one in spec.estimators:
                seconds = _epoch_seconds(spec, one, replicas, timed, device)
                rows.append(
                    {
                        "estimator": one.estimator,
                        "latent": str(spec.latent_shape),
                        "draws": dict(one.hyper).get("draws", 0),
                        "replicas": replicas,
                        "round": number,
                        "images": len(timed.train),
                        "seconds": seconds,
                    }
                )
                progress()
    return rows


def _epoch_seconds(spec: Cost, one: Measured, replicas: int, images: Images, device: str) -> float:
    """Return the seconds for 60,000 images, extrapolated from those given, after warm-up steps."""
    run = Run(
        experiment="cost",
        dataset=images.name,
        train_images=len(images.train),
        test_images=len(images.test),
        shape=spec.latent_shape,
        estimator=one.estimator,
        hyper=one.hyper,
        optimizer="Adam",
        learning_rate=5e-4,
        batch_size=_BATCH,
        epochs=1,
        seed=0,
    )
    trainer = make_trainer([replace(run, seed=seed) for seed in range(replicas)], images, device)
    for count in (min(_WARM_UP, len(images.train)), len(images.train)):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        trainer.run_epoch(images=count)  # reads its losses at the end, and so waits for a GPU
        seconds = time.perf_counter() - start
    return seconds * EPOCH / len(images.train)
