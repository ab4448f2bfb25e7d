"""Probes of a distribution or function: each returns what was found, and whether it is right.

A probe that raises is wrong, and the class of the error is what was found.
"""

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from docs.peer_cases import Pair, Parameters, Side
from reinrelax.display.comparison import DIFFERS, NOTHING, agreement
from reinrelax.display.table_blocks import to_float
from reinrelax.display.text_format import significant
from reinrelax.experiments.library import checks
from reinrelax.experiments.library.page import HOLDS, WORDS

_SAMPLES, _DRAWS, _BATCH = 2_000, 50_000, (3, 2)
_RARE, _FARTHEST = 0.002, 4.5
_SHIFT, _MIDDLE, _QUANTILE = 3.0, 0.4, 0.3
_TAUS = (0.3, 2.0)
# Checks of the study that have a probe here, or are of one class alone.
_ELSEWHERE = ("pyro", "validated", "log_prob", "log_prob_shape")


@dataclass(frozen=True)
class Outcome:
    """What a probe found.

    Attributes:
        right: None if the probe does not apply.
    """

    text: str
    right: bool | None


ABSENT = Outcome("—", None)
Probe = Callable[[Pair, Side], Outcome]


def outcomes(pair: Pair, side: Side) -> dict[str, Outcome]:
    """Return the outcomes of all probes that apply to a pair, by what is probed."""
    found = dict(_checked(pair, side)) if side.subject else {}
    for name, probe in PROBES.items():
        found[name] = _guarded(probe, pair, side)
    return found


def _guarded(probe: Probe, pair: Pair, side: Side) -> Outcome:
    validates = Distribution._validate_args
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return probe(pair, side)
    except Exception as error:
        return Outcome(f"no: {type(error).__name__}", False)
    finally:
        # Torch's compiler turns checks off when it is first used.
        Distribution.set_default_validate_args(validates)


def _checked(pair: Pair, side: Side) -> Iterator[tuple[str, Outcome]]:
    """Yield the checks of the study `library`."""
    assert pair.case is not None
    assert side.subject is not None
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [*checks.rows(side.subject, pair.case, _draws(pair, side))]
    for row in rows:
        name = str(row["check"])
        if name not in _ELSEWHERE:
            yield WORDS[name], _as_outcome(row)


def _as_outcome(row: Mapping[str, Any]) -> Outcome:
    mark = agreement(row)
    if "raised" in row or mark is NOTHING:
        return Outcome(f"no: {row['raised']}" if "raised" in row else "no", False)
    right = mark is not DIFFERS
    if row["check"] in HOLDS:
        return _holds(right)
    value, expected = (to_float(row[name]) for name in ("value", "expected"))
    return Outcome(f"{significant(value)} for {significant(expected)}", right)


def _holds(right: object) -> Outcome:
    return Outcome("yes" if right else "no", bool(right))


def _agree(value: Tensor, expected: Tensor, error: Tensor) -> Outcome:
    """Compare two numbers with an error of their difference."""
    right = bool((value - expected).abs() <= _FARTHEST * error)
    return Outcome(f"{significant(float(value))} for {significant(float(expected))}", right)


# --- of samples


def _rare(pair: Pair, side: Side) -> Outcome:
    """Compare the frequency of a rare value in bfloat16 with float32, at equal parameters."""
    name, value = next(iter(pair.parameters.items()))
    numbers = torch.tensor(value)
    if name in ("loc", "logits"):
        numbers = numbers.clone()
        numbers[0] -= 2 * _SHIFT if name == "logits" else _SHIFT
    elif numbers.ndim and float(numbers.sum()) == 1:
        numbers = torch.cat((torch.tensor([_RARE]), numbers[1:] / numbers[1:].sum() * (1 - _RARE)))
    elif numbers.ndim:
        numbers = torch.cat((torch.tensor([_RARE]), numbers[1:]))
    else:
        numbers = torch.tensor(_RARE**0.5 if name == "p" else _RARE)
    given = checks.tiled({**pair.parameters, name: numbers.tolist()}, (_DRAWS,))
    rounded = {key: tensor.bfloat16() for key, tensor in given.items()}
    with torch.no_grad():
        wide = pair.first(side.sample({k: t.float() for k, t in rounded.items()}, pair.tau))
        narrow = pair.first(side.sample(rounded, pair.tau).float())
    # Values of a hard sample need not be 0 and 1.
    level = wide.max() / 2
    share, expected = ((found > level).double().mean() for found in (narrow, wide))
    if not 0 < expected < 0.5:
        return Outcome("no", False)
    return _agree(share, expected, ((share + expected) / _DRAWS).sqrt())


def _masked(pair: Pair, side: Side) -> Outcome:
    """Check that a category of probability zero is never drawn, and that gradients are finite."""
    name, value = next(iter(pair.parameters.items()))
    numbers = torch.tensor(value)
    if name == "logits":
        numbers = torch.cat((numbers[:-1], torch.tensor([-torch.inf])))
    elif name == "probs" and numbers.ndim and float(numbers.sum()) == 1:
        numbers = torch.cat((numbers[:-1] / numbers[:-1].sum(), torch.zeros(1)))
    else:
        return ABSENT
    leaf = numbers.expand(_SAMPLES, -1).clone().requires_grad_()
    z = side.sample({name: leaf}, pair.tau)
    (slope,) = torch.autograd.grad(_weighed(z), leaf)
    return _holds((z[..., -1] <= 0.5).all() and slope.isfinite().all() and slope.any())


