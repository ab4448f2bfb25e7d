"""Estimators that call the loss once, with all their samples: RLOO and VIMCO.

The loss f maps one-hot codes `[M, ..., C]` to `[M, ...]`, or to fewer axes after the first if it
joins latent variables. Other inputs of the loss must broadcast against the leading axis of samples.

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
    """Estimate by REINFORCE with the leave-one-out baseline (Kool et al., 2019) over M samples.

    The estimate is the mean of (f(D_m) − mean_{n≠m} f(D_n)) ∇ log π(D_m).

    Args:
        logits: θ, `[..., C]`.
        f: the loss at all samples.
        **options: `samples`, M, by default 2; `generator` and `validate_args` as for all
            estimators.

    Returns:
        An estimate whose `one_hot` is `[M, ..., C]` and whose `loss` is the mean over the samples.
    """
    one_hot, losses, log_prob = _several("RLOO", logits, f, **options)
    signal = losses.detach() - _others(losses.detach())
    return Estimate(one_hot, losses.detach().mean(0), (losses + signal * log_prob).mean(0))


def vimco(logits: Tensor, log_weight: Loss, **options: Any) -> Estimate:
    """Estimate the gradient of E log mean_m w_m by VIMCO (Mnih and Rezende, 2016).

    This is the multi-sample bound. The learning signal of sample m is the bound minus the bound in
    which log w_m is replaced by the mean of the others.

    Args:
        logits: θ, `[..., C]`.
        log_weight: log w at all samples, such as log p(x, D) − log q(D). The estimate includes its
            own gradient.
        **options: as for `rloo`.

    Returns:
        An estimate whose `one_hot` is `[M, ..., C]` and whose `loss` is the bound. The bound is to
        be maximised: minimise the negative surrogate.
    """
    one_hot, log_w, log_prob = _several("VIMCO", logits, log_weight, **options)
    count = len(log_w)
    bound = log_w.logsumexp(0) - math.log(count)
    known = log_w.detach()
    own = torch.eye(count, dtype=torch.bool, device=known.device).view(
        count, count, *(1,) * (known.ndim - 1)
    )
    # In row m the mean of the others replaces entry m.
    without = torch.where(own, _others(known), known).logsumexp(1) - math.log(count)
    return Estimate(one_hot, bound.detach(), bound + ((bound.detach() - without) * log_prob).sum(0))


def _others(values: Tensor) -> Tensor:
    """Return, for each row of `[M, ...]`, the mean of all other rows."""
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
    """Draw samples `[M, ..., C]`; return them, f's values and log probabilities `[M, ...]`."""
    completed(owner, ("samples",), logits, {"samples": samples}, validate_args)
    repeated = logits.expand(samples, *logits.shape)
    one_hot = draw(repeated[None], Streams([generator])).one_hot[0]
    shapes = [(samples, *shape) for shape in leading(logits)]
    losses = checked(f"{owner}: f", f, logits.dtype, *shapes)(one_hot)
    return one_hot.to(logits.dtype), losses, _log_prob(repeated, one_hot, losses)
