"""A pass over images in batches, launched one by one or as CUDA graphs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.rng import CountedStreams, Streams
from reinrelax.kernels.gpu import graph

# Batches of a pass from which on a graph saves more than it costs.
_WORTH_CAPTURING = 8


class Pass:
    """Gathers the batches of every replica, works on them, and averages what that finds.

    What differs between batches is in tensors that stay where they are, so that one graph serves them all.

    Args:
        images: `[N, 784]` uint8.
        batch_size: images a batch; the last one may be smaller.
        replicas: R.
        work: from images `[R, B, 784]` float32 in [0, 1] and noise, quantities `[K, R]`, means over images.
    """

    def __init__(
        self, images: Tensor, batch_size: int, replicas: int, work: Callable[[Tensor, Streams], Tensor]
    ) -> None:
        self.images, self._work = images, work
        self._places = torch.arange(batch_size, dtype=torch.int64, device=images.device)
        self._order = torch.zeros(replicas, len(images), dtype=torch.int64, device=images.device)
        self._at = torch.zeros(1, dtype=torch.int64, device=images.device)
        self._sums: Tensor | None = None
        self._streams: Streams | None = None
        self._replay: Callable[[], None] | None = None

    @property
    def steps(self) -> int:
        """Batches of a pass over all images."""
        return -(-len(self.images) // len(self._places))

    def run(
        self,
        order: Tensor,
        streams: Streams,
        changed: Sequence[Tensor] = (),
        on_step: Callable[[], Any] = lambda: None,
    ) -> Tensor:
        """Means over the images, `[K, R]` float64.

        Args:
            order: of the images, or of some of them, `[R, n]` int64.
            streams: one a replica, on the images' device.
            changed: tensors that the work changes.
            on_step: called after every batch.
        """
        count = order.shape[1]
        full, rest = divmod(count, len(self._places))
        self._order[:, :count].copy_(order)
        self._at.zero_()
        if self._sums is not None:
            self._sums.zero_()
        if isinstance(self._streams, CountedStreams):
            self._streams.continue_as(streams)
        else:
            self._streams = streams
        for number in range(full):
            if number == 1 and self._replay is None and full >= _WORTH_CAPTURING:
                self._replay = self._captured(changed)
            if self._replay is not None:
                self._replay()
            else:
                self._batch(len(self._places))
            on_step()
        if rest:
            self._batch(rest)
            on_step()
        assert self._sums is not None
        return self._sums / count

    def batch(self, size: int) -> Tensor:
        """The next so many images `[R, B, 784]` float32 in [0, 1] of each replica."""
        index = self._order.index_select(1, self._places[:size] + self._at)
        self._at += size
        rows = self.images.index_select(0, index.flatten()).view(*index.shape, -1)
        return rows.to(torch.float32).div_(255)

    def _batch(self, size: int) -> None:
        assert self._streams is not None
        found = self._work(self.batch(size), self._streams).double() * size
        if self._sums is None:
            self._sums = found
        else:
            self._sums += found

    def _captured(self, changed: Sequence[Tensor]) -> Callable[[], None] | None:
        """One full batch as a graph, after a first one without; None where there are no graphs."""
        if not isinstance(self._streams, CountedStreams) or self._sums is None or not _on_gpu(self.images):
            return None
        state = [*changed, self._sums, self._at, self._streams.counters]
        return graph.captured(lambda: self._batch(len(self._places)), state)


def _on_gpu(images: Tensor) -> bool:
    return images.is_cuda
