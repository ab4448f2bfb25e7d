"""Adam and RAdam over replicas with individual learning rates, in one pass over memory.

Both are `p ← p − a m / (√v / b + ε)`, where a, b and ε depend only on the step. Both therefore use
torch's fused Adam kernel: RAdam (Liu et al., 2020) is Adam with a learning rate and an ε that
depend on the step t.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from reinrelax.kernels.gpu import support

BETAS = (0.9, 0.999)
EPSILON = 1e-8

# An ε so large that √v is negligible in float32: RAdam does not adapt its first steps, in which the
# variance estimate is unreliable.
_UNADAPTED = 1e16


def schedule(optimizer: str, learning_rate: float, t: int) -> tuple[float, float]:
    """Return the (learning rate, ε) for which Adam's step t = 1, 2, … equals that of `optimizer`.

    `optimizer` is the one in torch.optim, "Adam" or "RAdam".
    """
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
    """An optimizer for parameters with a leading replica axis.

    Args:
        parameters: tensors `[R, ...]`, changed in place.
        grads: their gradients, of the same shapes.
        optimizers: "Adam" or "RAdam", one per replica.
        learning_rates: one per replica.

    Attributes:
        first, second: moment estimates, of the parameters' shapes.
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
        self._tensors = (parameters, grads, self.first, self.second)
        self._t = 0
        self._prepare(parameters[0].device)

    @staticmethod
    def on(
        device: torch.device,
        parameters: Sequence[Tensor],
        grads: Sequence[Tensor],
        optimizers: Sequence[str],
        learning_rates: Sequence[float],
    ) -> "ReplicaOptimizer":
        """Create the optimizer that is faster on the device."""
        kind = GraphOptimizer if support.serves(device) else ReplicaOptimizer
        return kind(parameters, grads, optimizers, learning_rates)

    def _prepare(self, device: torch.device) -> None:
        replicas = range(len(self._settings))
        # Step counts for the bias correction, one per tensor. The kernel increments those of live
        # replicas.
        self._counts = torch.zeros(
            len(self.first), len(replicas), dtype=torch.float32, device=device
        )
        self._rows = [
            [[t[r] for t in tensors] for tensors in (*self._tensors, self._counts)]
            for r in replicas
        ]

    @property
    def state(self) -> list[Tensor]:
        """The tensors that a step changes, other than the parameters."""
        return [*self.first, *self.second, self._counts]

    @property
    def t(self) -> int:
        """The number of steps so far."""
        return self._t

    @t.setter
    def t(self, steps: int) -> None:
        self._t = steps
        self._counts.fill_(steps)

    def begin_epoch(self, steps: int) -> None:
        """Prepare for this number of steps, before the first one."""

    @torch.no_grad()
    def step(self, dead: Tensor) -> None:
        """Update replicas whose entry in `dead` `[R]` float is 0; leave the others unchanged."""
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


class GraphOptimizer(ReplicaOptimizer):
    """An optimizer for CUDA graphs: it reads the number and the settings of the step on the device.

    Attributes:
        at: the number of steps since `begin_epoch`, `[1]` int64.
    """

    def _prepare(self, device: torch.device) -> None:
        self.at = torch.zeros(1, dtype=torch.int64, device=device)
        self._ahead = torch.zeros(0, len(self._settings), 3, dtype=torch.float32, device=device)

    @property
    def state(self) -> list[Tensor]:
        return [*self.first, *self.second, self.at]

    @property
    def t(self) -> int:
        """The number of steps so far; reading it waits for the device."""
        return self._t + int(self.at)

    @t.setter
    def t(self, steps: int) -> None:
        self._t = steps
        self.at.zero_()

    def begin_epoch(self, steps: int) -> None:
        self.t = self.t
        rows = [self._row(self._t + 1 + step) for step in range(steps)]
        ahead = torch.tensor(rows, dtype=torch.float32, device="cpu")
        if len(self._ahead) != steps:
            self._ahead = torch.empty(ahead.shape, dtype=torch.float32, device=self.at.device)
        self._ahead.copy_(ahead)  # keep the address, which a graph has recorded

    def _row(self, t: int) -> list[tuple[float, float, float]]:
        """Return the kernel's settings (a, 1/b, ε) of step t for each replica."""
        first, second = (1 - beta**t for beta in BETAS)
        found = {setting: schedule(*setting, t) for setting in set(self._settings)}
        return [(found[s][0] / first, second**-0.5, found[s][1]) for s in self._settings]

    @torch.no_grad()
    def step(self, dead: Tensor) -> None:
        from reinrelax.kernels.gpu import adam as kernel

        for tensors in zip(*self._tensors, strict=True):
            kernel.step(*tensors, self._ahead, self.at, dead)
        self.at += 1
