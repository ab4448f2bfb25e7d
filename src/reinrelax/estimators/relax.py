"""RELAX (Grathwohl et al., 2018): REINFORCE with a control variate on the relaxed sample.

Any differentiable control variate leaves the estimate unbiased; a good one is learned by its `variance_loss`.

>>> import torch
>>> logits = torch.zeros(5, 1, 3, requires_grad=True)
>>> f = lambda one_hot: (one_hot[..., 0, :] * torch.tensor([1.0, 2.0, 5.0])).sum(-1)
>>> net = torch.nn.Linear(3, 1)
>>> relax = relax_with(lambda z: net(z.softmax(-1))[..., 0, 0], parameters=net.parameters())
>>> estimate = relax(logits, f)
>>> estimate.surrogate.sum().backward()
>>> gradient_of_phi = torch.autograd.grad(estimate.variance_loss.sum(), list(net.parameters()))
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from reinrelax.errors import InputError
from reinrelax.estimators.base import (
    Estimate,
    Loss,
    ScoreFunction,
    checked,
    draw,
    entering,
    score_function,
)
from reinrelax.estimators.gumbel import conditional_keys
from reinrelax.numerics import log_softmax, softmax
from reinrelax.rng import Streams

# From the keys z = log π + G, `[R, ..., C]`, to a tensor of the loss's shape.
Control = Callable[[Tensor], Tensor]
# In place of the logarithm of a masked category's probability: z/τ has a finite derivative in τ.
_MASKED = -1e30


@score_function(name="RELAX", equation="A, III.J")
def relax_estimate(logits: Tensor, f: Loss, streams: Streams, *, tau: Tensor | float) -> Estimate:
    """(f(D) − c(z̃)) ∇ log π(D) + ∇c(z) − ∇c(z̃) with the control variate c(z) = f(softmax(z/τ)).

    So it is REBAR with η = 1, and f must accept relaxed samples. `relax_with` takes another c.
    """
    return controlled(logits, f, streams, lambda z: f(softmax(z / tau)), learn=learned(tau))


def relax_with(control: Control, *, parameters: Iterable[Tensor] = ()) -> ScoreFunction:
    """RELAX with a control variate of one's own; f is then called at one-hot samples only.

    Args:
        control: c_φ, from the keys z = log π + G, `[R, ..., C]`, to the shape of the loss.
        parameters: φ, if it is to be learned; `Estimate.variance_loss` is then given.
    """
    phi = tuple(parameters)

    @score_function(name="RELAX", equation="A, III.J")
    def relax_with_control(logits: Tensor, f: Loss, streams: Streams) -> Estimate:
        """RELAX with a control variate of one's own."""
        return controlled(logits, f, streams, control, learn=learned(*phi))

    return relax_with_control


def controlled(
    logits: Tensor,
    f: Loss,
    streams: Streams,
    control: Control,
    *,
    scale: Tensor | float = 1.0,
    learn: bool = False,
) -> Estimate:
    """f(D) ∇ log π(D) + scale · (∇c(z) − ∇c(z̃) − c(z̃) ∇ log π(D)), z̃ ~ z | D.

    The logits are normalised: the conditional sample is that of log softmax(θ) + G, and without its log Z the
    estimate would be biased. In inference mode, where nothing has a gradient, there are only D and its loss.

    Args:
        scale: broadcasts to `[R, ..., 1]`: a factor of each coordinate of the variate.
        learn: whether to build the graph of `variance_loss`, by a derivative that can be derived again.
    """
    sample = draw(logits, streams)
    loss = f(sample.one_hot)
    with torch.enable_grad():
        theta = entering(logits.detach()).requires_grad_()
        log_probs = log_softmax(theta).clamp_min(_MASKED)
        variate = checked("RELAX, REBAR: the control variate", control, logits.dtype, loss.shape)
        if torch.is_inference_mode_enabled():
            conditional_keys(log_probs, sample.one_hot, streams)  # for the streams to go on as they would
            return Estimate(sample.one_hot, loss, loss)
        at_draw = variate(log_probs + sample.gumbel)
        given_draw = variate(conditional_keys(log_probs, sample.one_hot, streams))
        if not at_draw.requires_grad:
            raise InputError(
                "RELAX, REBAR: the control variate must be differentiable in z; it has no gradient"
            )
        (slope,) = torch.autograd.grad((at_draw - given_draw).sum(), theta, create_graph=learn)
    score = sample.one_hot - sample.probs
    own_axes = tuple(range(loss.ndim, logits.ndim))
    per_code = (..., *(None,) * len(own_axes))
    correction = slope - given_draw[per_code] * score
    gradient = loss.detach()[per_code] * score + scale * correction
    if not learn:
        gradient = gradient.detach()
    linear = (gradient.detach() * logits.masked_fill(logits == -torch.inf, 0.0)).sum(own_axes)
    return Estimate(
        sample.one_hot,
        loss.detach(),
        loss + linear,
        gradient.square().sum(own_axes) if learn else None,
    )


def learned(*values: Tensor | float) -> bool:
    """Whether any of the values asks for a gradient."""
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)
