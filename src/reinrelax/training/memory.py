"""Retention of freed memory, which glibc would return to the system and fault in at every step."""

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20  # the largest value that glibc accepts
_TOP_PAD = 256 << 20


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for this process; do nothing with another C library.

    A training step frees and allocates thousands of pages, and each page fault takes microseconds
    (more on a virtual machine).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, _TOP_PAD)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
