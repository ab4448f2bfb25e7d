"""Compiled code alone: kernels in C and in Triton."""
