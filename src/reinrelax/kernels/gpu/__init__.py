"""Kernels in Triton, and steps as CUDA graphs: what keeps a GPU busy with replicas of a small network."""
