"""Linear layers with a leading replica axis.

Backward passes write into gradient buffers that live as long as the layer, because a new temporary
of that size would be mapped and page-faulted at every step.
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
    """A linear layer y = x W + b: x `[R, B, I]`, W `[R, I, O]`, b `[R, O]`, y `[R, B, O]`.

    Args:
        inputs, outputs: I and O.
        streams: one stream per replica, on the CPU. Initial values follow torch's default,
            U(−1/√I, 1/√I), and do not depend on the device.
        device: the device of the parameters.
        products: the dtype to which factors and results of matrix products are rounded, forward and
            backward, as in torch.autocast. Parameters, biases and gradients are float32.
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
        self.weight_grad, self.bias_grad = (
            torch.zeros_like(self.weight),
            torch.zeros_like(self.bias),
        )
        self.products = products
        self._fresh = True
        # A leaf that makes autograd run the backward pass; it never receives a gradient.
        self._anchor = torch.zeros((), dtype=torch.float32, device=device, requires_grad=True)

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        """Apply the layer, optionally with ReLU."""
        out: Tensor = _Linear.apply(x, self._anchor, self, relu)
        return out

    def constant(self, x: Tensor) -> Tensor:
        """Apply the layer in float32 with constant parameters, infinitely differentiable in x."""
        return torch.baddbmm(self.bias[:, None, :], x, self.weight)

    def zero_grad(self) -> None:
        """Let the next backward pass overwrite the gradients; later passes add to them."""
        self._fresh = True

    def accumulate(self, x: Tensor, cotangent: Tensor) -> None:
        """Add the gradients of one call to those accumulated since `zero_grad`."""
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
    """Networks of linear layers, with all parameters and gradients as lists of tensors `[R, ...]`.

    Args:
        widths: the widths of each network's levels, starting with the input.
        seeds: one seed per replica.
        device: the device of the parameters.
        products: see `Linear`.

    Attributes:
        layers: the layers of all networks.
        parts: for each network, the slice of its layers.
        parameters, grads: weight and bias of each layer in turn, and their gradients.
    """

    def __init__(
        self,
        widths: Sequence[Sequence[int]],
        seeds: Sequence[int],
        device: torch.device,
        products: torch.dtype = torch.float32,
    ) -> None:
        streams = Streams.derive(seeds, "init")
        networks = [
            [Linear(a, b, streams, device, products) for a, b in pairwise(units)]
            for units in widths
        ]
        ends = list(itertools.accumulate(map(len, networks), initial=0))
        self.layers = [layer for network in networks for layer in network]
        self.parts = [slice(start, end) for start, end in pairwise(ends)]
        self.parameters = [t for layer in self.layers for t in (layer.weight, layer.bias)]
        self.grads = [t for layer in self.layers for t in (layer.weight_grad, layer.bias_grad)]

    def zero_grad(self) -> None:
        """Let the next backward pass overwrite all gradients."""
        for layer in self.layers:
            layer.zero_grad()


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Linear, relu: bool) -> Tensor:
        # `to` copies only if the dtype differs.
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
