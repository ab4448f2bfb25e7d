"""RELAX (Grathwohl et al., 2018): REINFORCE with a control variate on the relaxed sample.

Any differentiable control variate leaves the estimate unbiased; a good one is learned by its
`variance_loss`.

>>> import torch
>>> logits = torch.zeros(5, 1, 3, requires_grad=True)
>>> f = lambda one_hot: (one_hot[..., 0, :] * torch.tensor([1.0, 2.0, 5.0])).sum(-1)
>>> net = torch.nn.Linear(3, 1)
>>> relax = relax_with(lambda z: net(z.softmax(-1))[..., 0, 0], parameters=net.parameters())
>>> estimate = relax(logits, f)
>>> estimate.surrogate.sum().backward()
>>> gradient_of_phi = torch.autograd.grad(estimate.variance_loss.sum(), list(net.parameters()))
"""

import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax, softmax
from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators.base import (
    MASKED,
    Estimate,
    ScoreFunction,
    draw,
    entering,
    score_function,
)
from reinrelax.estimators.gumbel import conditional_keys
from reinrelax.estimators.losses import Loss, checked, constant, wants_gradient, with_gradient

# From the keys z = log π + G, `[R, ..., C]`, to a tensor of the loss's shape.
Control = Callable[[Tensor], Tensor]
# Units of the network of the control variate.
_UNITS = 100


def network(inputs: int, streams: Streams) -> dict[str, Tensor]:
    """Initial φ, by name, R of each, of a network r_φ with one hidden layer of tanh that is zero at
    first.

    Args:
        inputs: numbers that it takes.
        streams: R of them, on the CPU.
    """

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(len(streams), *shape, dtype=torch.float32, device="cpu")

    return {
        "inner": streams.normal_(zeros(inputs, _UNITS)) / math.sqrt(inputs),
        "offset": zeros(1, _UNITS),
        "outer": zeros(_UNITS, 1),
    }


def residual(code: Tensor, phi: Mapping[str, Tensor]) -> Tensor:
    """Network r_φ at codes `[R, B, inputs]`: `[R, B]`."""
    return (torch.tanh(code @ phi["inner"] + phi["offset"]) @ phi["outer"])[..., 0]


@score_function(
    name="RELAX",
    equation="A, III.J",
    learns=("tau",),
    parameters=lambda shape, streams: network(shape.latents * shape.categories, streams),
)
def relax_estimate(
    logits: Tensor,
    f: Loss,
    streams: Streams,
    *,
    tau: Tensor | float,
    phi: Mapping[str, Tensor] | None = None,
) -> Estimate:
    """RELAX: (f(D) − c(z̃)) ∇ log π(D) + ∇c(z) − ∇c(z̃), where c(z) = f(w) + r_φ(w) and w =
    softmax(z/τ).

    A training learns τ and the network r_φ. Elsewhere r_φ is zero, so that this is REBAR with η =
    1; `relax_with` takes another c. f must accept relaxed samples.
    """

    alone = constant(f)

    def control(z: Tensor) -> Tensor:
        code = softmax(z / tau)
        return alone(code) + (residual(code.flatten(2), phi) if phi else 0.0)

    return controlled(logits, f, streams, control, learn=wants_gradient(tau, *(phi or {}).values()))


def relax_with(control: Control, *, parameters: Iterable[Tensor] = ()) -> ScoreFunction:
    """RELAX with a given control variate; f is then called at one-hot samples only.

    Args:
        control: c_φ, from the keys z = log π + G, `[R, ..., C]`, to the shape of the loss.
        parameters: φ, if it is to be learned; `Estimate.variance_loss` is then given.
    """
    phi = tuple(parameters)

    @score_function(name="RELAX", equation="A, III.J")
    def relax_with_control(logits: Tensor, f: Loss, streams: Streams) -> Estimate:
        """RELAX with a given control variate."""
        return controlled(logits, f, streams, control, learn=wants_gradient(*phi))

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
    """Estimate f(D) ∇ log π(D) + scale · (∇c(z) − ∇c(z̃) − c(z̃) ∇ log π(D)), z̃ ~ z | D.

    The logits are normalised: the conditional sample is that of log softmax(θ) + G, and without its
    log Z the estimate would be biased. In inference mode, where nothing has a gradient, there are
    only D and its loss.

    Args:
        scale: broadcasts to `[R, ..., 1]`: a factor of each coordinate of the variate.
        learn: whether to build the graph of `variance_loss`, by a derivative that can be derived
            again.
    """
    sample = draw(logits, streams)
    loss = f(sample.one_hot)
    with torch.enable_grad():
        theta = entering(logits.detach()).requires_grad_()
        log_probs = log_softmax(theta).clamp_min(MASKED)
        variate = checked("RELAX, REBAR: the control variate", control, logits.dtype, loss.shape)
        if torch.is_inference_mode_enabled():
            conditional_keys(
                log_probs, sample.one_hot, streams
            )  # for the streams to go on as they would
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
    return Estimate(
        sample.one_hot,
        loss.detach(),
        with_gradient(loss, gradient.detach(), logits),
        gradient.square().sum(own_axes) if learn else None,
    )
