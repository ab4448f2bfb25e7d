"""Named random streams: one generator per replica, seeded by (seed, purpose)."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from reinrelax.errors import InputError
from reinrelax.kernels.gpu import support


def derive(*parts: object) -> int:
    """Return a 63-bit seed that depends on every part and on their order.

    >>> derive(0, "noise", 1) == derive(0, "noise", 1)
    True
    >>> derive(0, "noise", 1) == derive(0, "noise", 2)
    False
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Streams:
    """Noise for tensors with a leading replica axis R; replica r draws from generator r alone.

    A replica therefore draws the same numbers whether it runs alone or with others, whatever the
    memory layout of the output. Noise is float32 or float64: rounding to 16 bits would distort the
    distribution of its logarithm.
    """

    def __init__(self, generators: Sequence[torch.Generator | None]) -> None:
        self.generators = tuple(generators)

    @classmethod
    def derive(
        cls, seeds: Sequence[int], *purpose: object, device: torch.device | str = "cpu"
    ) -> "Streams":
        """Create streams for replicas with these seeds, independent of any other purpose's."""
        keys = [derive(seed, *purpose) for seed in seeds]
        if support.serves(torch.device(device)):
            return CountedStreams(
                *torch.tensor([keys, [0] * len(keys)], dtype=torch.int64, device=device)
            )
        return cls([torch.Generator(device).manual_seed(key) for key in keys])

    def __len__(self) -> int:
        return len(self.generators)

    def split(self, *tensors: Tensor) -> "Iterator[tuple[Any, ...]]":
        """Yield, for each replica, its slices of the tensors `[R, ...]` and its stream."""
        self._check(*tensors)
        for replica, generator in enumerate(self.generators):
            yield (*(tensor[replica] for tensor in tensors), Streams([generator]))

    def uniform_(self, out: Tensor) -> Tensor:
        """Fill `out` `[R, ...]` with U(0, 1), excluding 0 and 1, and return it."""
        self._fill(out, _uniform)
        # Move values at 0 and 1 inwards: ε/4 from 0, ε/2 from 1.
        epsilon = torch.finfo(out.dtype).eps
        return out.clamp_(epsilon / 4, 1 - epsilon / 2)

    def exponential_(self, out: Tensor) -> Tensor:
        """Fill `out` `[R, ...]` with Exp(1), excluding 0 and infinity, and return it.

        On a CPU this is five times as fast as `Tensor.exponential_`.
        """
        return self.uniform_(out).log_().neg_()

    def normal_(self, out: Tensor) -> Tensor:
        """Fill `out` `[R, ...]` with N(0, 1) and return it."""
        return self._fill(out, lambda part, generator: part.normal_(generator=generator))

    def permutations(self, n: int) -> Tensor:
        """Draw a permutation of 0 … n − 1 per replica: `[R, n]` int64 on the generators' device."""
        return torch.stack(
            [
                torch.randperm(
                    n, generator=g, dtype=torch.int64, device=None if g is None else g.device
                )
                for g in self.generators
            ]
        )

    def _fill(
        self, out: Tensor, fill: "Callable[[Tensor, torch.Generator | None], Tensor]"
    ) -> Tensor:
        """Fill each replica's part of `out` in index order, whatever the memory order."""
        self._check(out)
        _check_noise(out)
        for replica, generator in enumerate(self.generators):
            part = out[replica]
            if part.is_contiguous():
                fill(part, generator)
            else:
                part.copy_(fill(_like(part), generator))
        return out

    def _check(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if len(tensor) != len(self):
                raise InputError(
                    f"{len(self)} streams for {len(tensor)} replicas; give one stream a replica"
                )


class CountedStreams(Streams):
    """Streams whose entire state is in tensors on the device, so that a CUDA graph can advance it.

    Attributes:
        keys: one key per replica, `[R]` int64.
        counters: the number of calls so far, `[R]` int64.
    """

    def __init__(self, keys: Tensor, counters: Tensor) -> None:
        super().__init__([None] * len(keys))
        self.keys, self.counters = keys, counters

    def continue_as(self, other: "Streams") -> None:
        """Copy the state of another stream, in place."""
        assert isinstance(other, CountedStreams)
        self.keys.copy_(other.keys)
        self.counters.copy_(other.counters)

    def split(self, *tensors: Tensor) -> "Iterator[tuple[Any, ...]]":
        self._check(*tensors)
        for r in range(len(self)):
            part = slice(r, r + 1)
            yield (
                *(tensor[r] for tensor in tensors),
                CountedStreams(self.keys[part], self.counters[part]),
            )

    def uniform_(self, out: Tensor) -> Tensor:
        from reinrelax.kernels.gpu.random import uniform_

        self._check(out)
        _check_noise(out)
        if out.is_contiguous():
            return uniform_(out, self.keys, self.counters)
        return out.copy_(uniform_(_like(out), self.keys, self.counters))

    def normal_(self, out: Tensor) -> Tensor:
        return self.uniform_(out).mul_(2).sub_(1).erfinv_().mul_(2**0.5)

    def permutations(self, n: int) -> Tensor:
        return self.uniform_(
            torch.empty(len(self), n, dtype=torch.float64, device=self.keys.device)
        ).argsort(1)


class TracedStreams(Streams):
    """Noise of the same distribution, from operations that torch's compiler and transforms know."""

    def uniform_(self, out: Tensor) -> Tensor:
        """Return U(0, 1) of the shape of `out`, which is not modified."""
        epsilon = torch.finfo(out.dtype).eps
        return torch.rand_like(out).clamp(epsilon / 4, 1 - epsilon / 2)

    def normal_(self, out: Tensor) -> Tensor:
        """Return N(0, 1) of the shape of `out`, which is not modified."""
        return torch.randn_like(out)


def traced() -> bool:
    """Check whether torch's compiler or one of its transforms, such as `vmap`, is at work.

    Values cannot be looked at there, and nothing can be filled in place.
    """
    return torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None


def one_stream(owner: str, generator: torch.Generator | None) -> Streams:
    """Return the noise of one replica, as traced operations if traced.

    Args:
        owner: the name of the function or class that draws, for an error.
        generator: its source; torch's global one if None.

    Raises:
        InputError: a generator was given, and cannot be traced.
    """
    if not traced():
        return Streams([generator])
    if generator is not None:
        raise InputError(
            f"{owner}: a generator cannot be traced; leave it out under torch.compile and vmap"
        )
    return TracedStreams([None])


def _check_noise(out: Tensor) -> None:
    if out.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"noise is drawn in float32 or float64, not in {out.dtype}: cast what is made of it"
        )


def _like(out: Tensor) -> Tensor:
    """Allocate a contiguous tensor of the same shape, dtype and device."""
    return torch.empty(out.shape, dtype=out.dtype, device=out.device)


def _uniform(out: Tensor, generator: torch.Generator | None) -> Tensor:
    """Fill contiguous `out` with U(0, 1); 0 and 1 may occur."""
    if out.dtype != torch.float32 or out.device.type != "cpu":
        return out.uniform_(generator=generator)
    # On a CPU, 64 random bits cost as much as one random float and are enough for two.
    words = torch.empty((out.numel() + 1) // 2, dtype=torch.int64, device=out.device).random_(
        -(2**63), None, generator=generator
    )
    return (
        out.copy_(words.view(torch.int32)[: out.numel()].view(out.shape)).mul_(2.0**-32).add_(0.5)
    )