def _layouts(pair: Pair, side: Side) -> Outcome:
    """Sample parameters that are transposed, and expanded."""
    contiguous = checks.tiled(pair.parameters, _BATCH)
    shape = side.sample(contiguous, pair.tau).shape
    right = True
    for given in (
        {k: t.transpose(0, 1).contiguous().transpose(0, 1) for k, t in contiguous.items()},
        {k: torch.tensor(v).expand_as(contiguous[k]) for k, v in pair.parameters.items()},
    ):
        leaves = {k: t.detach().requires_grad_() for k, t in given.items()}
        z = side.sample(leaves, pair.tau)
        slopes = torch.autograd.grad(_weighed(z), [*leaves.values()])
        right &= z.shape == shape and all(bool(s.isfinite().all()) for s in (z, *slopes))
    return _holds(right)


def _temperatures(pair: Pair, side: Side) -> Outcome:
    """Draw with one temperature per element of a batch; the density has an entry per element."""
    if not side.tempered:
        return ABSENT
    given, tau = checks.tiled(pair.parameters, (len(_TAUS),)), torch.tensor(_TAUS)
    whole = side.sample(checks.tiled(pair.parameters, (len(_TAUS),)), pair.tau).shape
    z = side.sample(given, tau)
    right = z.shape == whole and bool(z.isfinite().all())
    if side.build and right and side.subject:
        density = side.subject.density(side.build(given, tau, None), z.detach())
        alone = [
            side.subject.density(side.build(_element(given, i), t, None), z.detach()[i : i + 1])
            for i, t in enumerate(tau)
        ]
        right = density.shape == tau.shape and torch.allclose(density, torch.cat(alone), atol=1e-5)
    return _holds(right)


def _element(given: Parameters, i: int) -> dict[str, Tensor]:
    return {name: tensor[i : i + 1] for name, tensor in given.items()}


