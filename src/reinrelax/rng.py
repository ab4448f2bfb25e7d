"""Named random streams: one generator a replica, derived from (seed, purpose), never from global state."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def derive(*parts: object) -> int:
    """A 63-bit seed that depends on every part and on their order.

    >>> derive(0, "noise", 1) == derive(0, "noise", 1), derive(0, "noise", 1) == derive(0, "noise", 2)
    (True, False)
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Streams:
    """Noise for tensors with a leading replica axis R; replica r draws from generator r alone.

    So a replica draws the same numbers whether it runs alone or beside others.
    """

    def __init__(self, generators: Sequence[torch.Generator | None]) -> None:
        self.generators = tuple(generators)

    @classmethod
    def derive(cls, seeds: Sequence[int], *purpose: object, device: torch.device | str = "cpu") -> "Streams":
        """Streams for the replicas with these seeds, apart from those of any other purpose."""
        return cls([torch.Generator(device).manual_seed(derive(seed, *purpose)) for seed in seeds])

    def __len__(self) -> int:
        return len(self.generators)

    def split(self, *tensors: Tensor) -> "Iterator[tuple[Any, ...]]":
        """For each replica, its slices of the tensors `[R, ...]` and its own stream."""
        for replica, generator in enumerate(self.generators):
            yield (*(tensor[replica] for tensor in tensors), Streams([generator]))

    def uniform_(self, out: Tensor) -> Tensor:
        """Fill `out` `[R, ...]` with U(0, 1), zero and one excluded, and return it."""
        for replica, generator in enumerate(self.generators):
            _fill(out[replica], generator)
        # Ends are moved inwards, by half the distance to their neighbour at zero and all of it at one.
        epsilon = torch.finfo(out.dtype).eps
        return out.clamp_(epsilon / 4, 1 - epsilon / 2)

    def exponential_(self, out: Tensor) -> Tensor:
        """Fill `out` `[R, ...]` with Exp(1), zero and infinity excluded, and return it.

        Five times as fast on a CPU as `Tensor.exponential_`.
        """
        return self.uniform_(out).log_().neg_()

    def normal_(self, out: Tensor) -> Tensor:
        """Fill `out` `[R, ...]` with N(0, 1) and return it."""
        for replica, generator in enumerate(self.generators):
            out[replica].normal_(generator=generator)
        return out

    def permutations(self, n: int) -> Tensor:
        """One permutation of 0 … n − 1 per replica, `[R, n]` int64, on the generators' device."""
        return torch.stack(
            [torch.randperm(n, generator=g, device=None if g is None else g.device) for g in self.generators]
        )


def _fill(out: Tensor, generator: torch.Generator | None) -> None:
    """Fill `out` with U(0, 1), ends included or not."""
    if out.dtype != torch.float32 or out.device.type != "cpu":
        out.uniform_(generator=generator)
        return
    # On a CPU, 64 random bits cost what one random float does, and are enough for two.
    words = torch.empty((out.numel() + 1) // 2, dtype=torch.int64).random_(
        -(2**63), None, generator=generator
    )
    out.copy_(words.view(torch.int32)[: out.numel()].view(out.shape)).mul_(2.0**-32).add_(0.5)
