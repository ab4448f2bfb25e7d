"""Compiled kernels in C and in Triton."""
