"""Layers that learn which of their inputs or channels to keep (Louizos et al., 2018).

>>> import torch
>>> layer = L0Linear(20, 3)
>>> x = torch.randn(8, 20)
>>> loss = layer(x).square().mean() + 0.01 * l0_penalty(layer)
>>> small = layer.eval().pruned()  # the same function of the remaining inputs
"""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from reinrelax.distributions.hard_concrete import HardConcrete
from reinrelax.errors import InputError
from reinrelax.layers.temperature import Tempered


def l0_penalty(module: nn.Module) -> Tensor:
    """Return the expected number of non-zero weights, summed over the gated layers of a module.

    Raises:
        InputError: the module has no gated layer.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _Gated)]
    if not layers:
        raise InputError(f"l0_penalty: {type(module).__name__} has no layer with gates")
    return torch.stack([layer.penalty() for layer in layers]).sum()


class _Gated(Tempered):
    """A layer whose weights are multiplied by Hard Concrete gates, one per group of weights.

    In training, gates are drawn at each call and shared by the whole batch. In evaluation they take
    their deterministic values (`deployed`), many of them exactly zero.

    Attributes:
        log_alpha: the gates' parameter log α, `[gates]`.
        cost: the number of weights in the group of each gate.
    """

    def _enter(self, gates: int, cost: int, kept: float) -> None:
        if not isinstance(kept, (int, float)) or not 0 < kept < 1:
            raise InputError(f"{type(self).__name__}: kept must be in (0, 1); got {kept!r}")
        self.cost = cost
        start = math.log(kept) - math.log1p(-kept)
        self.log_alpha = nn.Parameter(torch.empty(gates).normal_(start, 0.01))

    @property
    def law(self) -> HardConcrete:
        """Return the distribution of the gates."""
        return HardConcrete(self.tau, logits=self.log_alpha, validate_args=False)

    def gates(self, generator: torch.Generator | None = None) -> Tensor:
        """Return the gates `[gates]`, drawn in training and deterministic in evaluation."""
        return self.law.rsample(generator=generator) if self.training else self.law.deployed

    def penalty(self) -> Tensor:
        """Return the expected number of non-zero weights."""
        return self.cost * self.law.l0_penalty.sum()

    @torch.no_grad()
    def kept(self) -> Tensor:
        """Return the indices of the gates that are open in evaluation."""
        return self.law.deployed.nonzero()[:, 0]

    def extra_repr(self) -> str:
        return f"tau={self.tau:g}"


class L0Linear(_Gated):
    """A linear layer with one gate per input: x ∘ z is multiplied by the weights.

    Args:
        in_features: the size of the input.
        out_features: the size of the output.
        bias: whether to add a bias, which is not gated.
        kept: the initial probability α/(1 + α) of each gate.
        tau: the temperature β of the gates.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        kept: float = 0.8,
        tau: float = 2 / 3,
    ) -> None:
        super().__init__(tau)
        self.plain = nn.Linear(in_features, out_features, bias)
        self._enter(in_features, out_features, kept)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Map `[..., in_features]` to `[..., out_features]`."""
        out: Tensor = self.plain(x * self.gates(generator))
        return out

    @torch.no_grad()
    def pruned(self) -> nn.Sequential:
        """Return an equivalent layer for evaluation, without gates and without closed inputs."""
        index = self.kept()
        weight = (self.plain.weight * self.law.deployed)[:, index]
        small = _remade(self.plain, weight, self.plain.bias, in_features=len(index))
        return nn.Sequential(Select(index, -1), small)


class L0Conv2d(_Gated):
    """A convolution with one gate per output channel, which also multiplies the bias.

    Args:
        in_channels, out_channels, kernel_size: as for `torch.nn.Conv2d`.
        bias: whether to add a bias.
        kept: the initial probability α/(1 + α) of each gate.
        tau: the temperature β of the gates.
        **options: stride, padding, dilation, padding_mode of `torch.nn.Conv2d`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        bias: bool = True,
        *,
        kept: float = 0.8,
        tau: float = 2 / 3,
        **options: Any,
    ) -> None:
        super().__init__(tau)
        if options.get("groups", 1) != 1:
            raise InputError("L0Conv2d: groups must be 1, so that single channels can be removed")
        self.plain = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias, **options)
        self._enter(out_channels, self.plain.weight[0].numel(), kept)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Map `[..., in_channels, H, W]` to `[..., out_channels, H′, W′]`."""
        out: Tensor = self.plain(x)
        return out * self.gates(generator)[:, None, None]

    @torch.no_grad()
    def pruned(self) -> nn.Sequential:
        """Return an equivalent layer for evaluation, without gates, that skips closed channels.

        Its first part computes the remaining channels. Its second part puts them at their original
        indices; closed channels are zero.
        """
        # A convolution needs at least one channel.
        index, plain = self.kept(), self.plain
        index = index if len(index) else index.new_zeros(1)
        gates = self.law.deployed[index]
        bias = None if plain.bias is None else plain.bias[index] * gates
        weight = plain.weight[index] * gates[:, None, None, None]
        small = _remade(plain, weight, bias, out_channels=len(index))
        return nn.Sequential(small, Place(index, plain.out_channels, -3))


class Select(nn.Module):
    """A layer that selects entries along an axis."""

    index: Tensor

    def __init__(self, index: Tensor, dim: int) -> None:
        super().__init__()
        self.register_buffer("index", index)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Select entries; the axis then has as many entries as there are indices."""
        return x.index_select(self.dim, self.index)


class Place(nn.Module):
    """A layer that puts entries at given indices of an axis, and zeros elsewhere."""

    index: Tensor

    def __init__(self, index: Tensor, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("index", index)
        self.size, self.dim = size, dim

    def forward(self, x: Tensor) -> Tensor:
        """Place the entries; the axis then has `size` entries."""
        shape = list(x.shape)
        shape[self.dim] = self.size
        return x.new_zeros(shape).index_copy(self.dim, self.index, x)


def _remade(layer: nn.Module, weight: Tensor, bias: Tensor | None, **sizes: int) -> nn.Module:
    """Copy a layer with different parameters and sizes."""
    new = copy.deepcopy(layer)
    new.weight = nn.Parameter(weight.clone())
    new.register_parameter("bias", None if bias is None else nn.Parameter(bias.clone()))
    for name, size in sizes.items():
        setattr(new, name, size)
    return new
