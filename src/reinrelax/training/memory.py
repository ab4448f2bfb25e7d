"""Keeps freed memory in the process, where glibc would give it back and fault it in again at every step."""

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20  # glibc refuses more
_TOP_PAD = 256 << 20


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for this process; does nothing under another C library.

    A page fault costs microseconds, more on a virtual machine, and a training step frees and allocates
    thousands of pages.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, _TOP_PAD)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
