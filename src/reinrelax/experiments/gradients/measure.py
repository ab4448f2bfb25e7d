"""Bias and variance of every gradient estimator at one snapshot of a trained VAE.

This is Figure 1, Table 1, section 3.2 and section 5.3 of paper B. All codes are enumerated once. An
estimate then needs no pass through the network, and all draws of an estimator are one tensor.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reinrelax import estimators
from reinrelax.config.specs import Gradients, Measured
from reinrelax.core.rng import Streams, derive
from reinrelax.estimators import exact
from reinrelax.estimators.base import Pathwise, Sample, draw
from reinrelax.experiments.gradients import bias, control, quadrature
from reinrelax.vae.autoencoder import DiscreteVAE
from reinrelax.vae.enumerated import EnumeratedLoss

Rows = list[dict[str, Any]]


def chosen(count: int, seeds: Sequence[int], spec: Gradients, epoch: int) -> NDArray[np.int64]:
    """Choose the batch of each replica, `[R, B]`: the first of `count` images, or random ones."""
    if not spec.random_images:
        return np.tile(np.arange(spec.images), (len(seeds), 1))
    names = ((seed, "gradients", epoch, "batch") for seed in seeds)
    generators = (torch.Generator().manual_seed(derive(*name)) for name in names)
    return np.stack([torch.randperm(count, generator=g)[: spec.images].numpy() for g in generators])


def measure(
    model: DiscreteVAE,
    seeds: Iterable[int],
    images: Tensor,
    spec: Gradients,
    *,
    epoch: int,
    last: bool,
) -> dict[str, Rows]:
    """Measure all tables of one snapshot.

    Args:
        model: the replicas at this snapshot.
        seeds: of the replicas.
        images: the batch of each replica, `[R, B, 784]`, float in [0, 1].
        spec: the specification of the experiment.
        epoch: of the snapshot.
        last: whether this is the last snapshot, which also has Table 1 and the sweep over τ.

    Returns:
        The rows of each of `spec.tables`.
    """
    tables: dict[str, Rows] = {name: [] for name in spec.tables}
    with torch.no_grad():
        logits = model.encode(images)
    for replica, seed in enumerate(seeds):
        loss = EnumeratedLoss(model, replica, images[replica])
        snapshot = Snapshot(loss, logits[replica], spec, seed, epoch)
        shared = {"seed": seed, "epoch": epoch}
        roles = {
            "figure1": spec.figure1,
            **({"table1": spec.table1, "sweep": spec.sweep} if last else {}),
        }
        for role, selection in roles.items():
            for one in selection:
                tables["estimators"] += [
                    {"role": role, **shared, **row} for row in _estimator(snapshot, one)
                ]
        for name in tables.keys() & _BESIDE:
            tables[name] += [{**shared, **row} for row in _BESIDE[name](snapshot)]
    return tables


class Snapshot:
    """One replica at one epoch: its loss at all codes, posterior, exact gradient and named noise.

    Args:
        loss: f at all codes.
        logits: θ of the batch, `[B, L, C]`.
        spec: the specification, with the numbers of estimates and resamples.
        seed, epoch: the name of the noise. All estimators use the same streams and draws D.

    Attributes:
        truth: ∇_θ E f by enumeration, `[B, L·C]`.
        weights: of the bootstrap, `[1 + S, N]`.
    """

    def __init__(
        self, loss: EnumeratedLoss, logits: Tensor, spec: Gradients, seed: int, epoch: int
    ) -> None:
        self.loss, self.logits, self.spec = loss, logits, spec
        self._noise = (seed, "gradients", epoch)
        self.truth = exact.gradient(logits, self.value_at).flatten(-2)
        self.weights = bias.resampling(
            spec.samples, spec.resamples, derive(*self._noise, "bootstrap"), like=logits
        )

    def value_at(self, codes: Tensor) -> Tensor:
        """Return f at one-hot codes `[..., B, L, C]`, `[..., B]`."""
        index = self.loss.index(codes)
        return self.loss.value.expand(*index.shape, -1).gather(-1, index[..., None])[..., 0]

    def slope_at(self, codes: Tensor) -> Tensor:
        """Return f′ at one-hot codes `[..., B, L, C]`, in the same shape."""
        index = self.loss.index(codes)
        return self.loss.slope[torch.arange(index.shape[-1], device=index.device), index]

    def sample(self) -> Sample:
        """Draw D N times for each image, `[1, N, B, L, C]`; every call returns the same draws."""
        streams = Streams.derive([self._noise[0]], *self._noise[1:], device=self.logits.device)
        return draw(self.logits.expand(1, self.spec.samples, *self.logits.shape), streams)

    def estimates(self, one: Measured) -> Tensor:
        """Return N estimates, `[N, B, L·C]`."""
        estimator, hyper = estimators.get(one.estimator), dict(one.hyper)
        if isinstance(estimator, Pathwise):
            sample = self.sample()
            pathwise: Tensor = estimator.function(self.slope_at(sample.one_hot), sample, **hyper)
            return pathwise[0].flatten(-2)
        streams = Streams.derive([self._noise[0]], *self._noise[1:], device=self.logits.device)
        leaf = self.logits.expand(1, self.spec.samples, *self.logits.shape).clone().requires_grad_()
        estimate = estimator.surrogate(leaf, self.value_at, streams, **hyper)
        (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
        return gradient[0].flatten(-2)


def _estimator(snapshot: Snapshot, one: Measured) -> Iterator[dict[str, Any]]:
    found = bias.quantities(snapshot.estimates(one), snapshot.truth, snapshot.weights)
    for quantity in found:
        yield {"estimator": one.estimator, **dict(one.hyper), **_measured(snapshot, quantity)}


def _control(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    spec = snapshot.spec
    for tau in spec.control_taus:
        for reading, difference in control.READINGS.items():
            sample = snapshot.sample()
            terms = control.terms(
                difference, snapshot.slope_at(sample.one_hot), sample, tau, spec.draws
            )
            shared = {"reading": reading, "tau": tau, "draws": spec.draws}
            for eta, quantity in control.quantities(
                terms, spec.control_etas, snapshot.truth, snapshot.weights
            ):
                yield {**shared, "eta": eta, **_measured(snapshot, quantity)}


def _measured(snapshot: Snapshot, quantity: bias.Quantity) -> Mapping[str, Any]:
    return {
        "estimates": snapshot.spec.samples,
        "images": len(snapshot.logits),
        "quantity": quantity.name,
        "value": quantity.value,
        "low": quantity.low,
        "high": quantity.high,
    }


# The functions that measure the tables other than `estimators`, at one snapshot.
_BESIDE: Mapping[str, Callable[[Snapshot], Iterable[Mapping[str, Any]]]] = {
    "control": _control,
    "quadrature": lambda snapshot: quadrature.measure(
        snapshot.loss, snapshot.logits, snapshot.spec.betas
    ),
    "example": lambda snapshot: quadrature.example(snapshot.loss, snapshot.logits),
}
