"""DisARM (Dong, Mnih and Tucker, 2020), and its stick-breaking extension to categories (2021)."""

import torch
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.estimators.base import MASKED, Estimate, entering, score_function
from reinrelax.estimators.losses import Loss


@score_function(name="DisARM", equation="Dong et al. 2020, 2021")
def disarm(logits: Tensor, f: Loss, streams: Streams) -> Estimate:
    """Estimate by differences of f at two codes from one noise and its opposite.

    The estimate at the log-odds α_i of stick i is ½ (f(D) − f(D̃)) (−1)^b̃_i 1{b_i ≠ b̃_i}
    σ(|α_i|). D and D̃ use the same noise with opposite signs. Stick i breaks, b_i = 1, with
    log-odds α_i = θ_i − log Σ_k>i e^θ_k, and D is the first stick that breaks. With two categories
    this is DisARM for a Bernoulli. Sticks that neither code reaches are omitted, because f does not
    depend on them. f is called twice and need not be differentiable.
    """
    theta = entering(logits).clamp_min(MASKED)
    alpha = theta[..., :-1] - theta.flip(-1).logcumsumexp(-1).flip(-1)[..., 1:]
    u = streams.uniform_(torch.empty(alpha.shape, dtype=alpha.dtype, device=alpha.device))
    noise = u.log() - torch.log1p(-u)
    one, other = (alpha.detach() + sign * noise > 0 for sign in (1, -1))
    (one_hot, reached), (opposite, also_reached) = (
        _first(broken, theta) for broken in (one, other)
    )
    loss, counter = f(one_hot), f(opposite)
    sign = torch.where(other, -1.0, 1.0).to(theta.dtype)
    weight = sign * (one != other) * (reached | also_reached) * alpha.detach().abs().sigmoid()
    joined = (weight * alpha).flatten(loss.ndim).sum(-1)
    surrogate = (loss + counter) / 2 + (loss - counter).detach() / 2 * joined
    return Estimate(one_hot, ((loss + counter) / 2).detach(), surrogate)


def _first(broken: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return one-hot of the first broken stick or last category, and the sticks up to it."""
    before = broken.cumsum(-1, dtype=torch.int64) - broken.long()
    reached = before == 0
    last = ~broken.any(-1, keepdim=True)
    return torch.cat((broken & reached, last), -1).to(theta.dtype), reached
