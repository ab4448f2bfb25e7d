"""Probes of the methods of a distribution."""

import copy
import pickle
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from docs.peers.cases import Pair, Side
from docs.peers.outcome import ABSENT, BATCH, FARTHEST, SAMPLES, Outcome, Probe, agree, built, holds
from reinrelax.display.text_format import significant
from reinrelax.experiments.library import checks

MIDDLE, QUANTILE = 0.4, 0.3


def rejects(pair: Pair, side: Side) -> Outcome:
    """Build it with a parameter that is NaN, and evaluate the density at NaN."""
    build = side.build
    assert build is not None
    name = next(iter(pair.parameters))
    given = checks.tiled(pair.parameters, (2,))
    nothing = torch.full_like(side.sample(given, pair.tau), torch.nan)
    wrong = {**given, name: torch.full_like(given[name], torch.nan)}
    good = build(given, pair.tau, True)
    return holds(
        _raises(lambda: build(wrong, pair.tau, True), ValueError)
        # Without a density there is nothing to reject.
        and _raises(lambda: good.log_prob(nothing), ValueError, NotImplementedError)
    )


def _raises(ask: Callable[[], object], *errors: type[Exception]) -> bool:
    try:
        ask()
    except errors:
        return True
    return False


def copied(pair: Pair, side: Side) -> Outcome:
    """Pickle and copy it; equal seeds give equal samples."""
    law = built(pair, side)
    found = []
    for one in (law, pickle.loads(pickle.dumps(law)), copy.deepcopy(law)):
        torch.manual_seed(0)
        found.append(one.rsample())
    return holds(all(torch.equal(found[0], other) for other in found))


def density(pair: Pair, side: Side) -> Outcome:
    """Evaluate the density at samples of its own: a finite number per element."""
    assert side.subject is not None
    law = built(pair, side, BATCH)
    found = side.subject.density(law, side.subject.draw(law, ()))
    return holds(found.shape == BATCH and found.isfinite().all())


def entropy(pair: Pair, side: Side) -> Outcome:
    """Compare it with the mean of −log p of samples."""
    assert side.subject is not None
    law, drawn = built(pair, side), draws(pair, side)
    expected = law.entropy().reshape(2, -1).sum(-1)[0]
    values = -side.subject.density(law, drawn).reshape(len(drawn), 2, -1).sum(-1)[:, 0]
    return agree(values.mean(), expected, values.std() / len(values) ** 0.5)


def cdf(pair: Pair, side: Side) -> Outcome:
    """Compare it with the share of samples below a number."""
    if _is_vector(side):
        return ABSENT
    expected = built(pair, side).cdf(torch.tensor(MIDDLE))[0]
    below = (draws(pair, side)[:, 0] <= MIDDLE).float()
    return agree(below.mean(), expected, below.std() / len(below) ** 0.5)


def icdf(pair: Pair, side: Side) -> Outcome:
    """Compare it with the quantile of samples."""
    if _is_vector(side):
        return ABSENT
    at = built(pair, side).icdf(torch.tensor(QUANTILE))[0]
    z = draws(pair, side)[:, 0]
    error = FARTHEST * (QUANTILE * (1 - QUANTILE) / len(z)) ** 0.5
    right = (z < at).float().mean() - error <= QUANTILE <= (z <= at).float().mean() + error
    return Outcome(f"{significant(float(at))}", bool(right))


def _is_vector(side: Side) -> bool:
    return side.subject is not None and side.subject.event != ()


@cache
def draws(pair: Pair, side: Side) -> Tensor:
    """Draw `[N, 2, *event]` for all probes of a distribution."""
    assert pair.case is not None
    assert side.subject is not None
    return checks.drawn(side.subject, pair.case, SAMPLES)


def pyro_sample(pair: Pair, side: Side) -> Outcome:
    """Draw it by `pyro.sample`, with Pyro's mixin if the class lacks it."""
    import pyro
    from pyro.distributions.torch_distribution import TorchDistributionMixin

    law = built(pair, side)
    if not isinstance(law, TorchDistributionMixin):
        kind = type(law)
        law.__class__ = type(kind.__name__, (kind, TorchDistributionMixin), {})
    with pyro.poutine.trace() as trace:
        z = pyro.sample("z", law.to_event(len(law.batch_shape)))
    trace.trace.compute_log_prob()
    return holds(z.isfinite().all() and trace.trace.nodes["z"]["log_prob"].isfinite().all())


def only_laws(probe: Probe) -> Probe:
    """Leave a probe out for functions."""
    return lambda pair, side: probe(pair, side) if side.build else ABSENT
