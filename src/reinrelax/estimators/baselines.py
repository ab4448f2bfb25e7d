"""REINFORCE with a baseline that is learned (NVIL; Mnih and Gregor, 2014) or a moving average.

>>> import torch
>>> x, logits = torch.randn(5, 4), torch.zeros(5, 2, 3, requires_grad=True)
>>> f = lambda z: (z[..., 0, :] * z[..., 1, :]).sum(-1)
>>> network = torch.nn.Linear(4, 1)
>>> estimate = nvil(logits, f, network(x)[:, 0])
>>> (estimate.surrogate + estimate.variance_loss).sum().backward()
>>> average = MovingAverage()
>>> average(logits, f).surrogate.sum().backward()
"""

from typing import Any

import torch
from torch import Tensor, nn

from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators.arguments import completed
from reinrelax.estimators.base import Estimate, draw
from reinrelax.estimators.losses import Loss, checked, leading
from reinrelax.estimators.score import _log_prob


def nvil(
    logits: Tensor,
    f: Loss,
    baseline: Tensor | float,
    *,
    generator: torch.Generator | None = None,
    validate_args: bool | None = None,
) -> Estimate:
    """(f(D) − b) ∇ log π(D), unbiased for every b that was made without D.

    Args:
        logits: θ, `[..., C]`.
        f: as of `reinforce`.
        baseline: b, which broadcasts to the loss; of a network that knows what f is conditioned on.
        generator: source of all randomness; torch's global one if None.
        validate_args: as of all estimators.

    Returns:
        An estimate whose `variance_loss`, where b requires a gradient, is (f(D) − b)²: to descend
        on it brings b to the mean of the loss. The surrogate gives b none.
    """
    completed("NVIL", (), logits, {}, validate_args)
    one_hot = draw(logits[None], Streams([generator])).one_hot[0]
    loss = checked("NVIL: f", f, logits.dtype, *leading(logits))(one_hot)
    known = torch.as_tensor(baseline, dtype=loss.dtype, device=loss.device)
    try:
        known = known.expand(loss.shape)
    except RuntimeError:
        raise InputError(
            f"NVIL: baseline must broadcast to the loss, {list(loss.shape)}; got"
            f" {list(known.shape)}"
        ) from None
    apart = loss.detach() - known
    return Estimate(
        one_hot.to(logits.dtype),
        loss.detach(),
        loss + apart.detach() * _log_prob(logits, one_hot, loss),
        apart.square() if known.requires_grad else None,
    )


class MovingAverage(nn.Module):
    """REINFORCE with the mean of the losses of earlier calls, later ones counting more, as
    baseline.

    It is saved with the module that holds it. In evaluation the average stays as it is.

    Args:
        decay: weight of the average so far, in [0, 1).
    """

    total: Tensor
    weight: Tensor

    def __init__(self, decay: float = 0.9) -> None:
        super().__init__()
        if not isinstance(decay, (int, float)) or not 0 <= decay < 1:
            raise InputError(f"MovingAverage: decay must be in [0, 1); got {decay!r}")
        self.decay = decay
        for name in ("total", "weight"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64, device="cpu"))

    @property
    def baseline(self) -> Tensor:
        """The average so far, zero before the first loss."""
        return self.total / self.weight.clamp_min(1e-30)

    def forward(self, logits: Tensor, f: Loss, **options: Any) -> Estimate:
        """As of `nvil`, without the baseline."""
        estimate = nvil(logits, f, self.baseline, **options)
        if self.training and estimate.loss.numel():
            for held, new in ((self.total, estimate.loss.mean()), (self.weight, 1.0)):
                held.mul_(self.decay).add_(new * (1 - self.decay))
        return estimate
