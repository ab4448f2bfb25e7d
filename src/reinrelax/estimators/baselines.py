"""REINFORCE with a learned baseline (NVIL; Mnih and Gregor, 2014) or a moving average.

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
    """Estimate by (f(D) − b) ∇ log π(D), which is unbiased for every b that does not depend on D.

    Args:
        logits: θ, `[..., C]`.
        f: the loss, as for `reinforce`.
        baseline: b, which broadcasts to the loss; typically the output of a network with the same
            inputs as f, except D.
        generator: source of all randomness; torch's global one if None.
        validate_args: as for all estimators.

    Returns:
        An estimate. If b requires a gradient, its `variance_loss` is (f(D) − b)², which is
        minimised when b is the mean of the loss. The surrogate gives b no gradient.
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
    """REINFORCE with an exponential moving average of the losses of earlier calls as baseline.

    The average is saved with the module that contains it. It is not updated in evaluation.

    Args:
        decay: the weight of the previous average, in [0, 1).
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
        """The current average; zero before the first loss."""
        return self.total / self.weight.clamp_min(1e-30)

    def forward(self, logits: Tensor, f: Loss, **options: Any) -> Estimate:
        """Estimate as `nvil` does, with the average as baseline."""
        estimate = nvil(logits, f, self.baseline, **options)
        if self.training and estimate.loss.numel():
            for held, new in ((self.total, estimate.loss.mean()), (self.weight, 1.0)):
                held.mul_(self.decay).add_(new * (1 - self.decay))
        return estimate
