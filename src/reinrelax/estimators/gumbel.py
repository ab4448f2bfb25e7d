"""Straight-Through Gumbel-Softmax (Jang et al., 2017), and Gumbel-Rao (Paulus et al., 2021) given
D.
"""

import torch
from torch import Tensor

from reinrelax.core.numerics import product, softmax
from reinrelax.core.rng import Streams
from reinrelax.estimators import conditional
from reinrelax.estimators.base import Sample, pathwise, softmax_vjp

# Elements of the Monte Carlo block worked on at once: few enough for the cache, enough for all
# threads.
_BLOCK = {"cpu": 1 << 19, "cuda": 1 << 26}


def relaxed(sample: Sample, *, tau: Tensor | float) -> Tensor:
    """Relaxed sample softmax((θ + G)/τ), `[R, ..., C]`, for the noise that made D."""
    return softmax((sample.log_probs + sample.gumbel) / tau)


@pathwise(name="STGS", equation="B, Eq. 5", relaxed=relaxed)
def straight_through_gumbel_softmax(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float
) -> Tensor:
    """Straight-Through Gumbel-Softmax: f′(D) d softmax_τ(θ + G)/dθ with the noise that made D."""
    return softmax_vjp(relaxed(sample, tau=tau), cotangent) / tau


@pathwise(name="Gumbel-Rao", equation="B, Eq. 6")
def gumbel_rao(cotangent: Tensor, sample: Sample, *, tau: Tensor | float, draws: int) -> Tensor:
    """Gumbel-Rao: the mean of Straight-Through Gumbel-Softmax over K draws of the noise given D.

    The derivative through the conditional reparameterisation is left out, as in B, section 2.3:
    only so is its mean that of Straight-Through Gumbel-Softmax.
    """
    return conditional_softmax_vjp(
        cotangent, sample.one_hot, sample.probs, tau, draws, sample.streams
    )


@pathwise(name="Gumbel-Rao-differentiated", equation="B, Eq. 6 and 7")
def gumbel_rao_differentiated(
    cotangent: Tensor, sample: Sample, *, tau: Tensor | float, draws: int
) -> Tensor:
    """Gumbel-Rao with the derivative through the conditional reparameterisation, as Eq. 6 is
    written.
    """
    return conditional_softmax_vjp(
        cotangent, sample.one_hot, sample.probs, tau, draws, sample.streams, through_y=True
    )


def conditional_gumbels(probs: Tensor, one_hot: Tensor, draws: int, streams: Streams) -> Tensor:
    """K draws of Y = θ + G given D = argmax(θ + G), where π = softmax(θ) and log Z(θ) = 0 (B, Eq.
    7).

    Args:
        probs: π, `[R, ..., C]`.
        one_hot: D, `[R, ..., C]`.
        draws: K.
        streams: one per replica.

    Returns:
        Y, `[R, ..., C, K]`; D's entry is the largest of each draw.
    """
    noise = streams.exponential_(probs.new_empty((*probs.shape, draws)))
    winner = noise.gather(
        -2, one_hot.argmax(-1, keepdim=True)[..., None].expand(*probs.shape[:-1], 1, draws)
    )
    # −log(E_j/π_j + E_i), and −log E_i for D's own entry. Linear rather than logarithmic sums are
    # safe in float32: E_i > 2⁻²⁴, and a quotient that overflows stands for a weight of zero.
    rates = probs.reciprocal().masked_fill_(one_hot > 0, 0.0)
    return noise.mul_(rates[..., None]).add_(winner).log_().neg_()


def conditional_keys(log_probs: Tensor, one_hot: Tensor, streams: Streams) -> Tensor:
    """One draw of Y = θ + G given D, `[R, ..., C]`, differentiable in log π = log softmax(θ) (B,
    Eq. 7).

    The logarithmic form of `conditional_gumbels`: its derivative is finite at any log π.
    """
    log_noise = streams.exponential_(torch.empty_like(log_probs)).log_()
    winner = log_noise.gather(-1, one_hot.argmax(-1, keepdim=True))
    return -torch.where(one_hot > 0, winner, torch.logaddexp(log_noise - log_probs, winner))


def conditional_softmax_vjp(
    cotangent: Tensor,
    one_hot: Tensor,
    probs: Tensor,
    tau: Tensor | float,
    draws: int,
    streams: Streams,
    *,
    through_y: bool = False,
) -> Tensor:
    """g · mean_k J_τ(Y_k) with Y_k ~ θ + G | D and J_τ = d softmax_τ (B, Algorithm 1, lines 8–9).

    Args:
        cotangent: g = ∂f/∂D, `[R, ..., C]`.
        one_hot: D, `[R, ..., C]`.
        probs: softmax of the θ that Y is drawn at, `[R, ..., C]`.
        tau: temperature that broadcasts to `[R, ..., 1]`.
        draws: K.
        streams: one per replica.
        through_y: whether to multiply by dY_k/dθ as well, which holds D and the exponential noise
            fixed.

    Returns:
        `[R, ..., C]`.
    """
    # A number is filled in where the device is: to copy it there, the host would wait.
    taus = tau.to(probs) if isinstance(tau, Tensor) else probs.new_full((), tau)
    taus = taus.expand(*probs.shape[:-1], 1)
    if not through_y and (kernel := conditional.kernel(probs, streams)):
        return kernel(cotangent, one_hot, probs, taus, draws, streams)
    out = torch.empty(probs.shape, dtype=probs.dtype, device=probs.device)
    rows = max(1, _BLOCK.get(probs.device.type, 1 << 26) // (probs.shape[-1] * draws))
    for *tensors, stream in streams.split(cotangent, one_hot, probs, taus, out):
        flat = [t.reshape(-1, t.shape[-1]).split(rows) for t in tensors[:-1]]
        blocks = tensors[-1].view(-1, probs.shape[-1]).split(rows)
        for g, hot, p, t, block in zip(*flat, blocks, strict=True):
            y = conditional_gumbels(p[None], hot[None], draws, stream)[0]
            if through_y:
                block.copy_(_total_derivative(g, p, y, t))
                continue
            weights = y.div_(t[..., None]).softmax(-2)  # [rows, C, K]
            inner = product(g[:, None, :], weights)  # [rows, 1, K]
            mean = weights.mean(-1)
            block.copy_((g * mean - product(weights, inner.mT)[..., 0] / draws) / t)
    return out


def _total_derivative(cotangent: Tensor, probs: Tensor, y: Tensor, tau: Tensor) -> Tensor:
    """mean_k g J_τ(Y_k) dY_k/dθ, `[rows, C]`, for Y `[rows, C, K]` and τ `[rows, 1]`.

    By B, Eq. 7, dY_j/dθ_k = (1 − b_j) δ_jk + b_j π_k with b_j = E_i e^Y_j = exp(Y_j − Y_i), where i
    is the
    drawn category: the part of Y_j that its bound by the maximum makes, and not its own logit.
    """
    weights = (y / tau[..., None]).softmax(-2)
    weighted = cotangent[..., None] * weights
    inner = (weighted - weights * weighted.sum(-2, keepdim=True)) / tau[..., None]
    bound = (y - y.amax(-2, keepdim=True)).exp_()
    shared = (bound * inner).sum(-2, keepdim=True)
    return ((1 - bound) * inner + probs[..., None] * shared).mean(-1)
