"""Expectations by quadrature of a density, to which samples are compared."""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


def on_interval(
    log_prob: Function, f: Function, *, width: float = 36.0, points: int = 6001
) -> Tensor:
    """∫ f(z) p(z) dz over (0, 1) by the trapezoid rule in logit z, for a scalar law."""
    x = torch.linspace(-width, width, points, dtype=torch.float64)
    z = torch.sigmoid(x).clamp(1e-300, 1 - 1e-16)
    return (f(z) * log_prob(z).exp() * torch.sigmoid(x) * torch.sigmoid(-x)).sum() * (x[1] - x[0])


def on_square(log_prob: Function, f: Function, *, width: float = 12.0, points: int = 601) -> Tensor:
    """∫ f(z) p(z) dz over (0, 1)² by the trapezoid rule in logit z."""
    x = torch.linspace(-width, width, points, dtype=torch.float64)
    grid = torch.cartesian_prod(x, x)
    z = torch.sigmoid(grid)
    return (f(z) * log_prob(z).exp() * (z * (1 - z)).prod(-1)).sum() * (x[1] - x[0]) ** 2


def on_simplex(
    log_prob: Function, f: Function, *, width: float = 14.0, points: int = 701
) -> Tensor:
    """∫ f(z) p(z) dz over the simplex of three by the trapezoid rule in the log-ratios to
    the last.
    """
    x = torch.linspace(-width, width, points, dtype=torch.float64)
    grid = torch.cartesian_prod(x, x)
    z = torch.cat((grid, torch.zeros_like(grid[:, :1])), -1).softmax(-1)
    return (f(z) * log_prob(z).exp() * z.prod(-1)).sum() * (x[1] - x[0]) ** 2


def z_score(samples: Tensor, truth: Tensor | float) -> float:
    """How many standard errors the mean over the first axis is from the truth, at the worst
    coordinate.
    """
    error = samples.std(0) / samples.shape[0] ** 0.5
    return float(((samples.mean(0) - truth) / error.clamp_min(1e-14)).abs().max())


def pathwise_gradients(make_value: Function, parameter: Tensor, count: int) -> Tensor:
    """Gradient of each of `count` values with respect to a parameter `[...]`: `[count, ...]`.

    `make_value` maps the parameter, given a leading sample axis by `expand`, to one value per
    sample.
    """
    leaf = parameter.detach().expand(count, *parameter.shape).clone().requires_grad_()
    (out,) = torch.autograd.grad(make_value(leaf).sum(), leaf)
    return out
