"""Adam and RAdam over replicas, each with its own learning rate, in one pass over memory.

Both are `p ← p − a m / (√v / b + ε)` with a, b, ε that depend on the step alone, so both run on torch's fused
Adam kernel: RAdam (Liu et al., 2020) is Adam whose learning rate and ε change with t.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPSILON = 1e-8
OPTIMIZERS = ("Adam", "RAdam")

# So large an ε that √v vanishes beside it in float32: what RAdam does while the variance is not yet known.
_UNADAPTED = 1e16


def schedule(optimizer: str, learning_rate: float, t: int) -> tuple[float, float]:
    """The (learning rate, ε) with which Adam's step t = 1, 2, … is that of `optimizer` in torch.optim."""
    if optimizer == "Adam":
        return learning_rate, EPSILON
    beta2 = BETAS[1]
    correction = 1 - beta2**t
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / correction
    if rho <= 5:
        return learning_rate * _UNADAPTED, _UNADAPTED
    rectified = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    # torch's RAdam adds ε to √v before the bias correction, Adam after it.
    return learning_rate * rectified, EPSILON / math.sqrt(correction)


class ReplicaOptimizer:
    """Optimizer state for parameters with a leading replica axis.

    Args:
        parameters: tensors `[R, ...]`, changed in place.
        grads: tensors of the same shapes, read.
        optimizers: "Adam" or "RAdam", one a replica.
        learning_rates: one a replica.

    Attributes:
        first, second: moment estimates, shapes of the parameters.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        grads: Sequence[Tensor],
        optimizers: Sequence[str],
        learning_rates: Sequence[float],
    ) -> None:
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self._settings = list(zip(optimizers, learning_rates, strict=True))
        replicas = range(len(self._settings))
        # What the kernel corrects biases by, and advances unless the replica is dead: one count a tensor.
        self._counts = torch.zeros(len(parameters), len(replicas), device=parameters[0].device)
        lists = (parameters, grads, self.first, self.second, self._counts)
        self._rows = [[[t[r] for t in tensors] for tensors in lists] for r in replicas]
        self.t = 0

    @property
    def t(self) -> int:
        """Steps done."""
        return self._t

    @t.setter
    def t(self, steps: int) -> None:
        self._t = steps
        self._counts.fill_(steps)

    @torch.no_grad()
    def step(self, dead: Tensor) -> None:
        """Advance every replica whose entry in `dead` `[R]` float is 0; the others keep their parameters."""
        for replica, (optimizer, learning_rate) in enumerate(self._settings):
            parameters, grads, first, second, counts = self._rows[replica]
            rate, epsilon = schedule(optimizer, learning_rate, self._t + 1)
            adam(
                parameters,
                grads,
                first,
                second,
                [],
                counts,
                fused=True,
                found_inf=dead[replica],
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=0.0,
                eps=epsilon,
                maximize=False,
            )
        self._t += 1