def _learned(pair: Pair, side: Side) -> Outcome:
    """Differentiate a sample with respect to the temperature."""
    if not side.tempered:
        return ABSENT
    tau = torch.tensor(0.7, requires_grad=True)
    z = side.sample(checks.tiled(pair.parameters, (_SAMPLES // 100,)), tau)
    (slope,) = torch.autograd.grad(_weighed(z), tau)
    return _holds(slope.isfinite() and slope != 0)


def _gradient(pair: Pair, side: Side) -> Outcome:
    """Compare the mean gradient of a quadratic loss with its enumerated formula."""
    if pair.exact is None:
        return ABSENT
    one = torch.tensor(pair.parameters["logits"])
    weights = torch.tensor([1.0, -2.0, 0.5])

    def loss(z: Tensor) -> Tensor:
        return (z[..., 0, :] * weights).sum(-1).add(0.3).square()

    expected = pair.exact(one[None], loss)[0]
    leaf = one.expand(_DRAWS, 1, 3).clone().requires_grad_()
    (slopes,) = torch.autograd.grad(loss(side.sample({"logits": leaf}, pair.tau)).sum(), leaf)
    found, error = slopes[:, 0].mean(0), slopes[:, 0].std(0) / _DRAWS**0.5
    worst = ((found - expected).abs() / error).argmax()
    return _agree(found[worst], expected[worst], error[worst])


def _compiled(pair: Pair, side: Side) -> Outcome:
    """Compile a draw to one graph; it must draw anew at each call."""
    given = checks.tiled(pair.parameters, _BATCH)
    torch._dynamo.reset()
    # As the compiler does when it is first used.
    Distribution.set_default_validate_args(False)

    def call(*values: Tensor) -> Tensor:
        return side.sample(dict(zip(given, values, strict=True)), pair.tau)

    compiled = torch.compile(call, fullgraph=True, backend="eager")
    first, *others = (compiled(*given.values()) for _ in range(10))
    right = first.shape == call(*given.values()).shape
    return _holds(right and any(not torch.equal(first, other) for other in others))


def _mapped(pair: Pair, side: Side) -> Outcome:
    """Map a draw over a batch; each element must have its own noise."""
    given = checks.tiled(pair.parameters, (_SAMPLES // 100,))

    def call(*values: Tensor) -> Tensor:
        return side.sample(dict(zip(given, values, strict=True)), pair.tau)

    z = torch.vmap(call, randomness="different")(*given.values())
    return _holds(z.shape == call(*given.values()).shape and bool((z != z[:1]).any()))


def _functional(pair: Pair, side: Side) -> Outcome:
    """Differentiate a draw by `torch.func.grad`."""
    given = checks.tiled(pair.parameters, (_SAMPLES // 100,))
    slopes = torch.func.grad(lambda given: _weighed(side.sample(given, pair.tau)))(given)
    return _holds(all(bool(s.isfinite().all()) for s in slopes.values()))


def _weighed(z: Tensor) -> Tensor:
    return (z * torch.linspace(-1, 2, z.numel()).view(z.shape)).sum()


# --- of distributions


def _law(pair: Pair, side: Side, batch: tuple[int, ...] = (2,)) -> Any:
    assert side.build is not None
    return side.build(checks.tiled(pair.parameters, batch), pair.tau, None)


def _rejects(pair: Pair, side: Side) -> Outcome:
    """Build it with a parameter that is NaN, and evaluate the density at NaN."""
    build = side.build
    assert build is not None
    name = next(iter(pair.parameters))
    given = checks.tiled(pair.parameters, (2,))
    nothing = torch.full_like(side.sample(given, pair.tau), torch.nan)
    wrong = {**given, name: torch.full_like(given[name], torch.nan)}
    good = build(given, pair.tau, True)
    return _holds(
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


def _copied(pair: Pair, side: Side) -> Outcome:
    """Pickle and copy it; equal seeds give equal samples."""
    law = _law(pair, side)
    found = []
    for one in (law, pickle.loads(pickle.dumps(law)), copy.deepcopy(law)):
        torch.manual_seed(0)
        found.append(one.rsample())
    return _holds(all(torch.equal(found[0], other) for other in found))


def _density(pair: Pair, side: Side) -> Outcome:
    """Evaluate the density at samples of its own: a finite number per element."""
    assert side.subject is not None
    law = _law(pair, side, _BATCH)
    found = side.subject.density(law, side.subject.draw(law, ()))
    return _holds(found.shape == _BATCH and found.isfinite().all())


def _entropy(pair: Pair, side: Side) -> Outcome:
    """Compare it with the mean of −log p of samples."""
    assert side.subject is not None
    law, draws = _law(pair, side), _draws(pair, side)
    expected = law.entropy().reshape(2, -1).sum(-1)[0]
    values = -side.subject.density(law, draws).reshape(len(draws), 2, -1).sum(-1)[:, 0]
    return _agree(values.mean(), expected, values.std() / len(values) ** 0.5)


def _cdf(pair: Pair, side: Side) -> Outcome:
    """Compare it with the share of samples below a number."""
    if _is_vector(side):
        return ABSENT
    expected = _law(pair, side).cdf(torch.tensor(_MIDDLE))[0]
    below = (_draws(pair, side)[:, 0] <= _MIDDLE).float()
    return _agree(below.mean(), expected, below.std() / len(below) ** 0.5)


def _icdf(pair: Pair, side: Side) -> Outcome:
    """Compare it with the quantile of samples."""
    if _is_vector(side):
        return ABSENT
    at = _law(pair, side).icdf(torch.tensor(_QUANTILE))[0]
    z = _draws(pair, side)[:, 0]
    error = _FARTHEST * (_QUANTILE * (1 - _QUANTILE) / len(z)) ** 0.5
    right = (z < at).float().mean() - error <= _QUANTILE <= (z <= at).float().mean() + error
    return Outcome(f"{significant(float(at))}", bool(right))


def _is_vector(side: Side) -> bool:
    return side.subject is not None and side.subject.event != ()


@cache
def _draws(pair: Pair, side: Side) -> Tensor:
    assert pair.case is not None
    assert side.subject is not None
    return checks.drawn(side.subject, pair.case, _SAMPLES)


def _pyro(pair: Pair, side: Side) -> Outcome:
    """Draw it by `pyro.sample`, with Pyro's mixin if the class lacks it."""
    import pyro
    from pyro.distributions.torch_distribution import TorchDistributionMixin

    law = _law(pair, side)
    if not isinstance(law, TorchDistributionMixin):
        kind = type(law)
        law.__class__ = type(kind.__name__, (kind, TorchDistributionMixin), {})
    with pyro.poutine.trace() as trace:
        z = pyro.sample("z", law.to_event(len(law.batch_shape)))
    trace.trace.compute_log_prob()
    return _holds(z.isfinite().all() and trace.trace.nodes["z"]["log_prob"].isfinite().all())


def _only_laws(probe: Probe) -> Probe:
    return lambda pair, side: probe(pair, side) if side.build else ABSENT


#: The probes by what they probe.
PROBES: dict[str, Probe] = {
    "log_prob of its own sample, one number per element": _only_laws(_density),
    "entropy": _only_laws(_entropy),
    f"P(z ≤ {_MIDDLE}), by the cdf": _only_laws(_cdf),
    f"{_QUANTILE:.0%} quantile, by icdf": _only_laws(_icdf),
    "rejects NaN as parameter and as value": _only_laws(_rejects),
    "pickle and deepcopy": _only_laws(_copied),
    "pyro.sample, with Pyro’s mixin": _only_laws(_pyro),
    "rare value in bfloat16": _rare,
    "masked category": _masked,
    "transposed and expanded parameters": _layouts,
    "a τ per element of the batch": _temperatures,
    "gradient of τ": _learned,
    "mean gradient, by enumeration": _gradient,
    "torch.func.grad": _functional,
    "torch.vmap": _mapped,
    "torch.compile(fullgraph=True)": _compiled,
}
