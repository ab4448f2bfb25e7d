"""Errors that say how to reduce memory use."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from reinrelax.errors import ReinrelaxError

# Messages of torch on a CPU, torch on a GPU, C++ and the dynamic loader.
_OUT_OF_MEMORY = re.compile(
    "allocate memory|out of memory|bad_alloc|failed to map segment", re.IGNORECASE
)


@contextmanager
def out_of_memory(name: str) -> Iterator[None]:
    """Turn any kind of out-of-memory failure into an error that says how to reduce memory use."""
    try:
        yield
    except (MemoryError, RuntimeError, ImportError) as error:
        if not isinstance(error, MemoryError) and not _OUT_OF_MEMORY.search(str(error)):
            raise
        raise ReinrelaxError(
            f"{name}: out of memory ({error}). Run fewer jobs at once (--cores) or lower"
            " machine.max_replicas_per_job; on a GPU, lower machine.jobs_per_gpu"
        ) from error
