"""REINFORCE (Williams, 1992), and with the leave-one-out baseline (Kool et al., 2019)."""

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax
from reinrelax.core.rng import Streams
from reinrelax.estimators.base import Estimate, draw, entering, score_function
from reinrelax.estimators.losses import Loss


@score_function(name="REINFORCE", equation="Williams 1992")
def reinforce(logits: Tensor, f: Loss, streams: Streams) -> Estimate:
    """REINFORCE: f(D) ∇ log π(D), unbiased for any f."""
    one_hot = draw(logits, streams).one_hot
    loss = f(one_hot)
    return Estimate(one_hot, loss.detach(), loss + loss.detach() * _log_prob(logits, one_hot, loss))


@score_function(name="REINFORCE-LOO", equation="Kool et al. 2019")
def reinforce_leave_one_out(logits: Tensor, f: Loss, streams: Streams, *, samples: int) -> Estimate:
    """REINFORCE with a leave-one-out baseline, over M independent samples D_1 … D_M:

    mean_m (f(D_m) − mean_{n≠m} f(D_n)) ∇ log π(D_m).
    """
    one_hots = [draw(logits, streams).one_hot for _ in range(samples)]
    losses = [f(one_hot) for one_hot in one_hots]
    total = torch.stack(losses).detach().sum(0)
    surrogate = torch.zeros_like(total)
    for one_hot, loss in zip(one_hots, losses, strict=True):
        baseline = (total - loss.detach()) / (samples - 1)
        surrogate = surrogate + loss + (loss.detach() - baseline) * _log_prob(logits, one_hot, loss)
    return Estimate(one_hots[-1], total / samples, surrogate / samples)


def _log_prob(logits: Tensor, one_hot: Tensor, loss: Tensor) -> Tensor:
    """log π(D) summed over the latent variables that one loss value joins, shape of `loss`."""
    chosen = log_softmax(entering(logits)).gather(-1, one_hot.argmax(-1, keepdim=True))[..., 0]
    return chosen.flatten(loss.ndim).sum(-1) if chosen.ndim > loss.ndim else chosen
