"""Linear layers with a leading replica axis, over one flat buffer of parameters.

All parameters of a replica lie side by side in a row of `[R, P]`, and so do their gradients: the optimizer
walks memory once, and a checkpoint is one tensor. Backward passes write into the gradient buffer in place,
because a fresh temporary of this size would be mapped and page-faulted anew at every step.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from reinrelax.rng import Streams


class Linear:
    """y = x Wᵀ + b for each replica: x `[R, B, I]`, W `[R, O, I]`, b `[R, O]`, y `[R, B, O]`."""

    def __init__(self, weight: Tensor, bias: Tensor, weight_grad: Tensor, bias_grad: Tensor) -> None:
        self.weight, self.bias = weight, bias
        self.weight_grad, self.bias_grad = weight_grad, bias_grad
        self.fresh = True
        # A leaf for autograd to hang the backward pass on; gradients never go through it.
        self._anchor = torch.zeros((), device=weight.device, requires_grad=True)

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = _Linear.apply(x, self._anchor, self)
        return out

    def accumulate(self, x: Tensor, cotangent: Tensor) -> None:
        """Add this call's gradients to those of the step so far, or replace last step's."""
        keep = 0.0 if self.fresh else 1.0
        torch.baddbmm(self.weight_grad, cotangent.mT, x, beta=keep, out=self.weight_grad)
        if self.fresh:
            torch.sum(cotangent, 1, out=self.bias_grad)
        else:
            self.bias_grad += cotangent.sum(1)
        self.fresh = False


class Parameters:
    """Flat parameters and gradients `[R, P]` of a stack of linear layers.

    Args:
        sizes: (inputs, outputs) of each layer.
        seeds: one a replica. Initial values are torch's default, U(−1/√I, 1/√I), drawn on the CPU so that
            they do not depend on the device.
        device: where they live.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], seeds: Sequence[int], device: torch.device) -> None:
        replicas = len(seeds)
        count = sum(inputs * outputs + outputs for inputs, outputs in sizes)
        self.values = torch.empty(replicas, count)
        self.grads = torch.zeros(replicas, count, device=device)
        streams = Streams.derive(seeds, "init")
        offset = 0
        for inputs, outputs in sizes:
            size = inputs * outputs + outputs
            part = self.values[:, offset : offset + size]
            streams.uniform_(part).mul_(2).sub_(1).div_(math.sqrt(inputs))
            offset += size
        self.values = self.values.to(device)
        self.layers = []
        offset = 0
        for inputs, outputs in sizes:
            views = []
            for shape in ((outputs, inputs), (outputs,)):
                size = math.prod(shape)
                views.append(
                    [t[:, offset : offset + size].unflatten(1, shape) for t in (self.values, self.grads)]
                )
                offset += size
            (weight, weight_grad), (bias, bias_grad) = views
            self.layers.append(Linear(weight, bias, weight_grad, bias_grad))

    def zero_grad(self) -> None:
        """Let the next backward pass replace the gradients."""
        for layer in self.layers:
            layer.fresh = True


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Linear) -> Tensor:
        ctx.save_for_backward(x)
        ctx.layer = layer
        return torch.baddbmm(layer.bias[:, None, :], x, layer.weight.mT)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, None, None]:
        (x,) = ctx.saved_tensors
        cotangent = cotangent.contiguous()
        ctx.layer.accumulate(x, cotangent)
        return (cotangent @ ctx.layer.weight if ctx.needs_input_grad[0] else None), None, None
