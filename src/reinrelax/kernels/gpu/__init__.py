"""Triton kernels and CUDA graphs, which keep a GPU busy with replicas of a small network."""
