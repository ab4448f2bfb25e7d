"""Probes of what a distribution or function draws."""

import torch
from torch import Tensor

from docs.peers.cases import Pair, Parameters, Side
from docs.peers.outcome import ABSENT, BATCH, DRAWS, SAMPLES, Outcome, agree, holds, weighed
from reinrelax.experiments.library import checks

_RARE, _SHIFT = 0.002, 3.0
_TAUS = (0.3, 2.0)


def rare(pair: Pair, side: Side) -> Outcome:
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
    given = checks.tiled({**pair.parameters, name: numbers.tolist()}, (DRAWS,))
    rounded = {key: tensor.bfloat16() for key, tensor in given.items()}
    with torch.no_grad():
        wide = pair.first(side.sample({k: t.float() for k, t in rounded.items()}, pair.tau))
        narrow = pair.first(side.sample(rounded, pair.tau).float())
    # Values of a hard sample need not be 0 and 1.
    level = wide.max() / 2
    share, expected = ((found > level).double().mean() for found in (narrow, wide))
    if not 0 < expected < 0.5:
        return Outcome("no", False)
    return agree(share, expected, ((share + expected) / DRAWS).sqrt())


def masked(pair: Pair, side: Side) -> Outcome:
    """Check that a category of probability zero is never drawn, and that gradients are finite."""
    name, value = next(iter(pair.parameters.items()))
    numbers = torch.tensor(value)
    if name == "logits":
        numbers = torch.cat((numbers[:-1], torch.tensor([-torch.inf])))
    elif name == "probs" and numbers.ndim and float(numbers.sum()) == 1:
        numbers = torch.cat((numbers[:-1] / numbers[:-1].sum(), torch.zeros(1)))
    else:
        return ABSENT
    leaf = numbers.expand(SAMPLES, -1).clone().requires_grad_()
    z = side.sample({name: leaf}, pair.tau)
    (slope,) = torch.autograd.grad(weighed(z), leaf)
    return holds((z[..., -1] <= 0.5).all() and slope.isfinite().all() and slope.any())


def layouts(pair: Pair, side: Side) -> Outcome:
    """Sample parameters that are transposed, and expanded."""
    contiguous = checks.tiled(pair.parameters, BATCH)
    shape = side.sample(contiguous, pair.tau).shape
    right = True
    for given in (
        {k: t.transpose(0, 1).contiguous().transpose(0, 1) for k, t in contiguous.items()},
        {k: torch.tensor(v).expand_as(contiguous[k]) for k, v in pair.parameters.items()},
    ):
        leaves = {k: t.detach().requires_grad_() for k, t in given.items()}
        z = side.sample(leaves, pair.tau)
        slopes = torch.autograd.grad(weighed(z), [*leaves.values()])
        right &= z.shape == shape and all(bool(s.isfinite().all()) for s in (z, *slopes))
    return holds(right)


def temperatures(pair: Pair, side: Side) -> Outcome:
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
    return holds(right)


def _element(given: Parameters, i: int) -> dict[str, Tensor]:
    return {name: tensor[i : i + 1] for name, tensor in given.items()}


def learned(pair: Pair, side: Side) -> Outcome:
    """Differentiate a sample with respect to the temperature."""
    if not side.tempered:
        return ABSENT
    tau = torch.tensor(0.7, requires_grad=True)
    z = side.sample(checks.tiled(pair.parameters, (SAMPLES // 100,)), tau)
    (slope,) = torch.autograd.grad(weighed(z), tau)
    return holds(slope.isfinite() and slope != 0)


def gradient(pair: Pair, side: Side) -> Outcome:
    """Compare the mean gradient of a quadratic loss with its enumerated formula."""
    if pair.exact is None:
        return ABSENT
    one = torch.tensor(pair.parameters["logits"])
    weights = torch.tensor([1.0, -2.0, 0.5])

    def loss(z: Tensor) -> Tensor:
        return (z[..., 0, :] * weights).sum(-1).add(0.3).square()

    expected = pair.exact(one[None], loss)[0]
    leaf = one.expand(DRAWS, 1, 3).clone().requires_grad_()
    (slopes,) = torch.autograd.grad(loss(side.sample({"logits": leaf}, pair.tau)).sum(), leaf)
    found, error = slopes[:, 0].mean(0), slopes[:, 0].std(0) / DRAWS**0.5
    worst = ((found - expected).abs() / error).argmax()
    return agree(found[worst], expected[worst], error[worst])
