"""Estimators that call the loss once, at all their samples: RLOO and VIMCO.

Here f maps one-hot codes `[M, ..., C]` to `[M, ...]`, or to fewer axes behind the first one where
it joins latent variables. What a loss is conditioned on broadcasts against the samples' axis in
front.

>>> import torch
>>> logits = torch.zeros(5, 2, 3, requires_grad=True)
>>> estimate = rloo(logits, lambda z: (z[..., 0, :] * z[..., 1, :]).sum(-1), samples=8)
>>> estimate.surrogate.sum().backward()
>>> estimate.one_hot.shape, estimate.loss.shape
(torch.Size([8, 5, 2, 3]), torch.Size([5]))
"""

import math
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.estimators.arguments import completed
from reinrelax.estimators.base import Estimate, draw
from reinrelax.estimators.losses import Loss, checked, leading
from reinrelax.estimators.score import _log_prob


def rloo(logits: Tensor, f: Loss, **options: Any) -> Estimate:
    """REINFORCE with the leave-one-out baseline (Kool et al., 2019) over M samples: the mean of
    (f(D_m) − mean_{n≠m} f(D_n)) ∇ log π(D_m).

    Args:
        logits: θ, `[..., C]`.
        f: of all samples.
        **options: `samples`, M, 2 unless given; `generator` and `validate_args` as of all
            estimators.

    Returns:
        An estimate whose `one_hot` is `[M, ..., C]` and whose `loss` is the mean over the samples.
    """
    one_hot, losses, log_prob = _several("RLOO", logits, f, **options)
    signal = losses.detach() - _others(losses.detach())
    return Estimate(one_hot, losses.detach().mean(0), (losses + signal * log_prob).mean(0))


def vimco(logits: Tensor, log_weight: Loss, **options: Any) -> Estimate:
    """The gradient of E log mean_m w_m, the bound of several samples, by VIMCO (Mnih and Rezende,
    2016).

    The signal of sample m is the bound less the bound in which log w_m is the mean of the others'.

    Args:
        logits: θ, `[..., C]`.
        log_weight: log w of all samples, such as log p(x, D) − log q(D); its own gradient is in the
            estimate.
        **options: as of `rloo`.

    Returns:
        An estimate whose `one_hot` is `[M, ..., C]` and whose `loss` is the bound. It is to grow:
        descend on the negative surrogate.
    """
    one_hot, log_w, log_prob = _several("VIMCO", logits, log_weight, **options)
    count = len(log_w)
    bound = log_w.logsumexp(0) - math.log(count)
    known = log_w.detach()
    own = torch.eye(count, dtype=torch.bool, device=known.device).view(
        count, count, *(1,) * (known.ndim - 1)
    )
    # Row m has the mean of the others in the place of m.
    without = torch.where(own, _others(known), known).logsumexp(1) - math.log(count)
    return Estimate(one_hot, bound.detach(), bound + ((bound.detach() - without) * log_prob).sum(0))


def _others(values: Tensor) -> Tensor:
    """Of each row `[M, ...]` the mean of all others."""
    return (values.sum(0) - values) / (len(values) - 1)


def _several(
    owner: str,
    logits: Tensor,
    f: Loss,
    *,
    samples: int = 2,
    generator: torch.Generator | None = None,
    validate_args: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Samples `[M, ..., C]`, f's values and their log probabilities `[M, ...]`."""
    completed(owner, ("samples",), logits, {"samples": samples}, validate_args)
    repeated = logits.expand(samples, *logits.shape)
    one_hot = draw(repeated[None], Streams([generator])).one_hot[0]
    shapes = [(samples, *shape) for shape in leading(logits)]
    losses = checked(f"{owner}: f", f, logits.dtype, *shapes)(one_hot)
    return one_hot.to(logits.dtype), losses, _log_prob(repeated, one_hot, losses)
