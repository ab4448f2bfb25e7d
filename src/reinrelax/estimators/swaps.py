"""ARSM (Yin, Yue and Zhou, 2019), which compares codes with the noise of two categories swapped."""

import itertools

import torch
from torch import Tensor

from reinrelax.core.numerics import product
from reinrelax.core.rng import Streams
from reinrelax.estimators.base import Estimate, draw, entering, score_function
from reinrelax.estimators.losses import Loss, with_gradient


@score_function(name="ARSM", equation="Yin et al. 2019")
def arsm(logits: Tensor, f: Loss, streams: Streams) -> Estimate:
    """Estimate by mean_j (f(D^cj) − mean_m f(D^mj)) (1 − C ϖ_j) for the logit of category c.

    Here ϖ ~ Dir(1), and D^cj is the category with the smallest ϖ_i e^−θ_i after swapping ϖ_c and
    ϖ_j.

    Latent variables that share one loss swap the same two categories. f is called C (C − 1)/2 + 1
    times, or once if no gradient is required, and need not be differentiable. With two categories
    this is ARM.
    """
    sample = draw(logits, streams)
    C = logits.shape[-1]
    loss = f(sample.one_hot)
    if not (torch.is_grad_enabled() and logits.requires_grad):
        return Estimate(sample.one_hot, loss.detach(), loss)
    noise = torch.exp(-sample.gumbel)
    losses = loss.detach().expand(C, C, *loss.shape).clone()
    for c, j in itertools.combinations(range(C), 2):
        order = list(range(C))
        order[c], order[j] = j, c
        keys = sample.log_probs + sample.gumbel[..., order]
        swapped = torch.zeros_like(keys).scatter_(-1, keys.argmax(-1, keepdim=True), 1.0)
        with torch.no_grad():
            losses[c, j] = losses[j, c] = f(swapped)
    shares = 1 - C * noise / noise.sum(-1, keepdim=True)
    # Shapes [*loss, 1, …, C, C] and [..., C, 1].
    apart = (losses - losses.mean(0)).movedim((0, 1), (-2, -1)).to(shares.dtype)
    apart = apart[(..., *(None,) * (logits.ndim - 1 - loss.ndim), slice(None), slice(None))]
    gradient = product(apart, shares[..., None])[..., 0] / C
    gradient = gradient.masked_fill(entering(logits.detach()) == -torch.inf, 0.0)
    return Estimate(sample.one_hot, loss.detach(), with_gradient(loss, gradient, logits))
