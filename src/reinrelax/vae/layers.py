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

from reinrelax.core.rng import Streams


class Linear:
    """y = x W + b for each replica: x `[R, B, I]`, W `[R, I, O]`, b `[R, O]`, y `[R, B, O]`.

    Args:
        inputs, outputs: I and O.
        streams: one a replica, on the CPU. Initial values are torch's default, U(−1/√I, 1/√I), and do not
            depend on the device.
        device: where it lives.
        products: to which precision factors and products of matrices are rounded, forward and backward, as
            torch.autocast does; parameters, biases, gradients and all else are float32.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        streams: Streams,
        device: torch.device,
        products: torch.dtype = torch.float32,
    ) -> None:
        bound = 1 / math.sqrt(inputs)
        self.weight, self.bias = (
            streams.uniform_(torch.empty(len(streams), *shape, dtype=torch.float32, device="cpu"))
            .mul_(2 * bound)
            .sub_(bound)
            .to(device)
            for shape in ((inputs, outputs), (outputs,))
        )
        self.weight_grad, self.bias_grad = torch.zeros_like(self.weight), torch.zeros_like(self.bias)
        self.products = products
        self._fresh = True
        # A leaf for autograd to hang the backward pass on; gradients never go through it.
        self._anchor = torch.zeros((), dtype=torch.float32, device=device, requires_grad=True)

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        """The map, or its positive part."""
        out: Tensor = _Linear.apply(x, self._anchor, self, relu)
        return out

    def constant(self, x: Tensor) -> Tensor:
        """The same map in float32 with parameters that take no gradient, differentiable in x at will."""
        return torch.baddbmm(self.bias[:, None, :], x, self.weight)

    def zero_grad(self) -> None:
        """Let the next backward pass replace the gradients; later ones add to them."""
        self._fresh = True

    def accumulate(self, x: Tensor, cotangent: Tensor) -> None:
        """Add the gradients of one call to those since `zero_grad`."""
        if not self._fresh:
            self.weight_grad += torch.bmm(x.mT, cotangent.to(x.dtype))
            self.bias_grad += cotangent.sum(1)
            return
        if x.dtype == self.weight_grad.dtype:
            torch.bmm(x.mT, cotangent, out=self.weight_grad)
        else:
            self.weight_grad.copy_(torch.bmm(x.mT, cotangent.to(x.dtype)))
        torch.sum(cotangent, 1, out=self.bias_grad)
        self._fresh = False


class Stack:
    """Linear layers, and their parameters and gradients as lists of tensors `[R, ...]`.

    Args:
        widths: of each network, units of each level, inputs first.
        seeds: one a replica.
        device: where it lives.
        products: see `Linear`.

    Attributes:
        layers: of all networks; `parts`, which of them belong to each.
    """

    def __init__(
        self,
        widths: Sequence[Sequence[int]],
        seeds: Sequence[int],
        device: torch.device,
        products: torch.dtype = torch.float32,
    ) -> None:
        streams = Streams.derive(seeds, "init")
        networks = [[Linear(a, b, streams, device, products) for a, b in pairwise(units)] for units in widths]
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
        # Rounding is no copy where there is nothing to round.
        x, weight = x.to(layer.products), layer.weight.to(layer.products)
        out = torch.bmm(x, weight).float().add_(layer.bias[:, None, :])
        if relu:
            out.relu_()
        ctx.save_for_backward(x, out if relu else None)
        ctx.layer, ctx.weight = layer, weight
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, None, None, None]:
        x, positive = ctx.saved_tensors
        if positive is not None:
            cotangent = torch.ops.aten.threshold_backward(cotangent, positive, 0)
        cotangent = cotangent.contiguous()
        ctx.layer.accumulate(x, cotangent)
        if not ctx.needs_input_grad[0]:
            return None, None, None, None
        return torch.bmm(cotangent.to(x.dtype), ctx.weight.mT).float(), None, None, None
