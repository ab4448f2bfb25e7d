"""Linear layers with a leading replica axis.

Backward passes write into gradient buffers that live as long as the layer, because a fresh temporary of that
size would be mapped and page-faulted anew at every step.
"""

import itertools
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from reinrelax.rng import Streams


class Linear:
    """y = x W + b for each replica: x `[R, B, I]`, W `[R, I, O]`, b `[R, O]`, y `[R, B, O]`.

    Args:
        inputs, outputs: I and O.
        streams: one a replica, on the CPU. Initial values are torch's default, U(−1/√I, 1/√I), and do not
            depend on the device.
        device: where it lives.
    """

    def __init__(self, inputs: int, outputs: int, streams: Streams, device: torch.device) -> None:
        bound = 1 / math.sqrt(inputs)
        self.weight, self.bias = (
            streams.uniform_(torch.empty(len(streams), *shape)).mul_(2 * bound).sub_(bound).to(device)
            for shape in ((inputs, outputs), (outputs,))
        )
        self.weight_grad, self.bias_grad = torch.zeros_like(self.weight), torch.zeros_like(self.bias)
        self._fresh = True
        # A leaf for autograd to hang the backward pass on; gradients never go through it.
        self._anchor = torch.zeros((), device=device, requires_grad=True)

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        """The map, or its positive part."""
        out: Tensor = _Linear.apply(x, self._anchor, self, relu)
        return out

    def constant(self, x: Tensor) -> Tensor:
        """The same map with parameters that take no gradient, differentiable in x any number of times."""
        return torch.baddbmm(self.bias[:, None, :], x, self.weight)

    def zero_grad(self) -> None:
        """Let the next backward pass replace the gradients; later ones add to them."""
        self._fresh = True

    def accumulate(self, x: Tensor, cotangent: Tensor) -> None:
        """Add the gradients of one call to those since `zero_grad`."""
        if self._fresh:
            torch.bmm(x.mT, cotangent, out=self.weight_grad)
            torch.sum(cotangent, 1, out=self.bias_grad)
        else:
            self.weight_grad.baddbmm_(x.mT, cotangent)
            self.bias_grad += cotangent.sum(1)
        self._fresh = False


class Stack:
    """Linear layers, and their parameters and gradients as lists of tensors `[R, ...]`.

    Args:
        widths: of each network, units of each level, inputs first.
        seeds: one a replica.
        device: where it lives.

    Attributes:
        layers: of all networks; `parts`, which of them belong to each.
    """

    def __init__(self, widths: Sequence[Sequence[int]], seeds: Sequence[int], device: torch.device) -> None:
        streams = Streams.derive(seeds, "init")
        networks = [[Linear(a, b, streams, device) for a, b in pairwise(units)] for units in widths]
        ends = list(itertools.accumulate(map(len, networks), initial=0))
        self.layers = [layer for network in networks for layer in network]
        self.parts = [slice(start, end) for start, end in pairwise(ends)]
        self.parameters = [t for layer in self.layers for t in (layer.weight, layer.bias)]
        self.grads = [t for layer in self.layers for t in (layer.weight_grad, layer.bias_grad)]

    def zero_grad(self) -> None:
        """Let the next backward pass replace all gradients."""
        for layer in self.layers:
            layer.zero_grad()


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Linear, relu: bool) -> Tensor:
        out = torch.bmm(x, layer.weight).add_(layer.bias[:, None, :])
        if relu:
            out.relu_()
        ctx.save_for_backward(x, out if relu else None)
        ctx.layer = layer
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, None, None, None]:
        x, positive = ctx.saved_tensors
        if positive is not None:
            cotangent = torch.ops.aten.threshold_backward(cotangent, positive, 0)
        cotangent = cotangent.contiguous()
        ctx.layer.accumulate(x, cotangent)
        back = torch.bmm(cotangent, ctx.layer.weight.mT) if ctx.needs_input_grad[0] else None
        return back, None, None, None
