"""Policy gradient estimators at the logits of each step; the actor's gradient sums over steps.

Each estimates the gradient of the expected return with respect to the logits θ_t, to ascend. G_t is
the return from step t, b_t ~ softmax(θ_t) the action, z_t = log softmax(θ_t) + Gumbel noise its
relaxation with argmax b_t, z̃_t ~ z_t | b_t a conditional sample, and c(s, z) the control variate
(paper A, III.J).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax, softmax
from reinrelax.core.rng import Streams
from reinrelax.estimators.gumbel import conditional_keys

# The critic at the episodes' states, `[R, T]`: V, called without arguments, or c, called with
# relaxed actions `[R, T, A]`.
Critic = Callable[..., Tensor]


@dataclass(frozen=True)
class Steps:
    """The steps of R replicas with A actions.

    Attributes:
        logits: θ, `[R, T, A]`.
        one_hot: the actions b, `[R, T, A]`.
        gumbel: the noise that gave the actions, `[R, T, A]`.
        returns: G, `[R, T]`.
        streams: the streams for the noise of z̃.
    """

    logits: Tensor
    one_hot: Tensor
    gumbel: Tensor
    returns: Tensor
    streams: Streams

    @property
    def score(self) -> Tensor:
        """The score ∇ log π(b), `[R, T, A]`."""
        return self.one_hot - softmax(self.logits)


def reinforce(steps: Steps, _: Critic | None = None) -> Tensor:
    """Return G_t ∇ log π(b_t), `[R, T, A]`."""
    return steps.returns[..., None] * steps.score


def a2c(steps: Steps, value: Critic) -> Tensor:
    """Return (G_t − V(s_t)) ∇ log π(b_t), `[R, T, A]`."""
    return (steps.returns - value())[..., None] * steps.score


def relax(steps: Steps, control: Critic) -> Tensor:
    """Return (G_t − c(s_t, z̃_t)) ∇ log π(b_t) + ∇c(s_t, z_t) − ∇c(s_t, z̃_t), `[R, T, A]`.

    Paper A, III.J. Like `lax`, it is differentiable in the parameters of c.
    """
    theta = steps.logits.detach().requires_grad_()
    return _relax(steps, control, theta, log_softmax(theta))


def relax_unnormalised(steps: Steps, control: Critic) -> Tensor:
    """Return RELAX with θ instead of log softmax(θ) in z and z̃, as in the authors' public code.

    Then z̃ is not distributed as z given b, and the estimate is biased.
    """
    theta = steps.logits.detach().requires_grad_()
    return _relax(steps, control, theta, theta)


def lax(steps: Steps, control: Critic) -> Tensor:
    """Return G_t ∇ log π(b_t) − c(s_t, z_t) ∇ log p(z_t) + ∇c(s_t, z_t), `[R, T, A]`.

    This is "DLAX" of paper A, III.J. log p is the log-density of z, the sum over k of Gumbel
    log-densities with location log π_k.
    """
    theta = steps.logits.detach().requires_grad_()
    at_draw = control(log_softmax(theta) + steps.gumbel)
    (slope,) = torch.autograd.grad(at_draw.sum(), theta, create_graph=True)
    by_key = 1 - (-steps.gumbel).exp()  # ∂ log p(z)/∂ log π
    density_score = by_key - softmax(steps.logits) * by_key.sum(-1, keepdim=True)
    return steps.returns[..., None] * steps.score - at_draw[..., None] * density_score + slope


def _relax(steps: Steps, control: Critic, theta: Tensor, log_rates: Tensor) -> Tensor:
    """Return RELAX with relaxations `log_rates` + Gumbel noise, where `log_rates` depends on θ."""
    at_draw = control(log_rates + steps.gumbel)
    given_draw = control(conditional_keys(log_rates, steps.one_hot, steps.streams))
    (slope,) = torch.autograd.grad((at_draw - given_draw).sum(), theta, create_graph=True)
    return (steps.returns - given_draw)[..., None] * steps.score + slope
