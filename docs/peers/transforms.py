"""Probes of draws under torch's compiler and transforms."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from docs.peers.cases import Pair, Parameters, Sample, Side, Tau
from docs.peers.outcome import ABSENT, BATCH, SAMPLES, Outcome, Probe, built, holds, weighed
from reinrelax.distributions.base import Relaxation
from reinrelax.experiments.library import checks


def compiled(pair: Pair, sample: Sample) -> Outcome:
    """Compile a draw to one graph; it must draw anew at each call."""
    given = checks.tiled(pair.parameters, BATCH)
    torch._dynamo.reset()
    # As the compiler does when it is first used.
    Distribution.set_default_validate_args(False)

    def call(*values: Tensor) -> Tensor:
        return sample(dict(zip(given, values, strict=True)), pair.tau)

    compiled = torch.compile(call, fullgraph=True, backend="eager")
    first, *others = (compiled(*given.values()) for _ in range(10))
    right = first.shape == call(*given.values()).shape
    return holds(right and any(not torch.equal(first, other) for other in others))


def mapped(pair: Pair, sample: Sample) -> Outcome:
    """Map a draw over a batch; each element must have its own noise."""
    given = checks.tiled(pair.parameters, (SAMPLES // 100,))

    def call(*values: Tensor) -> Tensor:
        return sample(dict(zip(given, values, strict=True)), pair.tau)

    z = torch.vmap(call, randomness="different")(*given.values())
    return holds(z.shape == call(*given.values()).shape and bool((z != z[:1]).any()))


def drawing(probe: Callable[[Pair, Sample], Outcome]) -> Probe:
    """Probe samples as the class draws them."""
    return lambda pair, side: probe(pair, side.sample)


def of_noise(probe: Callable[[Pair, Sample], Outcome]) -> Probe:
    """Probe samples of noise that is given, where a class has them."""

    def of(pair: Pair, side: Side) -> Outcome:
        build = side.build
        if build is None or not isinstance(built(pair, side), Relaxation):
            return ABSENT

        def sample(p: Parameters, tau: Tau) -> Tensor:
            made = build(p, tau, False)
            draw = torch.randn if made.noise_kind == "normal" else torch.rand
            z: Tensor = made.from_noise(draw(made.noise_shape()))
            return z

        return probe(pair, sample)

    return of


def functional(pair: Pair, side: Side) -> Outcome:
    """Differentiate a draw by `torch.func.grad`."""
    given = checks.tiled(pair.parameters, (SAMPLES // 100,))
    slopes = torch.func.grad(lambda given: weighed(side.sample(given, pair.tau)))(given)
    return holds(all(bool(s.isfinite().all()) for s in slopes.values()))
