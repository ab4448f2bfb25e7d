"""A pass over images in batches, launched individually or as CUDA graphs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.rng import CountedStreams, Streams
from reinrelax.kernels.gpu import graph

# Batches per pass from which a graph saves more time than its capture takes.
_WORTH_CAPTURING = 8


class ImagePass:
    """A pass that gathers each replica's batches, applies a function and averages its results.

    All that differs between batches is in tensors at fixed addresses, so one graph serves them all.

    Args:
        images: `[N, 784]` uint8.
        batch_size: images per batch; the last batch may be smaller.
        replicas: R.
        work: a function of images `[R, B, 784]` float32 in [0, 1] and of streams that returns K
            means over the images, `[K, R]`.
    """

    def __init__(
        self,
        images: Tensor,
        batch_size: int,
        replicas: int,
        work: Callable[[Tensor, Streams], Tensor],
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
        """The number of batches in a pass over all images."""
        return -(-len(self.images) // len(self._places))

    def run(
        self,
        order: Tensor,
        streams: Streams,
        changed: Sequence[Tensor] = (),
        on_step: Callable[[], Any] = lambda: None,
    ) -> Tensor:
        """Run the pass and return the means over the images, `[K, R]` float64.

        Args:
            order: indices of the images in order, or of some of them, `[R, n]` int64.
            streams: one stream per replica, on the images' device.
            changed: the tensors that `work` changes.
            on_step: a function called after every batch.
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
        """Gather the next B = `size` images of each replica, `[R, B, 784]` float32 in [0, 1]."""
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
        """Capture a full batch as a graph, once one has run; None if graphs are not available."""
        if (
            not isinstance(self._streams, CountedStreams)
            or self._sums is None
            or not _on_gpu(self.images)
        ):
            return None
        state = [*changed, self._sums, self._at, self._streams.counters]
        return graph.captured(lambda: self._batch(len(self._places)), state)


def _on_gpu(images: Tensor) -> bool:
    return images.is_cuda
