"""Benchmarks of the training speed against its bound and a plain PyTorch loop."""
